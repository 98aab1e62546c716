//! Sealing: from a persona's id to the text a shop is given.

use colophon_crypto::{Engine, Randomness};

use super::claims::{PERSONA_FORM_LIFETIME_S_MAX, PersonaClaims};
use super::{PERSONA_FORM_BYTES_MAX, header_for};
use crate::sealed::{FormKind, Recipient, SealError};

const KIND: FormKind = FormKind {
    bytes_max: PERSONA_FORM_BYTES_MAX,
    header_for,
};

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
    /// [`SealError`] if the form would not be one by the specification.
    pub fn seal(
        &self,
        claims: &PersonaClaims,
        random: &mut dyn Randomness,
    ) -> Result<String, SealError> {
        let period = claims.period();
        period.check_new()?;
        if !period.lasts_at_most(PERSONA_FORM_LIFETIME_S_MAX) {
            return Err(SealError::Range("exp"));
        }
        let claims = claims.write().map_err(SealError::Write)?;
        let recipient = Recipient {
            engine: self.engine,
            certificate_der: self.shop_certificate_der,
            public_key_spki_der: self.shop_public_key_spki_der,
        };
        recipient.seal(&KIND, claims, random)
    }
}
