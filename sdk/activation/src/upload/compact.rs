//! The compact form: five parts of base64url with points between.

use colophon_claims::{InvalidSealedClaims, NotBase64url, Part, SealedClaims, base64url, split};

use super::header::{CertificateHash, InvalidHeader, parse_header};

/// The longest upload form, in bytes of its compact form.
pub const FORM_BYTES_MAX: usize = 16 * 1024;

/// What RSA keys of 2048 to 4096 bits encrypt to, in bytes.
pub(crate) const ENCRYPTED_KEY_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Why a text is no upload form. Nothing secret was needed to find out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than [`FORM_BYTES_MAX`].
    #[error("longer than {FORM_BYTES_MAX} bytes")]
    TooLong,
    /// It has not exactly five parts.
    #[error("not five parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("the {0} is not canonical base64url without padding")]
    Base64(Part),
    /// The protected header is not the one upload forms have.
    #[error("the protected header is not that of an upload form")]
    Header(#[source] InvalidHeader),
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

impl Malformed {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Malformed::TooLong => "too-long",
            Malformed::Parts => "parts",
            Malformed::Base64(_) => "base64",
            Malformed::Header(_) => "header",
            Malformed::EncryptedKeyLength => "encrypted-key-length",
            Malformed::IvLength => "iv-length",
            Malformed::TagLength => "tag-length",
        }
    }
}

impl From<NotBase64url> for Malformed {
    fn from(NotBase64url(part): NotBase64url) -> Malformed {
        Malformed::Base64(part)
    }
}

impl From<InvalidSealedClaims> for Malformed {
    fn from(invalid: InvalidSealedClaims) -> Malformed {
        match invalid {
            InvalidSealedClaims::Base64(invalid) => invalid.into(),
            InvalidSealedClaims::IvLength => Malformed::IvLength,
            InvalidSealedClaims::TagLength => Malformed::TagLength,
        }
    }
}

/// An upload form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedForm {
    pub(super) kid: CertificateHash,
    /// The first part as received; its ASCII is the additional authenticated data.
    pub(super) header: String,
    pub(super) encrypted_key: Vec<u8>,
    pub(super) claims: SealedClaims,
}

impl SealedForm {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not built like an upload form.
    pub fn parse(compact: &str) -> Result<SealedForm, Malformed> {
        if compact.len() > FORM_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let parts = split(compact).ok_or(Malformed::Parts)?;
        let [header, encrypted_key, iv, ciphertext, tag] = parts;
        let kid = parse_header(&Part::Header.decode(header)?).map_err(Malformed::Header)?;
        let encrypted_key = Part::EncryptedKey.decode(encrypted_key)?;
        if !ENCRYPTED_KEY_BYTES.contains(&encrypted_key.len()) {
            return Err(Malformed::EncryptedKeyLength);
        }
        Ok(SealedForm {
            kid,
            header: header.to_owned(),
            encrypted_key,
            claims: SealedClaims::decode(iv, ciphertext, tag)?,
        })
    }

    /// The certificate this form says it is sealed to. It alone chooses the key.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.kid
    }
}

impl std::fmt::Display for SealedForm {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encrypted_key = base64url::encode(&self.encrypted_key);
        write!(f, "{}.{encrypted_key}.{}", self.header, self.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_strangest_texts_are_refused_without_harm() {
        for text in [
            "....".to_owned(),
            ".".repeat(FORM_BYTES_MAX),
            "A".repeat(FORM_BYTES_MAX),
            format!("{}.A.A.A.A", "W".repeat(16_000)),
            "é".repeat(FORM_BYTES_MAX / 2),
        ] {
            assert!(SealedForm::parse(&text).is_err());
        }
        assert_eq!(
            SealedForm::parse(&"A".repeat(FORM_BYTES_MAX + 1)),
            Err(Malformed::TooLong)
        );
    }
}
