//! How an entry of the prefix is kept, and the lengths that follow from it.

use crate::container::Method;
use crate::segment::Segments;

/// Up to this length after deflation an entry is encrypted as one message.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// A deflated entry inflates to no more than this, so that any of them fits into memory.
pub(crate) const INFLATED_BYTES_MAX: u64 = 16 << 20;
/// The nonce in front of a message and the tag after it, in bytes.
pub(crate) const MESSAGE_OVERHEAD: u64 = 12 + 16;

/// How an entry is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Protection {
    /// Not at all.
    Clear,
    /// Encrypted as one message: nonce, ciphertext, tag.
    Message,
    /// Encrypted in segments.
    Segments,
}

impl Protection {
    /// The word for it in `validation.xml`; clear entries have none.
    pub(crate) fn as_word(self) -> Option<&'static str> {
        match self {
            Protection::Clear => None,
            Protection::Message => Some("message"),
            Protection::Segments => Some("segments"),
        }
    }

    pub(crate) fn from_word(word: Option<&str>) -> Option<Protection> {
        match word {
            None => Some(Protection::Clear),
            Some("message") => Some(Protection::Message),
            Some("segments") => Some(Protection::Segments),
            Some(_) => None,
        }
    }

    /// Whether an entry of `size` bytes can be kept so in `stored` bytes.
    pub(crate) fn permits(self, method: Method, size: u64, stored: u64) -> bool {
        match (self, method) {
            (Protection::Clear, Method::Stored) => size == stored,
            (Protection::Clear, Method::Deflated) => deflates(size, stored),
            (Protection::Message, method) => {
                let Some(inner) = stored.checked_sub(MESSAGE_OVERHEAD) else {
                    return false;
                };
                match method {
                    Method::Stored => size == inner && inner <= MESSAGE_BYTES_MAX,
                    Method::Deflated => deflates(size, inner),
                }
            }
            (Protection::Segments, Method::Stored) => {
                let segments = Segments::of(size);
                size > MESSAGE_BYTES_MAX
                    && segments.is_some_and(|segments| segments.stored_length() == stored)
            }
            (Protection::Segments, Method::Deflated) => false,
        }
    }
}

fn deflates(size: u64, deflated: u64) -> bool {
    size <= INFLATED_BYTES_MAX && (1..=MESSAGE_BYTES_MAX).contains(&deflated)
}
