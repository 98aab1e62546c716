//! The key that opens upload forms to a center.

use std::sync::{Mutex, PoisonError};

use colophon_activation::{CertificateHash, FormKey};
use colophon_core::center::UploadKey;
use colophon_core::recent::Recent;
use colophon_crypto::{Engine as _, Key32, Mismatch};

use super::Leaf;
use crate::AwsLc;

/// Decrypted keys in each half of what is remembered.
const REMEMBERED_MAX: usize = 2048;

/// A [`Leaf`] whose certificate is for opening upload forms.
///
/// A form is used again and again until it ends, and decrypting costs as much as a signature. So
/// keys that decrypted are remembered; everything else of a form is checked each time.
pub struct CenterKey {
    leaf: Leaf,
    certificate: CertificateHash,
    /// By SHA-256 of what was decrypted.
    remembered: Mutex<Recent<Key32>>,
}

impl CenterKey {
    pub(super) fn new(leaf: Leaf) -> CenterKey {
        let own = leaf.chain().first().map(Vec::as_slice).unwrap_or_default();
        CenterKey {
            certificate: CertificateHash::of(&AwsLc, own),
            leaf,
            remembered: Mutex::new(Recent::new(REMEMBERED_MAX)),
        }
    }
}

impl FormKey for CenterKey {
    fn certificate(&self) -> CertificateHash {
        self.certificate
    }

    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch> {
        let name = AwsLc.digest(&[encrypted]);
        // Whoever panicked while holding the lock left whole entries behind.
        let remembered = || {
            self.remembered
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = remembered().find(&name) {
            return Ok(key.duplicate());
        }
        let decrypted = self.leaf.decrypt(encrypted)?;
        let key = Key32::from_slice(&decrypted).ok_or(Mismatch)?;
        remembered().keep(name, key.duplicate());
        Ok(key)
    }
}

impl UploadKey for CenterKey {
    fn chain(&self) -> &[Vec<u8>] {
        self.leaf.chain()
    }
}
