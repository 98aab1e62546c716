//! Personas' key pairs and certificates.

use std::fmt;

use colophon_crypto::PublicKey;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::time::Timestamp;

/// A public key that a persona may have: RSA of 2048 to 4096 bits. There is no other way to make
/// one, so no weak key gets into the pool.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonaPublicKey(Vec<u8>);

/// A public key that no persona may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a persona's key is RSA of 2048 to 4096 bits")]
pub struct WeakKey;

impl PersonaPublicKey {
    /// Takes a key in DER of its `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// [`WeakKey`] unless licenses can be made for it.
    pub fn parse(spki_der: &[u8]) -> Result<Self, WeakKey> {
        match PublicKey::parse(spki_der) {
            Ok(PublicKey::Rsa(_)) => Ok(Self(spki_der.to_vec())),
            Ok(PublicKey::P256(_)) | Err(_) => Err(WeakKey),
        }
    }

    /// DER of its `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PersonaPublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PersonaPublicKey")
    }
}

/// A key pair for one persona and all its devices.
pub struct PersonaKeyPair {
    /// The public key.
    pub public: PersonaPublicKey,
    /// The private key in PKCS #8, DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// A persona's activation certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonaCertificate {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its serial number, big-endian.
    pub serial: Vec<u8>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The last moment at which it is valid.
    pub until: Timestamp,
}

/// Certificates are replaced this long before they end, in milliseconds: a year.
const REPLACED_BEFORE_MS: i64 = 365 * 86_400_000;

impl PersonaCertificate {
    /// Whether it will do for a device activated now, which may be read on for a long time
    /// without another activation.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.until.unix_ms().saturating_sub(now.unix_ms()) >= REPLACED_BEFORE_MS
    }
}
