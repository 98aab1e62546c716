//! The key that seals receipts.

use colophon_crypto::Key32;

/// The 32 secret bytes a retailer and a center share under one key id.
///
/// Like [`Key32`] it cannot be printed, cloned or compared by accident.
pub struct ReceiptKey(Key32);

impl ReceiptKey {
    /// Takes 32 secret bytes for the sealing of receipts.
    #[must_use]
    pub fn new(key: Key32) -> ReceiptKey {
        ReceiptKey(key)
    }

    /// The secret bytes, for storage under another key.
    #[must_use]
    pub fn key(&self) -> &Key32 {
        &self.0
    }

    /// A second holder of the same bytes.
    #[must_use]
    pub fn duplicate(&self) -> ReceiptKey {
        ReceiptKey(self.0.duplicate())
    }
}
