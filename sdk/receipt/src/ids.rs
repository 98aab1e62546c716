//! Names that arrive from outside, parsed once: a value of one of these types cannot be wrong.
//!
//! Every type reads with [`FromStr`] or `TryFrom<&str>` and shows exactly the text it was read
//! from. The grammar of each is in `SPEC.md`, section "Names and strings".

mod center;
mod currency;
mod error_url;
mod text;
mod time;

pub use center::{CenterId, KeyId, RetailerId};
pub use currency::Currency;
pub use error_url::ErrorUrl;
pub use text::{BookId, BookIdType, ReceiptId, Text, TransactionId};
pub use time::UnixSeconds;

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
use text_id;

/// Refuses a text that is empty, too long, or has a character for which `allowed` is false.
fn check_characters(
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
