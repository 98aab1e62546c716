//! A named event as a row of the log, in one form whatever raised it.
//!
//! Strangers cause some of these events and their words stand in them, so every size has a limit
//! and every text is one line. A text that is too long is cut where it comes in; where a row is
//! read back, one that would have been cut is refused.

use colophon_receipt::CenterId;

use crate::event::NamedEvent;
use crate::id::EventId;
use crate::time::Timestamp;

/// Bytes of an event's message at most.
const MESSAGE_BYTES_MAX: usize = 512;

/// Details of an event at most.
const DETAILS_MAX: usize = 32;

/// Bytes of a detail's name at most.
const NAME_BYTES_MAX: usize = 64;

/// Bytes of all names and values of an event's details at most. An illegal request's head is the
/// longest of them; with this, the row stays below what the outbox reserves for one.
const DETAILS_BYTES_MAX: usize = 12 * 1024;

/// What stands where a text was cut.
const CUT: char = '…';

/// One row of the event log: something that an operator's alarm can be tied to has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// The event's id; the logging database keeps one row for each.
    pub event: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// Which of the published events it is.
    pub name: NamedEvent,
    /// How bad it is.
    pub severity: Severity,
    /// The center it concerns, where it concerns one alone and that is known.
    pub center: Option<CenterId>,
    /// What happened, in words.
    pub message: EventMessage,
    /// The circumstances.
    pub details: EventDetails,
}

/// How bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Info,
    /// Somebody should look at it some time.
    Warning,
    /// Somebody should look at it now.
    Error,
}

impl Severity {
    /// Every severity, the mildest first.
    pub const ALL: &'static [Self] = &[Self::Info, Self::Warning, Self::Error];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The severity of this stable name.
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().find(|one| one.slug() == slug).copied()
    }
}

/// What happened, in words: one line of at most 512 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMessage(String);

impl EventMessage {
    /// Makes one line of a text and cuts it if it is too long.
    pub fn cut(text: &str) -> Self {
        Self(line(text, MESSAGE_BYTES_MAX))
    }

    /// Takes a text that needs no cutting.
    pub fn whole(text: &str) -> Option<Self> {
        let message = Self::cut(text);
        (message.0 == text).then_some(message)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The circumstances of an event: names and values in the order in which they were told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventDetails {
    pairs: Vec<(String, String)>,
    bytes: usize,
}

impl EventDetails {
    /// Adds a detail, with its value cut to what room is left; without any room, nothing.
    pub fn add(&mut self, name: &str, value: &str) {
        let name = line(name, NAME_BYTES_MAX);
        let left = DETAILS_BYTES_MAX.saturating_sub(self.bytes + name.len());
        if self.pairs.len() >= DETAILS_MAX || left < CUT.len_utf8() {
            return;
        }
        let value = line(value, left);
        self.bytes += name.len() + value.len();
        self.pairs.push((name, value));
    }

    /// Takes details of which none needs cutting.
    pub fn whole(pairs: Vec<(String, String)>) -> Option<Self> {
        let mut details = Self::default();
        for (name, value) in &pairs {
            details.add(name, value);
        }
        (details.pairs == pairs).then_some(details)
    }

    /// Names and values in their order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }
}

/// A text without control characters, cut to at most `bytes_max` bytes.
fn line(text: &str, bytes_max: usize) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    if text.len() <= bytes_max {
        return text.chars().map(printable).collect();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(CUT.len_utf8()));
    let kept = text.get(..end).unwrap_or_default();
    kept.chars().map(printable).chain([CUT]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_of_limited_length() {
        let message = |text: &str| EventMessage::cut(text).as_str().to_owned();
        assert_eq!(message("it\nstopped\x1b[31m"), "it stopped [31m");
        assert_eq!(message(&"x".repeat(512)), "x".repeat(512));
        assert_eq!(message(&"x".repeat(513)), format!("{}…", "x".repeat(509)));
        // A character is never cut in two.
        assert_eq!(message(&"家".repeat(200)), format!("{}…", "家".repeat(169)));
    }

    #[test]
    fn details_have_room_for_so_many_and_so_much() {
        let mut many = EventDetails::default();
        (0..100).for_each(|number| many.add(&number.to_string(), ""));
        assert_eq!(many.pairs().len(), DETAILS_MAX);

        let mut long = EventDetails::default();
        long.add("request.head", &"x".repeat(1 << 20));
        long.add("reason", "of which nothing is left");
        let [(_, head)] = long.pairs() else {
            panic!("{long:?}")
        };
        assert_eq!("request.head".len() + head.len(), DETAILS_BYTES_MAX);
        assert!(head.ends_with("x…"));
    }

    #[test]
    fn what_was_cut_is_whole_and_what_would_be_cut_is_not() {
        for text in ["", "a", &"é".repeat(400), &"x".repeat(9999), "a\tb"] {
            let message = EventMessage::cut(text);
            assert_eq!(EventMessage::whole(message.as_str()), Some(message.clone()));
            assert_eq!(
                EventMessage::whole(text).is_some(),
                message.as_str() == text
            );
            let mut details = EventDetails::default();
            (0..40).for_each(|_| details.add(text, text));
            let pairs = details.pairs().to_vec();
            assert_eq!(EventDetails::whole(pairs), Some(details));
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(EventDetails::whole(vec![pair("a\n", "")]), None);
        assert_eq!(
            EventDetails::whole(vec![pair("", ""); DETAILS_MAX + 1]),
            None
        );
        let long = "x".repeat(DETAILS_BYTES_MAX);
        assert_eq!(EventDetails::whole(vec![pair("n", &long)]), None);
    }
}
