//! What a plug-in can be granted beyond the catalog, as rules and as ports.
//!
//! The host crate that runs plug-ins asks through these ports, adapters keep them, and both hold
//! to the same rules: what a name is, which statements may be run, which addresses are meant. What
//! a manifest looks like on paper is the plug-in host's to know.

mod address;
mod field;
mod mapping;
mod network;
mod shared;
mod values;
mod web;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

pub use self::address::{AddressRefused, AllowedAddress, Scheme, WebAddress};
pub use self::field::{FieldName, FieldRefused};
pub use self::mapping::{
    MappingDatabase, MappingFailure, SqlRows, SqlStatement, SqlType, SqlValue, StatementRefused,
    StatementText,
};
pub use self::network::{InvalidNetwork, Network, is_public};
pub use self::shared::EachPlugin;
pub use self::values::{PluginValues, Put, Swap, ValueOwner, ValuePlace};
pub use self::web::{
    PrivateNetworks, SecretUse, WebFailure, WebMethod, WebRequest, WebResponse, WebServices,
};

/// A name that authors and operators give: of a plug-in, a statement, a configured value, a
/// secret. 1 to 64 of `a-z`, `0-9`, `-` and `_`, beginning with a letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A text is no [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a name has 1 to 64 of a-z, 0-9, '-' and '_', and begins with a letter")]
pub struct InvalidName;

impl Name {
    /// Accepts a name.
    ///
    /// # Errors
    /// [`InvalidName`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let fits = (1..=64).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(plain);
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain() {
        for text in [
            "",
            "A",
            "1a",
            "-a",
            "_a",
            "a.b",
            "a b",
            "ä",
            &"a".repeat(65),
        ] {
            assert_eq!(Name::parse(text), Err(InvalidName), "{text:?}");
        }
        for text in ["a", "book_by_id", "acme-catalog", "a1", &"a".repeat(64)] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
    }
}
