//! The key that opens upload forms to a center.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use colophon_activation::{CertificateHash, FormKey};
use colophon_core::center::UploadKey;
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
    remembered: Mutex<Remembered>,
}

/// The keys decrypted of late, by SHA-256 of what was decrypted. When the younger half is full it
/// becomes the older one.
#[derive(Default)]
struct Remembered {
    younger: HashMap<[u8; 32], Key32>,
    older: HashMap<[u8; 32], Key32>,
}

impl CenterKey {
    pub(super) fn new(leaf: Leaf) -> CenterKey {
        let own = leaf.chain().first().map(Vec::as_slice).unwrap_or_default();
        CenterKey {
            certificate: CertificateHash::of(&AwsLc, own),
            leaf,
            remembered: Mutex::default(),
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
            return Ok(key);
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

impl Remembered {
    fn find(&self, name: &[u8; 32]) -> Option<Key32> {
        let key = self.younger.get(name).or_else(|| self.older.get(name))?;
        Some(key.duplicate())
    }

    fn keep(&mut self, name: [u8; 32], key: Key32) {
        if self.younger.len() >= REMEMBERED_MAX {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(name, key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_the_latest() {
        let mut remembered = Remembered::default();
        let name = |number: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            name
        };
        let last = 5 * REMEMBERED_MAX;
        for number in 0..=last {
            remembered.keep(name(number), Key32::new(name(number)));
        }
        assert!(remembered.younger.len() + remembered.older.len() <= 2 * REMEMBERED_MAX);
        assert!(remembered.find(&name(0)).is_none());
        for number in [last, last - REMEMBERED_MAX + 1] {
            let found = remembered.find(&name(number));
            assert_eq!(found.map(|key| *key.expose()), Some(name(number)));
        }
    }
}
