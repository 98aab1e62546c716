//! Small values that plug-ins keep.

use async_trait::async_trait;
use colophon_receipt::CenterId;

use super::Name;
use crate::ports::Unavailable;

/// Whose values they are: one plug-in's in one center. Nobody else reads or writes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ValueOwner {
    /// The center.
    pub center: CenterId,
    /// The plug-in, by the name that its manifest gives it, whatever its version.
    pub plugin: Name,
}

/// A value's place, and what all values of its owner may take up.
#[derive(Debug, Clone, Copy)]
pub struct ValuePlace<'a> {
    /// Whose it is.
    pub owner: &'a ValueOwner,
    /// The plug-in's own name for it, of a length that the contract allows.
    pub key: &'a str,
    /// Bytes of all keys and values of the owner together.
    pub quota_bytes: u64,
}

/// What became of a value that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there.
    Done,
    /// It would not fit the quota; nothing was changed.
    QuotaReached,
}

/// What became of a value that was put in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swap {
    /// It is there.
    Done,
    /// Something else was there than was expected; nothing was changed.
    Different,
    /// It would not fit the quota; nothing was changed.
    QuotaReached,
}

/// Keeps values of plug-ins. Every call takes effect as a whole or not at all, and the quota holds
/// however many run at once. A call that nobody waits for any more, or that fails, may still take
/// effect.
#[async_trait]
pub trait PluginValues: Send + Sync {
    /// The value under a key.
    async fn get(&self, owner: &ValueOwner, key: &str) -> Result<Option<Vec<u8>>, Unavailable>;

    /// Puts a value under a key, whatever is there.
    async fn put(&self, place: ValuePlace<'_>, value: &[u8]) -> Result<Put, Unavailable>;

    /// Puts a value under a key if `expected` is there now; none means nothing.
    async fn swap(
        &self,
        place: ValuePlace<'_>,
        expected: Option<&[u8]>,
        value: &[u8],
    ) -> Result<Swap, Unavailable>;

    /// Takes a key away, and says whether it was there.
    async fn delete(&self, owner: &ValueOwner, key: &str) -> Result<bool, Unavailable>;

    /// The first keys after a text that begin with a prefix, in the order of their bytes.
    async fn list_keys(
        &self,
        owner: &ValueOwner,
        prefix: &str,
        after: Option<&str>,
        keys_max: usize,
    ) -> Result<Vec<String>, Unavailable>;
}
