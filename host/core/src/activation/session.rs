//! Browsers' sessions.

use zeroize::Zeroizing;

use crate::id::PersonaRef;
use crate::time::Timestamp;

/// What is kept of a browser between two pages.
#[derive(Clone)]
pub struct SessionContent {
    /// Who has signed in.
    pub persona: Option<PersonaRef>,
    /// The pages' own notes, such as what a sign-in at a provider is waiting for. Encrypted at
    /// rest; at most 16 KiB.
    pub notes: Zeroizing<Vec<u8>>,
}

/// A session as it is kept.
#[derive(Clone)]
pub struct Session {
    /// What is kept.
    pub content: SessionContent,
    /// When it was begun under this token.
    pub begun_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}
