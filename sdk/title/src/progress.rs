//! How far a long piece of work has come.

/// How far sealing or verifying has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of content dealt with.
    pub bytes_done: u64,
    /// Bytes of content in all.
    pub bytes_total: u64,
}
