//! Sealing: from claims to the text a retailer keeps.

use colophon_crypto::{Engine, Randomness};

use super::claims::Claims;
use super::compact::FORM_BYTES_MAX;
use super::header::header_for;
use super::json::write_claims;
use crate::sealed::{FormKind, Recipient, SealError};

const KIND: FormKind = FormKind {
    bytes_max: FORM_BYTES_MAX,
    header_for,
};

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
        claims.period().check_new()?;
        let claims = write_claims(claims).map_err(SealError::Write)?;
        let recipient = Recipient {
            engine: self.engine,
            certificate_der: self.center_certificate_der,
            public_key_spki_der: self.center_public_key_spki_der,
        };
        recipient.seal(&KIND, claims, random)
    }
}
