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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kept_form_has_exactly_the_lengths_that_follow_from_it() {
        use Method::{Deflated, Stored};
        use Protection::{Clear, Message, Segments};
        const MIB: u64 = 1 << 20;
        let check = |protection: Protection, method, size, stored, permitted| {
            assert_eq!(
                protection.permits(method, size, stored),
                permitted,
                "{protection:?} {method:?} {size} {stored}"
            );
        };
        check(Clear, Stored, 5, 5, true);
        check(Clear, Stored, 5, 4, false);
        check(Clear, Stored, 1 << 40, 1 << 40, true);
        check(Clear, Deflated, 0, 2, true);
        check(Clear, Deflated, 16 * MIB, MIB, true);
        check(Clear, Deflated, 16 * MIB + 1, MIB, false);
        check(Clear, Deflated, 16 * MIB, MIB + 1, false);
        check(Clear, Deflated, 5, 0, false);
        check(Message, Stored, 5, 33, true);
        check(Message, Stored, 5, 32, false);
        check(Message, Stored, 0, 28, true);
        check(Message, Stored, 0, 27, false);
        check(Message, Stored, MIB, MIB + 28, true);
        check(Message, Stored, MIB + 1, MIB + 29, false);
        check(Message, Deflated, 16 * MIB, MIB + 28, true);
        check(Message, Deflated, 16 * MIB, MIB + 29, false);
        check(Message, Deflated, 16 * MIB + 1, MIB, false);
        check(Message, Deflated, 0, 28, false);
        check(Segments, Stored, MIB + 1, MIB + 1 + 7 + 17 * 16, true);
        check(Segments, Stored, MIB, MIB + 7 + 16 * 16, false);
        check(Segments, Stored, MIB + 1, MIB + 1 + 7 + 16 * 16, false);
        check(Segments, Deflated, MIB + 1, MIB + 1 + 7 + 17 * 16, false);
        check(Segments, Stored, u64::MAX, 0, false);
    }
}
