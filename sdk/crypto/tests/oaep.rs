//! OAEP gives what others give: OpenSSL reads it, and for a given seed the `rsa` crate makes the
//! same of it.

#![cfg(test)]

use colophon_crypto::{OaepKey, PublicKey};
use rsa::Oaep;
use rsa::rand_core::{self, CryptoRng, RngCore};
use rsa::traits::PublicKeyParts as _;

/// Public keys inside the profile.
const KEYS: [&[u8]; 4] = [
    include_bytes!("data/rsa-2048-e65537.spki.der"),
    include_bytes!("data/rsa-2051-e3.spki.der"),
    include_bytes!("data/rsa-3072-e33.spki.der"),
    include_bytes!("data/rsa-4096.spki.der"),
];

/// Gives out a seed to whoever asks for chance.
struct Seed<'s>(&'s [u8]);

impl RngCore for Seed<'_> {
    fn next_u32(&mut self) -> u32 {
        unreachable!("OAEP draws bytes")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("OAEP draws bytes")
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        let (first, rest) = self.0.split_at(out.len());
        out.copy_from_slice(first);
        self.0 = rest;
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Seed<'_> {}

#[test]
fn ciphertexts_are_those_of_the_rsa_crate() {
    for spki in KEYS {
        let key = OaepKey::parse(spki).expect("a key");
        let Ok(PublicKey::Rsa(plain)) = PublicKey::parse(spki) else {
            panic!("an RSA key");
        };
        let longest = plain.size() - 66;
        for (length, fill) in [(0, 1_u8), (1, 0), (32, 0xff), (40, 7), (longest, 0x5a)] {
            let message = vec![fill; length];
            for first in [0, 1, 0x80, 0xff] {
                let mut seed = [fill.wrapping_mul(31); 32];
                seed[0] = first;
                let expected =
                    plain.encrypt(&mut Seed(&seed), Oaep::new::<rsa::sha2::Sha256>(), &message);
                let encrypted = key.encrypt(&seed, &message).expect("a ciphertext");
                assert_eq!(encrypted, expected.expect("a ciphertext"));
            }
        }
        assert!(key.encrypt(&[0; 32], &vec![0; longest + 1]).is_err());
    }
}

#[test]
fn ciphertexts_are_those_that_openssl_opened() {
    let mut seed = [0; 32];
    for (place, byte) in (0_u8..).zip(&mut seed) {
        *byte = place;
    }
    for (spki, expected) in [
        (KEYS[0], &include_bytes!("data/rsa-2048-e65537.oaep")[..]),
        (KEYS[1], include_bytes!("data/rsa-2051-e3.oaep")),
    ] {
        let key = OaepKey::parse(spki).expect("a key");
        let encrypted = key.encrypt(&seed, b"Call me Ishmael.");
        assert_eq!(encrypted.expect("a ciphertext"), expected);
    }
}

#[test]
fn only_rsa_keys_inside_the_profile_encrypt() {
    for spki in [
        &include_bytes!("data/p256.spki.der")[..],
        include_bytes!("data/p384.spki.der"),
        include_bytes!("data/rsa-1024.spki.der"),
        include_bytes!("data/rsa-4160.spki.der"),
        include_bytes!("data/rsa-2048-not-der.spki.der"),
        b"",
    ] {
        assert!(OaepKey::parse(spki).is_err());
    }
}
