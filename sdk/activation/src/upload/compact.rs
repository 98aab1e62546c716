//! The compact form: five parts of base64url with points between.

use base64ct::{Base64UrlUnpadded, Encoding};

use super::header::{CertificateHash, InvalidHeader, parse_header};

/// The longest upload form, in bytes of its compact form.
pub const FORM_BYTES_MAX: usize = 16 * 1024;

/// What RSA keys of 2048 to 4096 bits encrypt to, in bytes.
const ENCRYPTED_KEY_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

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

/// One of the five parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The protected header.
    Header,
    /// The encrypted content encryption key.
    EncryptedKey,
    /// The initialization vector.
    Iv,
    /// The encrypted claims.
    Ciphertext,
    /// The authentication tag.
    Tag,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::EncryptedKey => "encrypted key",
            Part::Iv => "initialization vector",
            Part::Ciphertext => "ciphertext",
            Part::Tag => "tag",
        })
    }
}

/// An upload form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedForm {
    pub(super) kid: CertificateHash,
    /// The first part as received; its ASCII is the additional authenticated data.
    pub(super) header: String,
    pub(super) encrypted_key: Vec<u8>,
    pub(super) iv: [u8; 12],
    pub(super) ciphertext: Vec<u8>,
    pub(super) tag: [u8; 16],
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
        let mut parts = compact.split('.');
        let mut part = || parts.next().ok_or(Malformed::Parts);
        let (header, encrypted_key, iv) = (part()?, part()?, part()?);
        let (ciphertext, tag) = (part()?, part()?);
        if parts.next().is_some() {
            return Err(Malformed::Parts);
        }
        let kid = parse_header(&decode(Part::Header, header)?).map_err(Malformed::Header)?;
        let encrypted_key = decode(Part::EncryptedKey, encrypted_key)?;
        if !ENCRYPTED_KEY_BYTES.contains(&encrypted_key.len()) {
            return Err(Malformed::EncryptedKeyLength);
        }
        let iv = decode(Part::Iv, iv)?
            .try_into()
            .map_err(|_| Malformed::IvLength)?;
        let ciphertext = decode(Part::Ciphertext, ciphertext)?;
        let tag = decode(Part::Tag, tag)?
            .try_into()
            .map_err(|_| Malformed::TagLength)?;
        Ok(SealedForm {
            kid,
            header: header.to_owned(),
            encrypted_key,
            iv,
            ciphertext,
            tag,
        })
    }

    /// The certificate this form says it is sealed to. It alone chooses the key.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.kid
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, Malformed> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Malformed::Base64(part))
}

impl std::fmt::Display for SealedForm {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.header)?;
        let parts: [&[u8]; 4] = [&self.encrypted_key, &self.iv, &self.ciphertext, &self.tag];
        parts
            .iter()
            .try_for_each(|part| write!(f, ".{}", Base64UrlUnpadded::encode_string(part)))
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
