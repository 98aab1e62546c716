//! The protected header: `alg`, `enc` and `kid`, nothing less and nothing more.

use colophon_claims::{InvalidId, read_header, write_header};

use crate::ids::KeyId;

const ALGORITHM: &str = "dir";
const ENCRYPTION: &str = "A256GCM";

/// Why a protected header is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// It is no JSON object of strings.
    #[error("the header is no JSON object of strings")]
    Form,
    /// A member other than `alg`, `enc` and `kid`.
    #[error("the header has the member {0:?}, which receipts never have")]
    Unknown(String),
    /// A member that is there twice.
    #[error("the header has the member {0:?} twice")]
    Duplicate(&'static str),
    /// A member that is not there.
    #[error("the header has no member {0:?}")]
    Missing(&'static str),
    /// Another `alg` than `dir`, or another `enc` than `A256GCM`.
    #[error("the header names an algorithm other than dir and A256GCM")]
    Algorithm,
    /// The `kid` is no key id.
    #[error("the header's kid is no key id")]
    Kid(#[source] InvalidId),
}

impl From<colophon_claims::InvalidHeader> for InvalidHeader {
    fn from(invalid: colophon_claims::InvalidHeader) -> InvalidHeader {
        match invalid {
            colophon_claims::InvalidHeader::Form => InvalidHeader::Form,
            colophon_claims::InvalidHeader::Unknown(name) => InvalidHeader::Unknown(name),
            colophon_claims::InvalidHeader::Duplicate(name) => InvalidHeader::Duplicate(name),
            colophon_claims::InvalidHeader::Missing(name) => InvalidHeader::Missing(name),
        }
    }
}

/// Reads a decoded header and gives its key id.
pub(crate) fn parse_header(json: &[u8]) -> Result<KeyId, InvalidHeader> {
    let [algorithm, encryption, kid] = read_header(json, &["alg", "enc", "kid"])?;
    if algorithm != ALGORITHM || encryption != ENCRYPTION {
        return Err(InvalidHeader::Algorithm);
    }
    kid.parse().map_err(InvalidHeader::Kid)
}

/// The header of a new receipt.
pub(crate) fn header_for(kid: &KeyId) -> String {
    write_header(&[
        ("alg", ALGORITHM),
        ("enc", ENCRYPTION),
        ("kid", kid.as_str()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<&str, InvalidHeader>) {
        let kid = parse_header(json.as_bytes());
        assert_eq!(
            kid.as_ref().map(KeyId::as_str),
            expected.as_ref().map(|kid| *kid),
            "{json}"
        );
    }

    #[test]
    fn exactly_three_members() {
        check(
            r#"{"alg":"dir","enc":"A256GCM","kid":"shop.1"}"#,
            Ok("shop.1"),
        );
        check(
            " {\"kid\":\"shop.1\",\n \"enc\": \"A256GCM\", \"alg\":\"dir\"}",
            Ok("shop.1"),
        );
        check(
            r#"{"alg":"dir","enc":"A256GCM"}"#,
            Err(InvalidHeader::Missing("kid")),
        );
        check(
            r#"{"alg":"dir","enc":"A256GCM","kid":"shop.1","typ":"JWT"}"#,
            Err(InvalidHeader::Unknown("typ".to_owned())),
        );
        check(
            r#"{"alg":"dir","alg":"dir","enc":"A256GCM","kid":"shop.1"}"#,
            Err(InvalidHeader::Duplicate("alg")),
        );
        check(
            r#"{"alg":"dir","enc":"A256GCM","kid":1}"#,
            Err(InvalidHeader::Form),
        );
    }

    /// Every `alg` and `enc` registered for JOSE, and near misses of ours.
    #[test]
    fn no_other_algorithm() {
        for alg in [
            "none",
            "HS256",
            "HS384",
            "HS512",
            "RS256",
            "RS384",
            "RS512",
            "ES256",
            "ES384",
            "ES512",
            "ES256K",
            "PS256",
            "PS384",
            "PS512",
            "EdDSA",
            "Ed25519",
            "Ed448",
            "RSA1_5",
            "RSA-OAEP",
            "RSA-OAEP-256",
            "RSA-OAEP-384",
            "RSA-OAEP-512",
            "A128KW",
            "A192KW",
            "A256KW",
            "ECDH-ES",
            "ECDH-ES+A128KW",
            "ECDH-ES+A192KW",
            "ECDH-ES+A256KW",
            "A128GCMKW",
            "A192GCMKW",
            "A256GCMKW",
            "PBES2-HS256+A128KW",
            "PBES2-HS384+A192KW",
            "PBES2-HS512+A256KW",
            "DIR",
            "Dir",
            "dir ",
            "",
        ] {
            let json = format!(r#"{{"alg":"{alg}","enc":"A256GCM","kid":"shop.1"}}"#);
            check(&json, Err(InvalidHeader::Algorithm));
        }
        for enc in [
            "A128CBC-HS256",
            "A192CBC-HS384",
            "A256CBC-HS512",
            "A128GCM",
            "A192GCM",
            "a256gcm",
            "A256GCM ",
            "",
        ] {
            let json = format!(r#"{{"alg":"dir","enc":"{enc}","kid":"shop.1"}}"#);
            check(&json, Err(InvalidHeader::Algorithm));
        }
    }
}
