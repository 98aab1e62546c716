//! What all names that arrive from outside have in common: they are parsed once, and a value of
//! one of their types cannot be wrong. Each format lists its own in its `SPEC.md`.

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
///
/// ```
/// use colophon_claims::{InvalidId, check_characters, text_id};
///
/// #[derive(Debug)]
/// struct Shelf(String);
///
/// impl Shelf {
///     fn check(text: &str) -> Result<(), InvalidId> {
///         check_characters(text, 8, |character| character.is_ascii_digit())
///     }
/// }
///
/// text_id!(Shelf);
///
/// let shelf: Shelf = "42".parse()?;
/// assert_eq!(shelf.to_string(), "42");
/// assert_eq!("4b".parse::<Shelf>().err(), Some(InvalidId::Character('b')));
/// # Ok::<(), InvalidId>(())
/// ```
#[macro_export]
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
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $crate::InvalidId;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::InvalidId;

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

/// Gives a newtype over `[u8; N]` its bytes, and base64url as its one text.
///
/// ```
/// use colophon_claims::{InvalidId, bytes_id};
///
/// struct Stamp([u8; 2]);
///
/// bytes_id!(Stamp, 2, "2 bytes in base64url");
///
/// let stamp: Stamp = "AAE".parse()?;
/// assert_eq!(stamp.as_bytes(), &[0, 1]);
/// assert!("AAF".parse::<Stamp>().is_err());
/// # Ok::<(), InvalidId>(())
/// ```
#[macro_export]
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
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> Result<$name, $crate::InvalidId> {
                $crate::base64url::decode_exactly(text)
                    .map($name)
                    .ok_or($crate::InvalidId::Form {
                        expected: $expected,
                    })
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(&$crate::base64url::encode(&self.0))
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }
    };
}

/// Refuses a text that is empty, too long, or has a character for which `allowed` is false.
///
/// # Errors
///
/// [`InvalidId`] with the first of these that holds.
pub fn check_characters(
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

/// Refuses what is no text of 1 to `bytes_max` bytes in any script, legal in XML 1.0 and without
/// control characters (C0, DEL, C1).
///
/// Such a text ends up in XML, in certificates, in header lines and in logs; line ends and other
/// controls do harm in each of these and are of use in none.
///
/// # Errors
///
/// [`InvalidId`] with the cause.
pub fn check_text(text: &str, bytes_max: usize) -> Result<(), InvalidId> {
    check_characters(text, bytes_max, |character| {
        !character.is_control() && !matches!(character, '\u{FFFE}' | '\u{FFFF}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(), InvalidId>) {
        assert_eq!(check_text(text, 8), expected, "{text:?}");
    }

    #[test]
    fn any_script_is_text() {
        for text in [
            "a",
            " ",
            "عن",
            "\u{202E}a",
            "👩\u{200D}",
            "\u{10FFFF}",
            "\u{E000}",
            "\u{FFFD}",
        ] {
            check(text, Ok(()));
        }
    }

    #[test]
    fn controls_and_what_xml_cannot_hold_are_refused_by_name() {
        for control in ('\0'..' ')
            .chain('\u{7F}'..'\u{A0}')
            .chain(['\u{FFFE}', '\u{FFFF}'])
        {
            check(&format!("a{control}b"), Err(InvalidId::Character(control)));
        }
    }

    #[test]
    fn length_is_counted_in_bytes() {
        let too_long = Err(InvalidId::TooLong { bytes_max: 8 });
        check("", Err(InvalidId::Empty));
        check("ab\u{E9}cd\u{E9}", Ok(()));
        check("abc\u{E9}cd\u{E9}", too_long.clone());
        check("\0\0\0\0\0\0\0\0\0", too_long);
    }
}
