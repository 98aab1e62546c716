//! The form of a named event.

use colophon_core::event::NamedEvent;
use colophon_core::id::EventId;
use colophon_core::log::{EventDetails, EventMessage, ServerEvent, Severity};
use colophon_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::read::optional;
use super::{Kind, Text, Unreadable, VERSION};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventForm {
    v: u64,
    kind: Kind,
    at_ms: i64,
    /// The published number of the event.
    code: String,
    severity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    center: Option<String>,
    message: String,
    /// Names and values.
    details: Vec<(String, String)>,
}

impl From<&ServerEvent> for EventForm {
    fn from(record: &ServerEvent) -> Self {
        Self {
            v: VERSION,
            kind: Kind::ServerEvent,
            at_ms: record.at.unix_ms(),
            code: record.name.code().to_owned(),
            severity: record.severity.slug().to_owned(),
            center: record.center.as_ref().map(ToString::to_string),
            message: record.message.as_str().to_owned(),
            details: record.details.pairs().to_vec(),
        }
    }
}

impl EventForm {
    pub(super) fn into_record(self, event: EventId) -> Result<ServerEvent, Unreadable> {
        let name = NamedEvent::ALL.iter().find(|one| one.code() == self.code);
        Ok(ServerEvent {
            event,
            at: Timestamp::from_unix_ms(self.at_ms),
            name: *name.ok_or(Unreadable::Member("code"))?,
            severity: Severity::from_slug(&self.severity).ok_or(Unreadable::Member("severity"))?,
            center: optional(self.center.map(Text::from), "center")?,
            message: EventMessage::whole(&self.message).ok_or(Unreadable::Member("message"))?,
            details: EventDetails::whole(self.details).ok_or(Unreadable::Member("details"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::log::LogRecord;
    use proptest::prelude::*;

    use super::*;
    use crate::room::ROW_BYTES_RESERVED;
    use crate::wire::{decode, encode};

    const EVENT: [u8; 16] = [9; 16];

    fn sample() -> ServerEvent {
        let mut details = EventDetails::default();
        details.add("request.id", "01");
        details.add("reason", "the \"action\" is neither");
        ServerEvent {
            event: EventId::from_bytes(EVENT),
            at: Timestamp::from_unix_ms(1_700_000_000_123),
            name: NamedEvent::RequestIllegal,
            severity: Severity::Warning,
            center: Some("main".parse().unwrap()),
            message: EventMessage::cut("an illegal request was refused"),
            details,
        }
    }

    fn text(record: ServerEvent) -> String {
        String::from_utf8(encode(&record.into())).unwrap()
    }

    fn decoded(text: &str) -> Result<ServerEvent, Unreadable> {
        match decode(EventId::from_bytes(EVENT), text.as_bytes())? {
            LogRecord::Event(record) => Ok(record),
            LogRecord::Download(record) => panic!("{record:?}"),
        }
    }

    fn check(record: ServerEvent) {
        assert_eq!(decoded(&text(record.clone())), Ok(record));
    }

    #[test]
    fn every_event_comes_back_as_it_was() {
        for name in NamedEvent::ALL {
            for severity in Severity::ALL {
                check(ServerEvent {
                    name: *name,
                    severity: *severity,
                    center: None,
                    ..sample()
                });
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_was_told_comes_back_as_it_was_cut(
            at_ms: i64,
            message in ".{0,600}",
            pairs in proptest::collection::vec((".{0,80}", ".{0,800}"), 0..40),
        ) {
            let mut details = EventDetails::default();
            for (name, value) in &pairs {
                details.add(name, value);
            }
            check(ServerEvent {
                at: Timestamp::from_unix_ms(at_ms),
                message: EventMessage::cut(&message),
                details,
                ..sample()
            });
        }
    }

    /// Rows of hosts that ran before an update must stay readable: this is one of them.
    #[test]
    fn version_1_stays_as_it_is() {
        let kept = r#"{"v":1,"kind":"server-event","at_ms":1700000000123,"code":"COL3001","severity":"warning","center":"main","message":"an illegal request was refused","details":[["request.id","01"],["reason","the \"action\" is neither"]]}"#;
        assert_eq!(text(sample()), kept);
        assert_eq!(decoded(kept), Ok(sample()));
    }

    #[track_caller]
    fn refused(from: &str, to: &str) -> Unreadable {
        let text = text(sample());
        assert!(text.contains(from), "{from}");
        decoded(&text.replacen(from, to, 1)).unwrap_err()
    }

    #[test]
    fn an_event_of_a_later_host_is_refused() {
        assert_eq!(refused(r#""v":1"#, r#""v":2"#), Unreadable::Version(2));
        assert_eq!(refused("COL3001", "COL9999"), Unreadable::Member("code"));
        for (from, to) in [
            (r#""v":1"#, r#""v":1,"host":"a""#),
            ("server-event", "later-event"),
            (r#""kind":"server-event","#, ""),
            ("server-event", "download"),
        ] {
            assert!(matches!(refused(from, to), Unreadable::Form { .. }), "{to}");
        }
    }

    #[test]
    fn nothing_is_believed_that_would_have_been_cut() {
        let member = Unreadable::Member;
        assert_eq!(refused("warning", "catastrophe"), member("severity"));
        assert_eq!(refused(r#""main""#, r#""Main""#), member("center"));
        let long = "x".repeat(513);
        assert_eq!(refused("an illegal request", &long), member("message"));
        assert_eq!(refused("an illegal", r"an\u001b"), member("message"));
        assert_eq!(
            refused("[\"request.id\"", &format!("[\"{}\"", "x".repeat(65))),
            member("details")
        );
        let long = "x".repeat(12 << 10);
        assert_eq!(refused("request.id", "a\u{85}b"), member("details"));
        assert_eq!(refused("neither", &long), member("details"));
        assert_eq!(refused("neither", r"\n"), member("details"));
        let many = r#"["a","b"],"#.repeat(31);
        assert_eq!(
            refused(r#"["request.id""#, &format!(r#"{many}["request.id""#)),
            member("details")
        );
    }

    #[test]
    fn the_longest_event_fits_the_room_that_is_reserved_for_a_row() {
        // A quotation mark is the longest that a character becomes.
        let marks = "\"".repeat(1 << 20);
        let mut details = EventDetails::default();
        (0..31).for_each(|_| details.add("n", &marks[..300]));
        details.add(&marks, &marks);
        let longest = ServerEvent {
            message: EventMessage::cut(&marks),
            details,
            ..sample()
        };
        let bytes = text(longest.clone()).len() as u64;
        assert!(bytes > 20 << 10, "{bytes}: not the longest");
        assert!(bytes + 1024 < ROW_BYTES_RESERVED, "{bytes}");
        check(longest);
    }
}
