//! Keys from keys: HMAC, HKDF and AES key wrap.

use aes_gcm::KeyInit;
use aes_gcm::aead::consts::U32;
use aes_kw::KwAes256;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{Key32, Mismatch};

pub(super) fn hmac(key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than the block is by definition the same key padded with zeros.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key.expose()) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block);
    zeroize::Zeroize::zeroize(block.as_mut_slice());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

pub(super) fn hkdf(input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
    let hkdf = Hkdf::<Sha256>::new(salt, input.expose());
    Key32::filled(|out| {
        #[expect(
            clippy::expect_used,
            reason = "HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for"
        )]
        hkdf.expand(info, out)
            .expect("an output within the limit of HKDF");
    })
}

pub(super) fn wrap(wrapping: &Key32, key: &Key32) -> [u8; 40] {
    KwAes256::new(wrapping.expose().into())
        .wrap_fixed_key::<U32>(key.expose().into())
        .into()
}

pub(super) fn unwrap(wrapping: &Key32, wrapped: &[u8; 40]) -> Result<Key32, Mismatch> {
    let mut unwrapped = Ok(());
    let key = Key32::filled(|out| {
        unwrapped = KwAes256::new(wrapping.expose().into())
            .unwrap_key(wrapped, out)
            .map(|_| ())
            .map_err(|_| Mismatch);
    });
    unwrapped.map(|()| key)
}
