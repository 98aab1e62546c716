//! Why the repository does not do what it is asked for.

use colophon_activation::{InvalidFacts, InvalidId, NotSealedForThis};
use colophon_title::TitleRefused;
use colophon_title::license::Denied;
use colophon_title::trust::TrustRootsError;

use crate::Standing;

/// Why a title is not opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The repository is a template without a key.
    #[error("this repository was made for nobody")]
    Template,
    /// Persona or machine are not named as such.
    #[error("no persona or machine is called this")]
    Name(#[from] InvalidId),
    /// What the machine says of itself cannot be read, or is too little.
    #[error("what is known about this machine cannot be used")]
    Facts(#[from] InvalidFacts),
    /// The persona's key is sealed to something else.
    #[error("this reader was not activated on this machine for this persona")]
    NotSealedForThis(#[from] NotSealedForThis),
    /// What was sealed is not a private key of RSA.
    #[error("the persona's private key cannot be read")]
    PersonaKey,
    /// A root or revocation list is none.
    #[error("a trusted root or a revocation list cannot be read")]
    Trust(#[from] TrustRootsError),
    /// The title file was refused.
    #[error(transparent)]
    Title(#[from] TitleRefused),
    /// Content was asked for before the right to view was exercised.
    #[error("the right to view was not exercised")]
    NotViewed,
    /// The publication has no such entry.
    #[error("the publication has no entry {0:?}")]
    NoSuchEntry(String),
    /// There is no title here, or one already.
    #[error("a repository opens one title")]
    OneTitle,
}

impl Refused {
    /// A short name that stays the same.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Refused::Template => "template",
            Refused::Name(_) => "name",
            Refused::Facts(invalid) => invalid.reason(),
            Refused::NotSealedForThis(_) => "not-sealed-for-this",
            Refused::PersonaKey => "persona-key",
            Refused::Trust(_) => "trust",
            Refused::Title(refused) => refused.reason(),
            Refused::NotViewed => "not-viewed",
            Refused::NoSuchEntry(_) => "no-such-entry",
            Refused::OneTitle => "one-title",
        }
    }
}

/// Why a right may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The license does not grant it, or not here and now.
    #[error(transparent)]
    License(#[from] Denied),
    /// It is granted a number of times, and how often it was used cannot be relied on.
    #[error("the right is counted, and its counts were {}", words(.0))]
    Counts(Standing),
}

fn words(standing: &Standing) -> &'static str {
    match standing {
        Standing::PutBack => "put back to an earlier state",
        Standing::Damaged => "damaged",
        Standing::Fresh | Standing::Kept => "kept",
    }
}

impl Denial {
    /// A short name that stays the same.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Denial::License(denied) => denied.reason(),
            Denial::Counts(Standing::Damaged) => "counts-damaged",
            Denial::Counts(_) => "counts-put-back",
        }
    }
}
