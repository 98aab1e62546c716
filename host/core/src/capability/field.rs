//! Names of header fields that a plug-in may set.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// As the contract states it.
const BYTES_MAX: usize = 64;

/// What the host says itself, or what belongs to a connection.
const NOT_THE_PLUG_INS: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The name of a header field that a plug-in may set, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldName(Arc<str>);

/// Why a text names no field that a plug-in may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FieldRefused {
    /// Empty, too long, or with a character that no name has.
    #[error("a field's name has 1 to 64 letters, digits and some of !#$%&'*+-.^_`|~")]
    Name,
    /// One that the host sets.
    #[error("this field is the host's to set")]
    Hosts,
}

impl FieldName {
    /// Accepts a name, in capitals or not.
    ///
    /// # Errors
    /// [`FieldRefused`].
    pub fn parse(text: &str) -> Result<Self, FieldRefused> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if !(1..=BYTES_MAX).contains(&text.len()) || !text.bytes().all(plain) {
            return Err(FieldRefused::Name);
        }
        let name = text.to_ascii_lowercase();
        if NOT_THE_PLUG_INS.contains(&name.as_str()) {
            return Err(FieldRefused::Hosts);
        }
        Ok(Self(name.into()))
    }

    /// The name as text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_tokens_and_not_the_hosts() {
        for text in ["", "a b", "a:", "x\r\ny", "ä", "a\0", &"a".repeat(65)] {
            assert_eq!(FieldName::parse(text), Err(FieldRefused::Name), "{text:?}");
        }
        for text in ["Host", "host", "Transfer-Encoding", "proxy-authorization"] {
            assert_eq!(FieldName::parse(text), Err(FieldRefused::Hosts), "{text:?}");
        }
        for text in ["Authorization", "x-api-key", "X_1", &"a".repeat(64)] {
            let name = FieldName::parse(text).unwrap();
            assert_eq!(name.as_str(), text.to_ascii_lowercase());
        }
    }
}
