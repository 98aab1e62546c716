//! The texts of a license.

use std::fmt;

use crate::xml::is_text;

/// One line of text: 1 to 1024 bytes without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(String);

/// A text that cannot stand in a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a text in a license has 1 to 1024 bytes and no control characters")]
pub struct LineRefused;

const LINE_BYTES_MAX: usize = 1024;

impl Line {
    /// Parses a line of text.
    ///
    /// # Errors
    ///
    /// [`LineRefused`] if it is empty, too long, or holds a character it must not.
    pub fn parse(text: &str) -> Result<Line, LineRefused> {
        let fits = (1..=LINE_BYTES_MAX).contains(&text.len());
        if fits && is_text(text) && !text.contains(char::is_control) {
            Ok(Line(text.to_owned()))
        } else {
            Err(LineRefused)
        }
    }

    /// One of the format's own words.
    pub(super) fn fixed(word: &'static str) -> Line {
        Line(word.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Line {
    type Err = LineRefused;

    fn from_str(text: &str) -> Result<Line, LineRefused> {
        Line::parse(text)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a principal is called within its license: `[a-z][a-z0-9-]{0,31}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

/// Not the name of a principal within a license.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a principal is referred to by 1 to 32 of a-z, 0-9 and -, a letter first")]
pub struct ReferenceRefused;

impl Reference {
    /// Parses a reference.
    ///
    /// # Errors
    ///
    /// [`ReferenceRefused`] for anything else.
    pub fn parse(text: &str) -> Result<Reference, ReferenceRefused> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts = text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase());
        if starts && text.len() <= 32 && text.bytes().all(plain) {
            Ok(Reference(text.to_owned()))
        } else {
            Err(ReferenceRefused)
        }
    }

    /// One of the format's own words.
    pub(super) fn fixed(word: &'static str) -> Reference {
        Reference(word.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
