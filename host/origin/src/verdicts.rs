//! Remembers which stored files were read in full, and what was found.
//!
//! A file is known by its stamp: the same file after any change is another. So a damaged file is
//! not read again for every request that asks for it, and is read at once when it was replaced.

use moka::future::Cache;

use crate::load::Key;
use crate::stored_file::Stamp;

/// A verdict takes a few hundred bytes.
const VERDICTS_MAX: u64 = 16_384;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its SHA-256 is the catalog's.
    Sound,
    /// It is not what the catalog says.
    Damaged(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Verdicts {
    known: Cache<Key, (Stamp, Verdict)>,
}

impl Verdicts {
    pub(crate) fn new() -> Self {
        Self {
            known: Cache::new(VERDICTS_MAX),
        }
    }

    pub(crate) async fn of(&self, key: &Key, stamp: Stamp) -> Option<Verdict> {
        let (judged, verdict) = self.known.get(key).await?;
        (judged == stamp).then_some(verdict)
    }

    pub(crate) async fn set(&self, key: Key, stamp: Stamp, verdict: Verdict) {
        self.known.insert(key, (stamp, verdict)).await;
    }
}
