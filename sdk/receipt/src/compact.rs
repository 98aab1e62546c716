//! The compact form: five parts of base64url with points between.

use colophon_claims::{InvalidSealedClaims, NotBase64url, Part, SealedClaims, split};

use crate::header::{InvalidHeader, parse_header};
use crate::ids::KeyId;

/// The longest receipt, in bytes of its compact form.
pub const RECEIPT_BYTES_MAX: usize = 8 * 1024;

/// Why a text is no receipt. Nothing secret was needed to find out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than [`RECEIPT_BYTES_MAX`].
    #[error("longer than {RECEIPT_BYTES_MAX} bytes")]
    TooLong,
    /// It has not exactly five parts.
    #[error("not five parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("the {0} is not canonical base64url without padding")]
    Base64(Part),
    /// The second part is not empty, as it must be for a shared key.
    #[error("the encrypted key is not empty")]
    EncryptedKey,
    /// The protected header is not the one receipts have.
    #[error("the protected header is not that of a receipt")]
    Header(#[source] InvalidHeader),
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
            Malformed::EncryptedKey => "encrypted-key",
            Malformed::Header(_) => "header",
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

/// A receipt as it arrives: well-formed, but nobody knows yet whether it is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReceipt {
    pub(crate) kid: KeyId,
    /// The first part as received; its ASCII is the additional authenticated data.
    pub(crate) header: String,
    pub(crate) claims: SealedClaims,
}

impl SealedReceipt {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the text is not built like a receipt.
    pub fn parse(compact: &str) -> Result<SealedReceipt, Malformed> {
        if compact.len() > RECEIPT_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let parts = split(compact).ok_or(Malformed::Parts)?;
        let [header, encrypted_key, iv, ciphertext, tag] = parts;
        if !encrypted_key.is_empty() {
            return Err(Malformed::EncryptedKey);
        }
        let kid = parse_header(&Part::Header.decode(header)?).map_err(Malformed::Header)?;
        Ok(SealedReceipt {
            kid,
            header: header.to_owned(),
            claims: SealedClaims::decode(iv, ciphertext, tag)?,
        })
    }

    /// The key this receipt says it was sealed with. It alone chooses the key; trying several
    /// keys is never right, since AES-GCM lets one ciphertext open under two.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

impl std::fmt::Display for SealedReceipt {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.header, self.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_strangest_texts_are_refused_without_harm() {
        for text in [
            "....".to_owned(),
            ".".repeat(RECEIPT_BYTES_MAX),
            "A".repeat(RECEIPT_BYTES_MAX),
            format!("{}..A.A.A", "W".repeat(8000)),
            "é".repeat(RECEIPT_BYTES_MAX),
        ] {
            assert!(SealedReceipt::parse(&text).is_err());
        }
        assert_eq!(
            SealedReceipt::parse(&"A".repeat(RECEIPT_BYTES_MAX + 1)),
            Err(Malformed::TooLong)
        );
    }
}
