//! The form in which a persona's id travels to a shop.
//!
//! A shop needs the id for the receipts it makes, and takes it from here, never from an activation
//! certificate. The form is a compact JWE in the profile of the upload form, with a type of its
//! own, to one shop's certificate. It is short-lived, and has an id by which a shop takes it once.
//! Who may have a shop's certificate is left to those who know the trusted roots; private keys are
//! left to the shop.

mod claims;
mod opening;
mod sealing;

use colophon_claims::{InvalidSealedClaims, NotBase64url, Part, SealedClaims, base64url, split};
use colophon_claims::{read_header, write_header};

pub use self::claims::{PERSONA_FORM_LIFETIME_S_MAX, PersonaClaims, PersonaFormId, ShopId};
pub use self::opening::PersonaFormRefused;
pub use self::sealing::{PersonaForm, PersonaSealError};
use crate::upload::{ALGORITHM, CertificateHash, ENCRYPTED_KEY_BYTES, ENCRYPTION};

/// The longest persona form, in bytes of its compact form.
pub const PERSONA_FORM_BYTES_MAX: usize = 4096;

/// The type in the header, by which it is told from every other JWE.
const TYPE: &str = "colophon-persona+jwe";

const MEMBERS: [&str; 4] = ["typ", "alg", "enc", "kid"];

/// A persona form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPersona {
    kid: CertificateHash,
    /// The first part as received; its ASCII is the additional authenticated data.
    header: String,
    encrypted_key: Vec<u8>,
    claims: SealedClaims,
}

/// Why a text is no persona form. Nothing secret was needed to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedPersona {
    /// It is longer than [`PERSONA_FORM_BYTES_MAX`].
    #[error("longer than {PERSONA_FORM_BYTES_MAX} bytes")]
    TooLong,
    /// It has not exactly five parts.
    #[error("not five parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("the {0} is not canonical base64url without padding")]
    Base64(Part),
    /// The protected header is not the one persona forms have.
    #[error("the protected header is not that of a persona form")]
    Header,
    /// The encrypted key has a length no RSA key in the profile gives.
    #[error("the encrypted key is not 256 to 512 bytes long")]
    EncryptedKeyLength,
    /// The initialization vector is not 12 bytes long.
    #[error("the initialization vector is not 12 bytes long")]
    IvLength,
    /// The tag is not 16 bytes long.
    #[error("the tag is not 16 bytes long")]
    TagLength,
}

impl MalformedPersona {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            MalformedPersona::TooLong => "too-long",
            MalformedPersona::Parts => "parts",
            MalformedPersona::Base64(_) => "base64",
            MalformedPersona::Header => "header",
            MalformedPersona::EncryptedKeyLength => "encrypted-key-length",
            MalformedPersona::IvLength => "iv-length",
            MalformedPersona::TagLength => "tag-length",
        }
    }
}

impl From<NotBase64url> for MalformedPersona {
    fn from(NotBase64url(part): NotBase64url) -> MalformedPersona {
        MalformedPersona::Base64(part)
    }
}

impl From<InvalidSealedClaims> for MalformedPersona {
    fn from(invalid: InvalidSealedClaims) -> MalformedPersona {
        match invalid {
            InvalidSealedClaims::Base64(invalid) => invalid.into(),
            InvalidSealedClaims::IvLength => MalformedPersona::IvLength,
            InvalidSealedClaims::TagLength => MalformedPersona::TagLength,
        }
    }
}

impl SealedPersona {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`MalformedPersona`] if the text is not built like a persona form.
    pub fn parse(compact: &str) -> Result<SealedPersona, MalformedPersona> {
        if compact.len() > PERSONA_FORM_BYTES_MAX {
            return Err(MalformedPersona::TooLong);
        }
        let parts = split(compact).ok_or(MalformedPersona::Parts)?;
        let [header, encrypted_key, iv, ciphertext, tag] = parts;
        let kid = read_kid(&Part::Header.decode(header)?).ok_or(MalformedPersona::Header)?;
        let encrypted_key = Part::EncryptedKey.decode(encrypted_key)?;
        if !ENCRYPTED_KEY_BYTES.contains(&encrypted_key.len()) {
            return Err(MalformedPersona::EncryptedKeyLength);
        }
        Ok(SealedPersona {
            kid,
            header: header.to_owned(),
            encrypted_key,
            claims: SealedClaims::decode(iv, ciphertext, tag)?,
        })
    }

    /// The certificate this form says it is sealed to.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.kid
    }
}

impl std::fmt::Display for SealedPersona {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encrypted_key = base64url::encode(&self.encrypted_key);
        write!(f, "{}.{encrypted_key}.{}", self.header, self.claims)
    }
}

/// The certificate that a decoded header names, if it is one of persona forms.
fn read_kid(json: &[u8]) -> Option<CertificateHash> {
    let [form_type, algorithm, encryption, kid] = read_header(json, &MEMBERS).ok()?;
    let is_ours = form_type == TYPE && algorithm == ALGORITHM && encryption == ENCRYPTION;
    kid.parse().ok().filter(|_| is_ours)
}

fn header_for(kid: &CertificateHash) -> String {
    let kid = kid.to_string();
    let values = [TYPE, ALGORITHM, ENCRYPTION, kid.as_str()];
    let members: Vec<(&str, &str)> = MEMBERS.into_iter().zip(values).collect();
    write_header(&members)
}
