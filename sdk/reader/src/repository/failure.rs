//! What goes wrong with a repository.

use std::fmt;
use std::io;

use colophon_title::EntryPath;
use wasmtime::Trap;

use super::bindings::contract;

/// What a repository says about a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// A short name that stays the same, such as `ended` or `not-sealed-for-this`.
    pub reason: String,
    /// The reason in words.
    pub detail: String,
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Why a repository does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryFailure {
    /// The engine refuses this machine.
    #[error("the engine for secure repositories cannot start")]
    Engine(#[source] wasmtime::Error),
    /// The component cannot be compiled, or asks for what it is not given.
    #[error("the secure repository is damaged")]
    Component(#[source] wasmtime::Error),
    /// The title file cannot be read.
    #[error("the title file cannot be read")]
    File(#[source] io::Error),
    /// The repository stopped in the middle of a call.
    #[error("the secure repository stopped")]
    Stopped(#[source] wasmtime::Error),
    /// It used more work or memory than it may.
    #[error("the secure repository used more than it may")]
    Exhausted,
    /// The title was refused.
    #[error("{0}")]
    Refused(Story),
    /// The right may not be used.
    #[error("{0}")]
    Denied(Story),
    /// The publication has no such entry.
    #[error("the publication has no entry {path}")]
    NoSuchEntry {
        /// What was asked for.
        path: EntryPath,
    },
    /// What it said makes no sense.
    #[error("the secure repository answered nonsense")]
    Answer,
    /// What is counted cannot be kept, so that no counted right can be used.
    #[error("the counts of rights cannot be read or written")]
    Counts(#[source] io::Error),
}

impl RepositoryFailure {
    /// A short name that stays the same, for programs.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            RepositoryFailure::Engine(_) => "repository-engine",
            RepositoryFailure::Component(_) => "repository-damaged",
            RepositoryFailure::File(_) => "read",
            RepositoryFailure::Stopped(_) => "repository-stopped",
            RepositoryFailure::Exhausted => "repository-exhausted",
            RepositoryFailure::Refused(story) | RepositoryFailure::Denied(story) => &story.reason,
            RepositoryFailure::NoSuchEntry { .. } => "no-such-entry",
            RepositoryFailure::Answer => "repository-answer",
            RepositoryFailure::Counts(_) => "counts",
        }
    }

    /// What ended a call.
    pub(super) fn of_call(error: wasmtime::Error) -> RepositoryFailure {
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel | Trap::AllocationTooLarge) => RepositoryFailure::Exhausted,
            _ => RepositoryFailure::Stopped(error),
        }
    }
}

impl From<contract::Refusal> for RepositoryFailure {
    fn from(refusal: contract::Refusal) -> RepositoryFailure {
        RepositoryFailure::Refused(Story {
            reason: refusal.reason,
            detail: refusal.detail,
        })
    }
}

impl From<contract::Denial> for RepositoryFailure {
    fn from(denial: contract::Denial) -> RepositoryFailure {
        RepositoryFailure::Denied(Story {
            reason: denial.reason,
            detail: denial.detail,
        })
    }
}
