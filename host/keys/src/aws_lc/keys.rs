//! Keys from keys: HMAC, HKDF and AES key wrap.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use aws_lc_rs::{hkdf, hmac};
use colophon_crypto::{Key32, Mismatch};

pub(super) fn hmac(key: &Key32, parts: &[&[u8]]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
    let mut context = hmac::Context::with_key(&key);
    for part in parts {
        context.update(part);
    }
    let mut array = [0; 32];
    array.copy_from_slice(context.sign().as_ref());
    array
}

pub(super) fn hkdf(input: &Key32, salt: Option<&[u8]>, info: &[u8]) -> Key32 {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.unwrap_or_default());
    let extracted = salt.extract(input.expose());
    Key32::filled(|out| {
        let info = [info];
        let expanded = extracted
            .expand(&info, hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(out));
        #[expect(
            clippy::expect_used,
            reason = "HKDF-SHA256 gives up to 8160 bytes, and 32 are asked for"
        )]
        expanded.expect("an output within the limit of HKDF");
    })
}

pub(super) fn wrap(wrapping: &Key32, key: &Key32) -> [u8; 40] {
    let mut wrapped = [0; 40];
    #[expect(
        clippy::expect_used,
        reason = "only input of another length than 32 is refused"
    )]
    kek(wrapping)
        .wrap(key.expose(), &mut wrapped)
        .expect("a key of 32 bytes");
    wrapped
}

pub(super) fn unwrap(wrapping: &Key32, wrapped: &[u8; 40]) -> Result<Key32, Mismatch> {
    let mut unwrapped = Ok(());
    let key = Key32::filled(|out| {
        unwrapped = kek(wrapping)
            .unwrap(wrapped, out)
            .map(|_| ())
            .map_err(|_| Mismatch);
    });
    unwrapped.map(|()| key)
}

fn kek(wrapping: &Key32) -> AesKek {
    #[expect(
        clippy::expect_used,
        reason = "only keys of another length than 32 are refused"
    )]
    AesKek::new(&AES_256, wrapping.expose()).expect("a key of 32 bytes")
}
