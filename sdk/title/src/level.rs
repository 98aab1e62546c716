//! Protection levels, and the two ways a title version is kept.

use std::fmt;

/// How strongly a copy is protected.
///
/// There is no level 4 here: that is a demand for signatures on top of any other level.
///
/// ```
/// use colophon_title::Level;
///
/// assert!(Level::SourceSealed < Level::IndividuallySealed);
/// assert_eq!(Level::FullyIndividualized.as_number(), 5);
/// assert_eq!(Level::from_number(4), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Level 1: the source itself.
    Clear,
    /// Level 2: encrypted, the content key sealed under a hash of the metadata.
    SourceSealed,
    /// Level 3: like level 2, with a bookplate under the hash.
    IndividuallySealed,
    /// Level 5: with a bookplate; the content key is in the license only.
    FullyIndividualized,
}

impl Level {
    /// The level's number: 1, 2, 3 or 5.
    #[must_use]
    pub fn as_number(self) -> u8 {
        match self {
            Level::Clear => 1,
            Level::SourceSealed => 2,
            Level::IndividuallySealed => 3,
            Level::FullyIndividualized => 5,
        }
    }

    /// The level of a number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Level> {
        match number {
            1 => Some(Level::Clear),
            2 => Some(Level::SourceSealed),
            3 => Some(Level::IndividuallySealed),
            5 => Some(Level::FullyIndividualized),
            _ => None,
        }
    }

    /// Whether a copy of this level carries a bookplate.
    #[must_use]
    pub fn has_bookplate(self) -> bool {
        matches!(self, Level::IndividuallySealed | Level::FullyIndividualized)
    }

    /// The form a title version must be kept in for copies of this level; none for level 1,
    /// which is the source itself.
    #[must_use]
    pub fn form(self) -> Option<Form> {
        match self {
            Level::Clear => None,
            Level::SourceSealed | Level::IndividuallySealed => Some(Form::Sealed),
            Level::FullyIndividualized => Some(Form::Licensed),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_number())
    }
}

/// How the content key of a title version reaches its readers. A version is never delivered
/// both ways: a copy that carries the key would open the copies that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// In a seal inside the copy (levels 2 and 3).
    Sealed,
    /// In a license (level 5).
    Licensed,
}

impl Form {
    /// The word for it in `validation.xml`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Form::Sealed => "sealed",
            Form::Licensed => "licensed",
        }
    }

    /// The form of a word in `validation.xml`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Form> {
        match word {
            "sealed" => Some(Form::Sealed),
            "licensed" => Some(Form::Licensed),
            _ => None,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
