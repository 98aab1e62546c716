//! RSA-OAEP (RFC 8017, section 7.1) with SHA-256 throughout and no label, toward a public key.

use alloc::vec;
use alloc::vec::Vec;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::{Mismatch, PublicKey};

const HASH_BYTES: usize = 32;

/// SHA-256 of the empty label.
const LABEL_HASH: [u8; HASH_BYTES] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// An RSA public key made ready to encrypt to: what follows from the key alone is computed once.
///
/// Time depends on the key and on the length of the message, both public, and on nothing else.
#[derive(Clone, Debug)]
pub struct OaepKey {
    modulus: BoxedMontyParams,
    modulus_bytes: usize,
    exponent: u64,
}

impl OaepKey {
    /// Makes a key ready from its DER-encoded `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if it is no RSA key inside the profile, see [`PublicKey::parse`].
    pub fn parse(spki_der: &[u8]) -> Result<OaepKey, Mismatch> {
        OaepKey::new(&PublicKey::parse(spki_der)?)
    }

    /// Makes a key ready.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if it is no RSA key.
    pub fn new(key: &PublicKey) -> Result<OaepKey, Mismatch> {
        let PublicKey::Rsa(key) = key else {
            return Err(Mismatch);
        };
        let modulus_bytes = key.size();
        let modulus = BoxedUint::from_be_slice_vartime(&key.n().to_bytes_be());
        let modulus = Odd::new(modulus).into_option().ok_or(Mismatch)?;
        let mut exponent = [0; 8];
        let bytes = key.e().to_bytes_le();
        let room = exponent.get_mut(..bytes.len()).ok_or(Mismatch)?;
        room.copy_from_slice(&bytes);
        Ok(OaepKey {
            modulus: BoxedMontyParams::new_vartime(modulus),
            modulus_bytes,
            exponent: u64::from_le_bytes(exponent),
        })
    }

    /// Encrypts `message` so that only the holder of the private key reads it. `seed` is all the
    /// chance there is in it: equal seeds and messages give equal ciphertexts, so a seed must be
    /// either random or a secret that follows from the message and the key.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the message is longer than the key's modulus less 66 bytes.
    pub fn encrypt(&self, seed: &[u8; 32], message: &[u8]) -> Result<Vec<u8>, Mismatch> {
        let padded = padded(self.modulus_bytes, seed, message).ok_or(Mismatch)?;
        let bits = self.modulus.bits_precision();
        let mut padded = BoxedUint::from_be_slice(&padded, bits).map_err(|_| Mismatch)?;
        let mut base = BoxedMontyForm::new(padded.clone(), &self.modulus);
        padded.zeroize();
        let power = raised(&base, self.exponent);
        base.zeroize();
        let ciphertext = power.retrieve().to_be_bytes();
        // The number may have up to seven bytes more than the modulus, which are zeros.
        let start = ciphertext.len().checked_sub(self.modulus_bytes);
        let ciphertext = start.and_then(|start| ciphertext.get(start..));
        ciphertext.map(<[u8]>::to_vec).ok_or(Mismatch)
    }
}

impl PublicKey {
    /// Encrypts one message, see [`OaepKey::encrypt`].
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if this is no RSA key, or the message is too long for it.
    pub fn encrypt_oaep(&self, seed: &[u8; 32], message: &[u8]) -> Result<Vec<u8>, Mismatch> {
        OaepKey::new(self)?.encrypt(seed, message)
    }
}

/// `base` to the power of `exponent`, from its highest bit down. Only the exponent, which is
/// public, decides what is done.
fn raised(base: &BoxedMontyForm, exponent: u64) -> BoxedMontyForm {
    let mut power = base.clone();
    let below_highest = exponent.checked_ilog2().unwrap_or_default();
    for bit in (0..below_highest).rev() {
        let square = power.square();
        power.zeroize();
        power = square;
        if (exponent >> bit) & 1 == 1 {
            let product = power.mul(base);
            power.zeroize();
            power = product;
        }
    }
    power
}

/// EME-OAEP (RFC 8017, section 7.1.1, step 2): `0 ‖ masked seed ‖ masked (hash of the label ‖
/// zeros ‖ 1 ‖ message)`. Nothing if the message is too long.
fn padded(length: usize, seed: &[u8; 32], message: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut padded = Zeroizing::new(vec![0; length]);
    let (_, masked) = padded.split_first_mut()?;
    let (masked_seed, block) = masked.split_first_chunk_mut::<HASH_BYTES>()?;
    let (label, rest) = block.split_first_chunk_mut::<HASH_BYTES>()?;
    let zeros = rest.len().checked_sub(message.len() + 1)?;
    *label = LABEL_HASH;
    *rest.get_mut(zeros)? = 1;
    rest.get_mut(zeros + 1..)?.copy_from_slice(message);
    *masked_seed = *seed;
    mask(block, seed);
    mask(masked_seed, block);
    Some(padded)
}

/// Adds the mask that MGF1 (RFC 8017, appendix B.2.1) generates of `seed`.
fn mask(bytes: &mut [u8], seed: &[u8]) {
    let seeded = Sha256::new_with_prefix(seed);
    for (counter, chunk) in (0_u32..).zip(bytes.chunks_mut(HASH_BYTES)) {
        let mut hash = seeded.clone();
        hash.update(counter.to_be_bytes());
        let mut hash: [u8; HASH_BYTES] = hash.finalize().into();
        for (byte, mask) in chunk.iter_mut().zip(hash) {
            *byte ^= mask;
        }
        hash.zeroize();
    }
}
