//! Sealing: from claims to the text of a form.

use colophon_claims::{SealedClaims, base64url};
use colophon_crypto::{Engine, Key32, Mismatch, PublicKey, Randomness};

use super::Sealed;
use crate::upload::CertificateHash;

/// Why no form was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The public key does not stand in the certificate.
    #[error("the public key is not that of the certificate")]
    OtherKey,
    /// The public key is no RSA key of 2048 to 4096 bits.
    #[error("the public key in the certificate is no RSA key in the profile")]
    Key(#[source] Mismatch),
    /// A time is before 1970, above 2^53 − 1, or the end is not after the beginning, or not as
    /// soon after it as forms of the kind demand.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// The form would be longer than forms of its kind are, which is this many bytes at most.
    #[error("the form would be longer than {0} bytes")]
    TooLong(usize),
    /// The claims could not be written as JSON.
    #[error("the claims could not be written")]
    Write(#[source] serde_json::Error),
}

/// Whom a form is sealed to, by a certificate that is trusted already.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) certificate_der: &'a [u8],
    /// The public key in the certificate, a DER-encoded `SubjectPublicKeyInfo`.
    pub(crate) public_key_spki_der: &'a [u8],
}

/// What forms of one kind have in common.
pub(crate) struct FormKind {
    /// The longest, in bytes of its compact form.
    pub(crate) bytes_max: usize,
    /// Writes the header for a certificate.
    pub(crate) header_for: fn(&CertificateHash) -> String,
}

impl Recipient<'_> {
    /// Encrypts claims under a fresh key, and that to the certificate, and gives the compact form.
    /// 76 bytes are taken from `random`: the key, the seed of OAEP, then the initialization
    /// vector.
    pub(crate) fn seal(
        &self,
        kind: &FormKind,
        claims: Vec<u8>,
        random: &mut dyn Randomness,
    ) -> Result<String, SealError> {
        let kid = CertificateHash::of(self.engine, self.certificate_der);
        let header = base64url::encode((kind.header_for)(&kid).as_bytes());
        let public_key = PublicKey::parse(self.public_key_spki_der).map_err(SealError::Key)?;
        self.check_public_key()?;
        let content_key = Key32::generate(random);
        let seed = Key32::generate(random);
        let mut iv = [0; 12];
        random.fill(&mut iv);
        let encrypted_key = public_key
            .encrypt_oaep(seed.expose(), content_key.expose())
            .map_err(SealError::Key)?;
        let sealed = Sealed {
            kid,
            claims: SealedClaims::seal(self.engine, &content_key, iv, &header, claims),
            header,
            encrypted_key,
        };
        let compact = sealed.to_string();
        match compact.len() > kind.bytes_max {
            true => Err(SealError::TooLong(kind.bytes_max)),
            false => Ok(compact),
        }
    }

    /// A certificate holds its public key byte for byte. Certificates are not read here, so this
    /// is no proof; it catches one's certificate passed with another's key.
    fn check_public_key(&self) -> Result<(), SealError> {
        let key = self.public_key_spki_der;
        let mut places = self.certificate_der.windows(key.len().max(1));
        match places.any(|place| place == key) {
            true => Ok(()),
            false => Err(SealError::OtherKey),
        }
    }
}
