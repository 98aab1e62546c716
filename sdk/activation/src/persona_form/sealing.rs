//! Sealing: from a persona's id to the text a shop is given.

use colophon_claims::base64url;
use colophon_crypto::{Engine, Mismatch, Randomness};

use super::claims::PersonaClaims;
use super::{PERSONA_FORM_BYTES_MAX, header_for};
use crate::sealed::Sealed;
use crate::upload::{CertificateHash, EncryptionFailed, Recipient};

/// Why no persona form was sealed.
#[derive(Debug, thiserror::Error)]
pub enum PersonaSealError {
    /// The public key does not stand in the certificate.
    #[error("the public key is not that of the shop's certificate")]
    OtherKey,
    /// The public key is no RSA key of 2048 to 4096 bits.
    #[error("the shop's public key is no RSA key in the profile")]
    Key(#[source] Mismatch),
    /// A time is before 1970, above 2^53 − 1, or the end is not soon after the beginning.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// The form would be longer than [`PERSONA_FORM_BYTES_MAX`].
    #[error("the persona form would be longer than {PERSONA_FORM_BYTES_MAX} bytes")]
    TooLong,
    /// The claims could not be written as JSON.
    #[error("the claims could not be written")]
    Write(#[source] serde_json::Error),
}

impl From<EncryptionFailed> for PersonaSealError {
    fn from(failed: EncryptionFailed) -> PersonaSealError {
        match failed {
            EncryptionFailed::OtherKey => PersonaSealError::OtherKey,
            EncryptionFailed::Key(mismatch) => PersonaSealError::Key(mismatch),
        }
    }
}

/// The making of persona forms for one shop.
#[derive(Clone, Copy)]
pub struct PersonaForm<'a> {
    /// Where the primitives come from.
    pub engine: &'a dyn Engine,
    /// The shop's certificate, which the caller trusts.
    pub shop_certificate_der: &'a [u8],
    /// The public key in it, a DER-encoded `SubjectPublicKeyInfo`.
    pub shop_public_key_spki_der: &'a [u8],
}

impl PersonaForm<'_> {
    /// Seals claims to the shop's certificate and gives the compact form: characters that need no
    /// escaping in a URL or a form. As many bytes are taken from `random` as for an upload form.
    ///
    /// # Errors
    ///
    /// [`PersonaSealError`] if the form would not be one by the specification.
    pub fn seal(
        &self,
        claims: &PersonaClaims,
        random: &mut dyn Randomness,
    ) -> Result<String, PersonaSealError> {
        if !claims.issued_at.fits_claim() {
            return Err(PersonaSealError::Range("iat"));
        }
        let is_short = PersonaClaims::is_short(claims.issued_at, claims.expires_at);
        if !claims.expires_at.fits_claim() || !is_short {
            return Err(PersonaSealError::Range("exp"));
        }
        let kid = CertificateHash::of(self.engine, self.shop_certificate_der);
        let header = base64url::encode(header_for(&kid).as_bytes());
        let recipient = Recipient {
            engine: self.engine,
            certificate_der: self.shop_certificate_der,
            public_key_spki_der: self.shop_public_key_spki_der,
        };
        let claims = claims.write().map_err(PersonaSealError::Write)?;
        let (encrypted_key, claims) = recipient.encrypt(&header, claims, random)?;
        let sealed = Sealed {
            kid,
            header,
            encrypted_key,
            claims,
        };
        let compact = sealed.to_string();
        if compact.len() > PERSONA_FORM_BYTES_MAX {
            return Err(PersonaSealError::TooLong);
        }
        Ok(compact)
    }
}
