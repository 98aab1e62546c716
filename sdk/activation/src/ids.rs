//! Names and times that arrive from outside, parsed once: a value of one of these types cannot be
//! wrong. The grammar of each is in `SPEC.md`, section "Names and strings".

use core::fmt;

/// Why a text is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// The text is longer than the type allows.
    #[error("it is longer than {bytes_max} bytes")]
    TooLong {
        /// The longest text allowed, in bytes of UTF-8.
        bytes_max: usize,
    },
    /// A character is not one of those allowed.
    #[error("the character {0:?} is not allowed in it")]
    Character(char),
    /// The text is not built as the type demands.
    #[error("it is not {expected}")]
    Form {
        /// What the text should have been.
        expected: &'static str,
    },
}

/// Gives a checked `String` newtype its reading and showing; the type brings `fn check(&str)`.
macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The text this was read from.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::ids::InvalidId;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::ids::InvalidId;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_id;

/// Gives a newtype over `[u8; N]` its bytes, and base64url as its one text.
macro_rules! bytes_id {
    ($name:ident, $length:literal, $expected:literal) => {
        impl $name {
            /// The value of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $length]) -> $name {
                $name(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::ids::InvalidId;

            fn from_str(text: &str) -> Result<$name, $crate::ids::InvalidId> {
                $crate::ids::decode_exactly(text)
                    .map($name)
                    .ok_or($crate::ids::InvalidId::Form {
                        expected: $expected,
                    })
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(
                    &<base64ct::Base64UrlUnpadded as base64ct::Encoding>::encode_string(&self.0),
                )
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}
pub(crate) use bytes_id;

/// Decodes canonical base64url that stands for exactly `N` bytes.
pub(crate) fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded =
        <base64ct::Base64UrlUnpadded as base64ct::Encoding>::decode(text, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}

/// Refuses a text that is empty, too long, or has a character for which `allowed` is false.
pub(crate) fn check_characters(
    text: &str,
    bytes_max: usize,
    allowed: impl Fn(char) -> bool,
) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty);
    }
    if text.len() > bytes_max {
        return Err(InvalidId::TooLong { bytes_max });
    }
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(InvalidId::Character(character)),
        None => Ok(()),
    }
}

/// A fulfillment center's name: 1 to 63 small letters, digits and hyphens, as in a receipt.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CenterId(String);

impl CenterId {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_characters(
            text,
            63,
            |character| matches!(character, 'a'..='z' | '0'..='9' | '-'),
        )
    }
}

text_id!(CenterId);

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// The point `seconds` after (or, if negative, before) the start of 1970.
    #[must_use]
    pub const fn new(seconds: i64) -> UnixSeconds {
        UnixSeconds(seconds)
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_center(text: &str, good: bool) {
        assert_eq!(text.parse::<CenterId>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn centers_are_slugs() {
        check_center("main", true);
        check_center("a-1", true);
        check_center(&"a".repeat(63), true);
        check_center(&"a".repeat(64), false);
        check_center("", false);
        check_center("Main", false);
        check_center("a/b", false);
        check_center("a.b", false);
        check_center("é", false);
    }

    #[track_caller]
    fn check_decoding(text: &str, expected: Option<[u8; 2]>) {
        assert_eq!(decode_exactly(text), expected, "{text:?}");
    }

    #[test]
    fn bytes_have_one_text() {
        check_decoding("AAE", Some([0, 1]));
        check_decoding("-_8", Some([0xfb, 0xff]));
        check_decoding("AAF", None);
        check_decoding("AAE=", None);
        check_decoding("+_8", None);
        check_decoding("AA", None);
        check_decoding("AAEC", None);
        check_decoding("AAE ", None);
        check_decoding("", None);
        check_decoding(&"A".repeat(100), None);
    }
}
