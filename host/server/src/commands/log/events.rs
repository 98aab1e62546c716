//! `colophon log events`: the named events of all hosts.

use anyhow::{Result, anyhow};
use colophon_core::event::NamedEvent;
use colophon_store::log::{EventFilter, EventRow, RowCursor};
use serde::{Serialize, Serializer};

use super::super::known_center;
use super::{PAGE, instant, period};
use crate::cli::EventsArgs;
use crate::house::House;
use crate::output::{Output, table};

#[derive(Serialize)]
struct Events {
    events: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    event: String,
    at: String,
    code: String,
    name: String,
    severity: &'static str,
    node: String,
    center: Option<String>,
    message: String,
    #[serde(serialize_with = "in_order")]
    details: Vec<(String, String)>,
}

/// As an object whose members stand in the order in which they were told.
fn in_order<S: Serializer>(pairs: &[(String, String)], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Prints every event, oldest first.
pub(super) async fn list(house: &House, arguments: &EventsArgs, output: Output) -> Result<()> {
    let name = arguments.name.as_deref().map(published);
    let center = match &arguments.center {
        Some(center) => Some(known_center(house, center).await?),
        None => None,
    };
    let filter = EventFilter {
        period: period(arguments.days),
        name: name.transpose()?,
        center,
    };
    let mut lines = Vec::new();
    let mut after = None;
    loop {
        let page = house.store.list_server_events(&filter, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(RowCursor {
            at: last.at,
            event: last.event,
        });
        lines.extend(page.into_iter().map(line));
    }
    lines.reverse();
    output.print(&Events { events: lines }, text)
}

/// The event of this name or number, in whatever case it was typed.
fn published(typed: &str) -> Result<NamedEvent> {
    let found = NamedEvent::find(&typed.to_lowercase());
    found
        .or_else(|| NamedEvent::find(&typed.to_uppercase()))
        .ok_or_else(|| unknown(typed))
}

fn unknown(typed: &str) -> anyhow::Error {
    let slugs = NamedEvent::ALL.iter().map(|event| event.slug());
    let near = slugs
        .clone()
        .map(|slug| (strsim::jaro_winkler(slug, typed), slug))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    match near {
        Some((_, slug)) => anyhow!("there is no event {typed:?}; did you mean {slug}?"),
        None => {
            let slugs: Vec<&str> = slugs.collect();
            anyhow!(
                "there is no event {typed:?}; there are {}",
                slugs.join(", ")
            )
        }
    }
}

fn line(row: EventRow) -> Line {
    Line {
        event: row.event.to_string(),
        at: instant(row.at).map_or_else(String::new, |instant| instant.to_string()),
        code: row.code,
        name: row.name,
        severity: row.severity.slug(),
        node: row.node.to_string(),
        center: row.center.as_ref().map(ToString::to_string),
        message: row.message,
        details: row.details,
    }
}

fn text(events: &Events) -> String {
    let rows = events.events.iter().map(|line| {
        let reason = line.details.iter().find(|(name, _)| name == "reason");
        let message = match reason {
            Some((_, reason)) => format!("{}: {reason}", line.message.trim_end_matches('.')),
            None => line.message.clone(),
        };
        vec![
            line.at.clone(),
            line.code.clone(),
            line.name.clone(),
            line.severity.to_owned(),
            line.node.clone(),
            line.about(),
            message,
        ]
    });
    let headings = [
        "time (UTC)",
        "code",
        "name",
        "severity",
        "node",
        "about",
        "message",
    ];
    table(&headings, rows)
}

impl Line {
    /// The center, plug-in and request that it is about, where it tells them.
    fn about(&self) -> String {
        let told = |wanted: &str| {
            let found = self.details.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let center = self
            .center
            .as_ref()
            .map(|center| format!("center {center}"));
        // What a host calls it, or what it calls itself.
        let plugin = told("plugin.id").or(told("plugin.name"));
        let plugin = plugin.map(|name| match told("plugin.version") {
            Some(version) => format!("plug-in {name} {version}"),
            None => format!("plug-in {name}"),
        });
        let request = told("request.id").map(|request| format!("request {request}"));
        let about = [center, plugin, request].into_iter().flatten();
        about.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_name_and_by_number() {
        for event in NamedEvent::ALL {
            assert_eq!(published(event.slug()).unwrap(), *event);
            assert_eq!(published(&event.code().to_lowercase()).unwrap(), *event);
        }
    }

    #[test]
    fn an_unknown_event_is_answered_with_the_nearest_or_all() {
        let said = |typed: &str| published(typed).unwrap_err().to_string();
        assert_eq!(
            said("request-ilegal"),
            "there is no event \"request-ilegal\"; did you mean request-illegal?"
        );
        assert!(said("zzz").ends_with("package-broken, repository-workers-stalled"));
    }

    fn row(details: &[(&str, &str)]) -> EventRow {
        let pairs = details.iter();
        EventRow {
            event: colophon_core::id::EventId::from_bytes([1; 16]),
            node: colophon_core::id::NodeId::from_bytes([2; 16]),
            at: colophon_core::time::Timestamp::from_unix_ms(0),
            code: "COL1001".to_owned(),
            name: "started".to_owned(),
            severity: colophon_core::log::Severity::Info,
            center: Some("main".parse().unwrap()),
            message: "The host accepts requests.".to_owned(),
            details: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    #[test]
    fn people_are_told_what_an_event_is_about() {
        let details = [
            ("plugin.name", "acme-shelf"),
            ("plugin.version", "1.4.0"),
            ("request.id", "0190"),
            ("reason", "a trap"),
        ];
        let told = line(row(&details)).about();
        assert_eq!(told, "center main, plug-in acme-shelf 1.4.0, request 0190");
        assert_eq!(line(row(&[])).about(), "center main");
    }

    #[test]
    fn details_keep_their_order() {
        let json = serde_json::to_string(&line(row(&[("z", "1"), ("a", "2")]))).unwrap();
        assert!(json.ends_with(r#""details":{"z":"1","a":"2"}}"#), "{json}");
    }
}
