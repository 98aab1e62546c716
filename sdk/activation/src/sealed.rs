//! What all forms that are sealed to a certificate have in common: a compact JWE (`RSA-OAEP-256`,
//! `A256GCM`), five parts of base64url with points between.

mod period;
mod sealing;

use colophon_claims::{InvalidSealedClaims, NotBase64url, Part, SealedClaims, base64url, split};
use colophon_crypto::{Engine, Key32, Mismatch};

pub(crate) use self::period::{OutOfTime, Period};
pub use self::sealing::SealError;
pub(crate) use self::sealing::{FormKind, Recipient};
use crate::upload::{CertificateHash, FormKey, InvalidHeader};

/// What RSA keys of 2048 to 4096 bits encrypt to, in bytes.
const ENCRYPTED_KEY_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Why a text is no form of the kind it should be. Nothing secret was needed to find out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is longer than forms of its kind are, which is this many bytes at most.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// It has not exactly five parts.
    #[error("not five parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("the {0} is not canonical base64url without padding")]
    Base64(Part),
    /// The protected header is not the one that forms of its kind have.
    #[error("the protected header is not that of such a form")]
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
            Malformed::TooLong(_) => "too-long",
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

/// A form as it arrives: well-formed, but nobody knows yet whether it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) kid: CertificateHash,
    /// The first part as received; its ASCII is the additional authenticated data.
    pub(crate) header: String,
    pub(crate) encrypted_key: Vec<u8>,
    pub(crate) claims: SealedClaims,
}

/// Why a form does not open.
pub(crate) enum NotOpened {
    /// It is sealed to another certificate.
    OtherCertificate,
    /// It does not decrypt, or was changed.
    NotGenuine(Mismatch),
}

impl Sealed {
    /// Reads the compact form of a kind of forms: the longest they are, and how the certificate
    /// is read from their decoded header.
    pub(crate) fn parse(
        compact: &str,
        bytes_max: usize,
        kid: impl FnOnce(&[u8]) -> Result<CertificateHash, InvalidHeader>,
    ) -> Result<Sealed, Malformed> {
        if compact.len() > bytes_max {
            return Err(Malformed::TooLong(bytes_max));
        }
        let parts = split(compact).ok_or(Malformed::Parts)?;
        let [header, encrypted_key, iv, ciphertext, tag] = parts;
        let kid = kid(&Part::Header.decode(header)?).map_err(Malformed::Header)?;
        let encrypted_key = Part::EncryptedKey.decode(encrypted_key)?;
        if !ENCRYPTED_KEY_BYTES.contains(&encrypted_key.len()) {
            return Err(Malformed::EncryptedKeyLength);
        }
        Ok(Sealed {
            kid,
            header: header.to_owned(),
            encrypted_key,
            claims: SealedClaims::decode(iv, ciphertext, tag)?,
        })
    }

    /// Decrypts the content encryption key, and the claims with that. Both failures are one, and
    /// cost the same.
    pub(crate) fn open(
        &self,
        engine: &dyn Engine,
        key: &dyn FormKey,
    ) -> Result<Vec<u8>, NotOpened> {
        if key.certificate() != self.kid {
            return Err(NotOpened::OtherCertificate);
        }
        let decrypted = key.decrypt(&self.encrypted_key);
        // A key that does not decrypt costs the same work as a wrong tag (RFC 7516, section 11.5).
        // The stand-in can be computed by anybody, so what it opens is not believed.
        let believed = decrypted.is_ok();
        let content_key =
            decrypted.unwrap_or_else(|Mismatch| Key32::new(engine.digest(&[&self.encrypted_key])));
        let opened = self.claims.open(engine, &content_key, &self.header);
        opened
            .and_then(|claims| believed.then_some(claims).ok_or(Mismatch))
            .map_err(NotOpened::NotGenuine)
    }
}

impl std::fmt::Display for Sealed {
    /// Writes the compact form, exactly as it was received.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let encrypted_key = base64url::encode(&self.encrypted_key);
        write!(f, "{}.{encrypted_key}.{}", self.header, self.claims)
    }
}
