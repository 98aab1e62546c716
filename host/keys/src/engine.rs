//! Which engine a host runs on.

use std::str::FromStr;
use std::sync::Arc;

use colophon_crypto::{Engine, Portable};

use crate::AwsLc;

/// The engines a configuration can name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineName {
    /// `aws-lc`, the default.
    #[default]
    AwsLc,
    /// `portable`, plain Rust.
    Portable,
}

/// No engine has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no engine {name:?}; there are \"aws-lc\" and \"portable\"")]
pub struct UnknownEngine {
    /// The name asked for.
    pub name: String,
}

impl EngineName {
    /// The engine of this name.
    #[must_use]
    pub fn engine(self) -> Arc<dyn Engine> {
        match self {
            EngineName::AwsLc => Arc::new(AwsLc),
            EngineName::Portable => Arc::new(Portable),
        }
    }

    /// The name in a configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EngineName::AwsLc => "aws-lc",
            EngineName::Portable => "portable",
        }
    }
}

impl FromStr for EngineName {
    type Err = UnknownEngine;

    fn from_str(name: &str) -> Result<EngineName, UnknownEngine> {
        [EngineName::AwsLc, EngineName::Portable]
            .into_iter()
            .find(|engine| engine.as_str() == name)
            .ok_or_else(|| UnknownEngine {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_answers_to_its_own_name() {
        for name in ["aws-lc", "portable"] {
            let engine = name.parse::<EngineName>().expect("an engine").engine();
            assert_eq!(engine.name(), name);
        }
        assert!("AWS-LC".parse::<EngineName>().is_err());
        assert!("".parse::<EngineName>().is_err());
    }
}
