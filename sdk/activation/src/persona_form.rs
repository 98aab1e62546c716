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

use colophon_claims::{read_header, write_header};

pub use self::claims::{PERSONA_FORM_LIFETIME_S_MAX, PersonaClaims, PersonaFormId, ShopId};
pub use self::opening::PersonaFormRefused;
pub use self::sealing::PersonaForm;
use crate::sealed::{Malformed, Sealed};
use crate::upload::{ALGORITHM, CertificateHash, ENCRYPTION, InvalidHeader};

/// The longest persona form, in bytes of its compact form.
pub const PERSONA_FORM_BYTES_MAX: usize = 4096;

/// The type in the header, by which it is told from every other JWE.
const TYPE: &str = "colophon-persona+jwe";

const MEMBERS: [&str; 4] = ["typ", "alg", "enc", "kid"];

/// A persona form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPersona(Sealed);

impl SealedPersona {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not built like a persona form.
    pub fn parse(compact: &str) -> Result<SealedPersona, Malformed> {
        Sealed::parse(compact, PERSONA_FORM_BYTES_MAX, read_kid).map(SealedPersona)
    }

    /// The certificate this form says it is sealed to.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.0.kid
    }
}

impl std::fmt::Display for SealedPersona {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The certificate that a decoded header names, if it is one of persona forms.
fn read_kid(json: &[u8]) -> Result<CertificateHash, InvalidHeader> {
    let [form_type, algorithm, encryption, kid] = read_header(json, &MEMBERS)?;
    if form_type != TYPE {
        return Err(InvalidHeader::Type);
    }
    if algorithm != ALGORITHM || encryption != ENCRYPTION {
        return Err(InvalidHeader::Algorithm);
    }
    kid.parse().map_err(InvalidHeader::Kid)
}

fn header_for(kid: &CertificateHash) -> String {
    let kid = kid.to_string();
    let values = [TYPE, ALGORITHM, ENCRYPTION, kid.as_str()];
    let members: Vec<(&str, &str)> = MEMBERS.into_iter().zip(values).collect();
    write_header(&members)
}
