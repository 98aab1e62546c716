//! The protected header: `alg`, `enc` and `kid`, nothing less and nothing more.

use colophon_claims::{InvalidId, bytes_id, read_header, write_header};
use colophon_crypto::Engine;

pub(crate) const ALGORITHM: &str = "RSA-OAEP-256";
pub(crate) const ENCRYPTION: &str = "A256GCM";

/// SHA-256 of a certificate in DER, by which a form names the certificate it is sealed to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateHash([u8; 32]);

impl CertificateHash {
    /// The hash of this certificate.
    #[must_use]
    pub fn of(engine: &dyn Engine, certificate_der: &[u8]) -> CertificateHash {
        CertificateHash(engine.digest(&[certificate_der]))
    }
}

bytes_id!(CertificateHash, 32, "32 bytes in base64url");

/// Why a protected header is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHeader {
    /// It is no JSON object of strings.
    #[error("the header is no JSON object of strings")]
    Form,
    /// A member that forms of its kind do not have.
    #[error("the header has the member {0:?}, which such a form never has")]
    Unknown(String),
    /// A member that is there twice.
    #[error("the header has the member {0:?} twice")]
    Duplicate(&'static str),
    /// A member that is not there.
    #[error("the header has no member {0:?}")]
    Missing(&'static str),
    /// Another `alg` than `RSA-OAEP-256`, or another `enc` than `A256GCM`.
    #[error("the header names an algorithm other than RSA-OAEP-256 and A256GCM")]
    Algorithm,
    /// The `typ` of another kind of form.
    #[error("the header names another type of form")]
    Type,
    /// The `kid` is no hash of a certificate.
    #[error("the header's kid is no hash of a certificate")]
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

/// Reads a decoded header and gives the certificate it names.
pub(super) fn parse_header(json: &[u8]) -> Result<CertificateHash, InvalidHeader> {
    let [algorithm, encryption, kid] = read_header(json, &["alg", "enc", "kid"])?;
    if algorithm != ALGORITHM || encryption != ENCRYPTION {
        return Err(InvalidHeader::Algorithm);
    }
    kid.parse().map_err(InvalidHeader::Kid)
}

/// The header of a new form.
pub(super) fn header_for(kid: &CertificateHash) -> String {
    write_header(&[
        ("alg", ALGORITHM),
        ("enc", ENCRYPTION),
        ("kid", &kid.to_string()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    const KID: CertificateHash = CertificateHash::from_bytes([0xff; 32]);

    #[track_caller]
    fn check(json: &str, expected: Result<CertificateHash, InvalidHeader>) {
        assert_eq!(parse_header(json.as_bytes()), expected, "{json}");
    }

    #[test]
    fn exactly_three_members() {
        let usual = header_for(&KID);
        check(&usual, Ok(KID));
        check(
            &format!(" {{\"kid\":\"{KID}\",\n \"enc\": \"A256GCM\", \"alg\":\"RSA-OAEP-256\"}}"),
            Ok(KID),
        );
        check(
            &usual.replace("\"enc\":\"A256GCM\",", ""),
            Err(InvalidHeader::Missing("enc")),
        );
        check(
            &usual.replace('}', ",\"typ\":\"JWT\"}"),
            Err(InvalidHeader::Unknown("typ".to_owned())),
        );
        check(
            &usual.replace('}', ",\"enc\":\"A256GCM\"}"),
            Err(InvalidHeader::Duplicate("enc")),
        );
        check(
            &usual.replace("\"A256GCM\"", "[\"A256GCM\"]"),
            Err(InvalidHeader::Form),
        );
    }

    #[test]
    fn a_kid_is_a_hash() {
        for kid in ["", "center", &"_".repeat(43), &"A".repeat(44)] {
            let header = header_for(&KID).replace(&KID.to_string(), kid);
            let refused = parse_header(header.as_bytes());
            assert!(matches!(refused, Err(InvalidHeader::Kid(_))), "{refused:?}");
        }
    }

    /// What JOSE registers beside ours, and near misses.
    #[test]
    fn no_other_algorithm() {
        for alg in [
            "none",
            "dir",
            "RSA1_5",
            "RSA-OAEP",
            "RSA-OAEP-384",
            "RSA-OAEP-512",
            "A256KW",
            "A256GCMKW",
            "ECDH-ES",
            "ECDH-ES+A256KW",
            "PBES2-HS512+A256KW",
            "rsa-oaep-256",
            "RSA-OAEP-256 ",
            "",
        ] {
            check(
                &header_for(&KID).replace(ALGORITHM, alg),
                Err(InvalidHeader::Algorithm),
            );
        }
        for enc in [
            "A128GCM",
            "A192GCM",
            "A128CBC-HS256",
            "A192CBC-HS384",
            "A256CBC-HS512",
            "a256gcm",
            "",
        ] {
            check(
                &header_for(&KID).replace(ENCRYPTION, enc),
                Err(InvalidHeader::Algorithm),
            );
        }
    }
}
