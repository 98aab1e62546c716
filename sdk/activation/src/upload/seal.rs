//! Sealing: from claims to the text a retailer keeps.

use colophon_claims::{SealedClaims, base64url};
use colophon_crypto::{Engine, Key32, Mismatch, PublicKey, Randomness};

use super::claims::Claims;
use super::compact::FORM_BYTES_MAX;
use super::header::{CertificateHash, header_for};
use super::json::write_claims;
use crate::sealed::Sealed;

/// Why no upload form was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The public key does not stand in the certificate.
    #[error("the public key is not that of the center's certificate")]
    OtherKey,
    /// The public key is no RSA key of 2048 to 4096 bits.
    #[error("the center's public key is no RSA key in the profile")]
    Key(#[source] Mismatch),
    /// A time is before 1970, above 2^53 − 1, or the end is not after the beginning.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// The form would be longer than [`FORM_BYTES_MAX`].
    #[error("the upload form would be longer than {FORM_BYTES_MAX} bytes")]
    TooLong,
    /// The claims could not be written as JSON.
    #[error("the claims could not be written")]
    Write(#[source] serde_json::Error),
}

/// The making of upload forms for one center.
#[derive(Clone, Copy)]
pub struct UploadForm<'a> {
    /// Where the primitives come from.
    pub engine: &'a dyn Engine,
    /// The center's certificate, which the caller trusts.
    pub center_certificate_der: &'a [u8],
    /// The public key in it, a DER-encoded `SubjectPublicKeyInfo`.
    pub center_public_key_spki_der: &'a [u8],
}

impl UploadForm<'_> {
    /// Seals claims to the center's certificate and gives the compact form. It consists of
    /// characters that need no escaping in a URL or a form.
    ///
    /// 76 bytes are taken from `random`: 32 for the content encryption key, 32 for the seed of
    /// OAEP, then 12 for the initialization vector.
    ///
    /// # Errors
    ///
    /// [`SealError`] if the form would not be one by the specification.
    pub fn seal(&self, claims: &Claims, random: &mut dyn Randomness) -> Result<String, SealError> {
        check_times(claims)?;
        let claims = write_claims(claims).map_err(SealError::Write)?;
        let kid = CertificateHash::of(self.engine, self.center_certificate_der);
        let header = base64url::encode(header_for(&kid).as_bytes());
        let recipient = Recipient {
            engine: self.engine,
            certificate_der: self.center_certificate_der,
            public_key_spki_der: self.center_public_key_spki_der,
        };
        let (encrypted_key, claims) = recipient.encrypt(&header, claims, random)?;
        let sealed = Sealed {
            kid,
            header,
            encrypted_key,
            claims,
        };
        let compact = sealed.to_string();
        if compact.len() > FORM_BYTES_MAX {
            return Err(SealError::TooLong);
        }
        Ok(compact)
    }
}

/// Whom a form is sealed to, by a certificate that is trusted already.
#[derive(Clone, Copy)]
pub(crate) struct Recipient<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) certificate_der: &'a [u8],
    /// The public key in the certificate, a DER-encoded `SubjectPublicKeyInfo`.
    pub(crate) public_key_spki_der: &'a [u8],
}

/// Why nothing was encrypted to somebody.
#[derive(Debug)]
pub(crate) enum EncryptionFailed {
    /// The public key does not stand in the certificate.
    OtherKey,
    /// The public key is no RSA key of 2048 to 4096 bits.
    Key(Mismatch),
}

impl From<EncryptionFailed> for SealError {
    fn from(failed: EncryptionFailed) -> SealError {
        match failed {
            EncryptionFailed::OtherKey => SealError::OtherKey,
            EncryptionFailed::Key(mismatch) => SealError::Key(mismatch),
        }
    }
}

impl Recipient<'_> {
    /// Encrypts claims under a fresh key, and that to the certificate. 76 bytes are taken from
    /// `random`: the key, the seed of OAEP, then the initialization vector.
    pub(crate) fn encrypt(
        &self,
        header: &str,
        claims: Vec<u8>,
        random: &mut dyn Randomness,
    ) -> Result<(Vec<u8>, SealedClaims), EncryptionFailed> {
        let public_key =
            PublicKey::parse(self.public_key_spki_der).map_err(EncryptionFailed::Key)?;
        self.check_public_key()?;
        let content_key = Key32::generate(random);
        let seed = Key32::generate(random);
        let mut iv = [0; 12];
        random.fill(&mut iv);
        let encrypted_key = public_key
            .encrypt_oaep(seed.expose(), content_key.expose())
            .map_err(EncryptionFailed::Key)?;
        let claims = SealedClaims::seal(self.engine, &content_key, iv, header, claims);
        Ok((encrypted_key, claims))
    }

    /// A certificate holds its public key byte for byte. Certificates are not read here, so this
    /// is no proof; it catches one's certificate passed with another's key.
    fn check_public_key(&self) -> Result<(), EncryptionFailed> {
        let key = self.public_key_spki_der;
        let mut places = self.certificate_der.windows(key.len().max(1));
        match places.any(|place| place == key) {
            true => Ok(()),
            false => Err(EncryptionFailed::OtherKey),
        }
    }
}

fn check_times(claims: &Claims) -> Result<(), SealError> {
    if !claims.issued_at.fits_claim() {
        return Err(SealError::Range("iat"));
    }
    if !claims.expires_at.fits_claim() || claims.expires_at <= claims.issued_at {
        return Err(SealError::Range("exp"));
    }
    Ok(())
}
