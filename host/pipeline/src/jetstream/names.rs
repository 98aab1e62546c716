//! What everything is called on the broker.

use std::str::FromStr;

use colophon_core::id::NodeId;
use thiserror::Error;

/// The names on the broker, all of which begin with one prefix: two installations on one account
/// need two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    prefix: String,
}

/// Why a text is no prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a prefix is 1 to 32 lower-case letters, digits, hyphens and underscores")]
pub struct MalformedPrefix;

impl FromStr for Names {
    type Err = MalformedPrefix;

    fn from_str(text: &str) -> Result<Self, MalformedPrefix> {
        let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if (1..=32).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self {
                prefix: text.to_owned(),
            })
        } else {
            Err(MalformedPrefix)
        }
    }
}

impl Names {
    /// The durable consumer that all log writers share.
    pub(crate) const CONSUMER: &str = "log-writer";

    /// The stream that rows are handed over in.
    pub fn stream(&self) -> String {
        format!("{}_LOG", self.prefix.to_uppercase())
    }

    /// The stream that keeps what is no row.
    pub fn dead_stream(&self) -> String {
        format!("{}_LOG_DEAD", self.prefix.to_uppercase())
    }

    pub(crate) fn all_rows(&self) -> String {
        format!("{}.log.rows.*", self.prefix)
    }

    pub(crate) fn rows(&self, node: NodeId) -> String {
        format!("{}.log.rows.{node}", self.prefix)
    }

    pub(crate) fn all_dead(&self) -> String {
        format!("{}.log.dead.*", self.prefix)
    }

    /// Under the last part of the subject that a message came by, whatever that is.
    pub(crate) fn dead(&self, last: &str) -> String {
        format!("{}.log.dead.{last}", self.prefix)
    }

    pub(crate) fn complete(&self, node: NodeId) -> String {
        format!("{}.log.complete.{node}", self.prefix)
    }

    pub(crate) fn all_questions(&self) -> String {
        format!("{}.log.ask.*", self.prefix)
    }

    pub(crate) fn question(&self, node: NodeId) -> String {
        format!("{}.log.ask.{node}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_one_plain_word() {
        for text in ["colophon", "a", "shop-2_test", &"x".repeat(32)] {
            assert!(text.parse::<Names>().is_ok(), "{text}");
        }
        for text in ["", "Colophon", "a.b", "a*", "a b", ">", &"x".repeat(33)] {
            assert_eq!(text.parse::<Names>(), Err(MalformedPrefix), "{text}");
        }
    }
}
