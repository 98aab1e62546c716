//! `colophon node list`: who is there, and who lags.

use std::process::ExitCode;

use anyhow::Result;
use colophon_core::node::known::{
    Lasting, MISSED_MAX, Missed, NodeRecord, Presence, Trouble, troubles,
};
use colophon_core::time::Timestamp;
use serde::Serialize;

use crate::commands::UNHEALTHY;
use crate::house::House;
use crate::output::{Output, table};

/// Digits of an id that a table shows; `node forget` takes them.
const ID_SHOWN: usize = 8;

#[derive(Serialize)]
struct Nodes {
    nodes: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    node: String,
    /// The process; two lines of one node have different ones.
    run: String,
    name: String,
    roles: Vec<String>,
    version: String,
    address: Option<String>,
    state: &'static str,
    started_at: String,
    last_seen_at: String,
    last_seen_ms_ago: i64,
    changes: Changes,
    lease_left_ms: u64,
    log_rows_waiting: u64,
    clock_ahead_ms: Option<i64>,
    problems: Vec<Problem>,
}

/// How far a node had followed the changes when it was seen last.
#[derive(Serialize)]
struct Changes {
    applied: Option<i64>,
    /// At most so many are counted: 1,000.
    behind: Option<u64>,
    behind_ms: Option<i64>,
    is_other_history: bool,
}

#[derive(Serialize)]
struct Problem {
    kind: &'static str,
    text: String,
}

pub(super) async fn list(house: &House, output: Output) -> Result<ExitCode> {
    let records = house.store.list_nodes().await?;
    let wrong = troubles(&records);
    let nodes = Nodes {
        nodes: records.iter().map(|record| line(record, &wrong)).collect(),
    };
    output.print(&nodes, |nodes| text(&records, nodes))?;
    Ok(match wrong.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(UNHEALTHY),
    })
}

fn line(record: &NodeRecord, wrong: &[(&NodeRecord, Vec<Trouble>)]) -> Line {
    let its = wrong.iter().find(|(one, _)| one.run == record.run);
    let its = its.map_or(&[][..], |(_, troubles)| troubles.as_slice());
    Line {
        node: record.node.to_string(),
        run: record.run.to_string(),
        name: record.name.clone(),
        roles: record.roles.clone(),
        version: record.version.clone(),
        address: record.address.clone(),
        state: state(record),
        started_at: instant(record.started_at),
        last_seen_at: instant(record.seen_at),
        last_seen_ms_ago: record.seen_ago_ms(),
        changes: changes(record),
        lease_left_ms: u64::try_from(record.lease_left.as_millis()).unwrap_or(u64::MAX),
        log_rows_waiting: record.rows_waiting,
        clock_ahead_ms: record.clock_ahead_ms,
        problems: its.iter().map(problem).collect(),
    }
}

fn state(record: &NodeRecord) -> &'static str {
    match record.presence() {
        Presence::Serving => "serving",
        Presence::Draining => "draining",
        Presence::Gone { .. } => "gone",
        Presence::Silent { .. } => "silent",
    }
}

fn changes(record: &NodeRecord) -> Changes {
    let missed = record.followed.map(|followed| followed.missed);
    let (behind, behind_ms) = match missed {
        None | Some(Missed::AnotherHistory) => (None, None),
        Some(Missed::Nothing) => (Some(0), Some(0)),
        Some(Missed::Changes { count, oldest_ms }) => (Some(count), Some(oldest_ms)),
    };
    Changes {
        applied: record.followed.map(|followed| followed.position.number),
        behind,
        behind_ms,
        is_other_history: missed == Some(Missed::AnotherHistory),
    }
}

fn problem(trouble: &Trouble) -> Problem {
    Problem {
        kind: match trouble {
            Trouble::Silent { .. } => "silent",
            Trouble::Copied => "copied",
            Trouble::Behind { .. } => "behind",
            Trouble::AnotherHistory => "another-history",
            Trouble::LeaseLost => "lease-lost",
            Trouble::ClockOff { .. } => "clock-off",
        },
        text: trouble.to_string(),
    }
}

fn text(records: &[NodeRecord], nodes: &Nodes) -> String {
    if records.is_empty() {
        return "No host has said yet that it is there.".to_owned();
    }
    let rows = records.iter().zip(&nodes.nodes).map(|(record, line)| {
        vec![
            line.name.clone(),
            line.node.chars().take(ID_SHOWN).collect(),
            line.roles.join(", "),
            line.version.clone(),
            line.address.clone().unwrap_or_default(),
            seen(record),
            followed(record),
            line.state.to_owned(),
        ]
    });
    let headings = [
        "node",
        "id",
        "roles",
        "version",
        "address",
        "last seen",
        "changes",
        "state",
    ];
    let mut told = table(&headings, rows);
    for line in nodes.nodes.iter().filter(|line| !line.problems.is_empty()) {
        told.push_str(&format!("\n{}", needs_a_look(line)));
    }
    told
}

fn needs_a_look(line: &Line) -> String {
    let texts: Vec<&str> = line.problems.iter().map(|one| one.text.as_str()).collect();
    let id: String = line.node.chars().take(ID_SHOWN).collect();
    format!("{} ({id}): {}", line.name, texts.join("; "))
}

fn seen(record: &NodeRecord) -> String {
    match record.presence() {
        Presence::Serving | Presence::Draining => {
            format!("{} ago", Lasting(record.seen_ago_ms()))
        }
        Presence::Gone { ago_ms } => {
            format!(
                "gone since {} ({} ago)",
                instant(record.seen_at),
                Lasting(ago_ms)
            )
        }
        Presence::Silent { ago_ms } => format!("silent for {}", Lasting(ago_ms)),
    }
}

fn followed(record: &NodeRecord) -> String {
    let Some(followed) = record.followed else {
        return "none yet".to_owned();
    };
    let number = followed.position.number;
    match followed.missed {
        Missed::Nothing => format!("all, to {number}"),
        Missed::Changes { count, oldest_ms } => {
            let more = if count >= MISSED_MAX { "+" } else { "" };
            format!("to {number}; {count}{more} behind, {}", Lasting(oldest_ms))
        }
        Missed::AnotherHistory => "of another history".to_owned(),
    }
}

fn instant(at: Timestamp) -> String {
    // Tenths of a second are nothing to look at.
    let second = jiff::Timestamp::from_second(at.unix_seconds().get());
    second.map_or_else(|_| String::new(), |second| second.to_string())
}
