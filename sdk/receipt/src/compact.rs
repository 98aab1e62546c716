//! The compact form: five parts of base64url with points between.

use base64ct::{Base64UrlUnpadded, Encoding};

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

/// One of the four parts that hold something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The protected header.
    Header,
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
            Part::Iv => "initialization vector",
            Part::Ciphertext => "ciphertext",
            Part::Tag => "tag",
        })
    }
}

/// A receipt as it arrives: well-formed, but nobody knows yet whether it is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReceipt {
    pub(crate) kid: KeyId,
    /// The first part as received; its ASCII is the additional authenticated data.
    pub(crate) header: String,
    pub(crate) iv: [u8; 12],
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) tag: [u8; 16],
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
        let mut parts = compact.split('.');
        let mut part = || parts.next().ok_or(Malformed::Parts);
        let (header, encrypted_key, iv) = (part()?, part()?, part()?);
        let (ciphertext, tag) = (part()?, part()?);
        if parts.next().is_some() {
            return Err(Malformed::Parts);
        }
        if !encrypted_key.is_empty() {
            return Err(Malformed::EncryptedKey);
        }
        let kid = parse_header(&decode(Part::Header, header)?).map_err(Malformed::Header)?;
        let iv = decode(Part::Iv, iv)?
            .try_into()
            .map_err(|_| Malformed::IvLength)?;
        let ciphertext = decode(Part::Ciphertext, ciphertext)?;
        let tag = decode(Part::Tag, tag)?
            .try_into()
            .map_err(|_| Malformed::TagLength)?;
        Ok(SealedReceipt {
            kid,
            header: header.to_owned(),
            iv,
            ciphertext,
            tag,
        })
    }

    /// The key this receipt says it was sealed with. It alone chooses the key; trying several
    /// keys is never right, since AES-GCM lets one ciphertext open under two.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

fn decode(part: Part, text: &str) -> Result<Vec<u8>, Malformed> {
    Base64UrlUnpadded::decode_vec(text).map_err(|_| Malformed::Base64(part))
}

impl std::fmt::Display for SealedReceipt {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encode = Base64UrlUnpadded::encode_string;
        let (iv, ciphertext, tag) = (
            encode(&self.iv),
            encode(&self.ciphertext),
            encode(&self.tag),
        );
        write!(f, "{}..{iv}.{ciphertext}.{tag}", self.header)
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
