//! Versions, as their authors count them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A version of a plug-in, as its author counts: 1 to 64 letters, digits and `.`, `-`, `+`, `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginVersion(Arc<str>);

/// A text is no [`PluginVersion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a version has 1 to 64 letters, digits and '.', '-', '+', '_'")]
pub struct InvalidVersion;

impl PluginVersion {
    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PluginVersion {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, InvalidVersion> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidVersion)
        }
    }
}

impl fmt::Display for PluginVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
