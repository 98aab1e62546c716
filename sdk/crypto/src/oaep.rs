//! RSA-OAEP (RFC 8017, section 7.1) with SHA-256 throughout and no label, toward a public key.

use alloc::vec::Vec;

use rsa::Oaep;
use rsa::rand_core::{self, CryptoRng, RngCore};

use crate::{Mismatch, PublicKey};

impl PublicKey {
    /// Encrypts `message` so that only the holder of the private key reads it. `seed` is all the
    /// chance there is in it: equal seeds and messages give equal ciphertexts, so a seed must be
    /// either random or a secret that follows from the message and the key.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if this is no RSA key, or the message is longer than the key's modulus less
    /// 66 bytes.
    pub fn encrypt_oaep(&self, seed: &[u8; 32], message: &[u8]) -> Result<Vec<u8>, Mismatch> {
        let PublicKey::Rsa(key) = self else {
            return Err(Mismatch);
        };
        let mut seed = Seed { bytes: seed };
        key.encrypt(&mut seed, Oaep::new::<rsa::sha2::Sha256>(), message)
            .map_err(|_| Mismatch)
    }
}

/// Gives out the seed, which is all that OAEP asks for. Zeros after it would only make a padding
/// weak that does not exist; they cannot be reached.
struct Seed<'s> {
    bytes: &'s [u8],
}

impl RngCore for Seed<'_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for byte in out {
            *byte = match self.bytes.split_first() {
                Some((first, rest)) => {
                    self.bytes = rest;
                    *first
                }
                None => 0,
            };
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Seed<'_> {}
