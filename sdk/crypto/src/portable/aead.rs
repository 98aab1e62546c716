//! AES-256-GCM on the `aes-gcm` crate.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};

use crate::{Aead, Key32, Mismatch};

pub(super) struct PortableGcm(Aes256Gcm);

impl PortableGcm {
    pub(super) fn new(key: &Key32) -> PortableGcm {
        PortableGcm(Aes256Gcm::new(key.expose().into()))
    }
}

impl Aead for PortableGcm {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; 16] {
        let sealed = self
            .0
            .encrypt_inout_detached(nonce.into(), aad, buffer.into());
        #[expect(
            clippy::expect_used,
            reason = "the only failure is the documented limit of the mode, 64 GiB"
        )]
        let tag = sealed.expect("a buffer within the limit of AES-GCM");
        tag.into()
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Mismatch> {
        self.0
            .decrypt_inout_detached(nonce.into(), aad, buffer.into(), tag.into())
            .map_err(|_| Mismatch)
    }
}
