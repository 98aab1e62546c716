//! AES-256-GCM on AWS-LC.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use colophon_crypto::{Aead, Key32, Mismatch};

// "Less safe" means that the caller chooses the nonces, which the formats require.
pub(super) struct AwsLcGcm(LessSafeKey);

impl AwsLcGcm {
    pub(super) fn new(key: &Key32) -> AwsLcGcm {
        #[expect(
            clippy::expect_used,
            reason = "only keys of another length than 32 are refused"
        )]
        let key = UnboundKey::new(&AES_256_GCM, key.expose()).expect("a key of 32 bytes");
        AwsLcGcm(LessSafeKey::new(key))
    }
}

impl Aead for AwsLcGcm {
    fn seal(&self, nonce: &[u8; 12], aad: &[u8], buffer: &mut [u8]) -> [u8; 16] {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let sealed = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), buffer);
        #[expect(
            clippy::expect_used,
            reason = "the only failure is the documented limit of the mode, 64 GiB"
        )]
        let tag = sealed.expect("a buffer within the limit of AES-GCM");
        let mut array = [0; 16];
        array.copy_from_slice(tag.as_ref());
        array
    }

    fn open(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        buffer: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Mismatch> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self
            .0
            .open_in_place_separate_tag(nonce, Aad::from(aad), tag, buffer);
        if opened.is_err() {
            // The library leaves open what the buffer holds after a failure.
            buffer.fill(0);
            return Err(Mismatch);
        }
        Ok(())
    }
}
