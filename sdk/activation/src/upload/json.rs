//! Claims out of JSON and into it.

use base64ct::{Base64, Encoding};
use colophon_claims::{InvalidMember, InvalidObject, Members};
use serde::Serialize;

use super::claims::{CertificateChain, Claims, InvalidChain, InvalidClaims};

const NAMES: &[&str] = &["v", "cert", "persona", "aud", "iat", "exp"];

impl From<InvalidObject> for InvalidClaims {
    fn from(invalid: InvalidObject) -> InvalidClaims {
        match invalid {
            InvalidObject::Form => InvalidClaims::Form,
            InvalidObject::Unknown(name) => InvalidClaims::Unknown(name),
            InvalidObject::Duplicate(name) => InvalidClaims::Duplicate(name),
        }
    }
}

impl From<InvalidMember> for InvalidClaims {
    fn from(invalid: InvalidMember) -> InvalidClaims {
        match invalid {
            InvalidMember::Missing(name) => InvalidClaims::Missing(name),
            InvalidMember::Type(name) => InvalidClaims::Type(name),
            InvalidMember::Range(name) => InvalidClaims::Range(name),
            InvalidMember::Text { name, cause } => InvalidClaims::Text { name, cause },
        }
    }
}

/// Reads decrypted claims. `aud` is read, not judged.
pub(super) fn read_claims(json: &[u8]) -> Result<Claims, InvalidClaims> {
    let mut claims = Members::parse_with_lists(json, NAMES)?;
    if claims.required(Members::integer, "v")? != 1 {
        return Err(InvalidClaims::Version);
    }
    let issued_at = claims.required(Members::time, "iat")?;
    let expires_at = claims.required(Members::time, "exp")?;
    if expires_at <= issued_at {
        return Err(InvalidClaims::Range("exp"));
    }
    let certificates = claims.required(Members::strings, "cert")?;
    Ok(Claims {
        certificates: chain(&certificates).map_err(InvalidClaims::Certificates)?,
        persona: claims.required(Members::text, "persona")?,
        center: claims.required(Members::text, "aud")?,
        issued_at,
        expires_at,
    })
}

fn chain(certificates: &[String]) -> Result<CertificateChain, InvalidChain> {
    let decode = |text: &String| Base64::decode_vec(text).map_err(|_| InvalidChain::Base64);
    let decoded: Result<Vec<Vec<u8>>, InvalidChain> = certificates.iter().map(decode).collect();
    CertificateChain::new(decoded?)
}

/// The members of new claims, in the order in which they are written.
#[derive(Serialize)]
struct Written<'a> {
    v: u8,
    cert: Vec<String>,
    persona: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

/// Writes compact JSON.
pub(super) fn write_claims(claims: &Claims) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written {
        v: 1,
        cert: claims
            .certificates
            .iter()
            .map(Base64::encode_string)
            .collect(),
        persona: claims.persona.as_str(),
        aud: claims.center.as_str(),
        iat: claims.issued_at.get(),
        exp: claims.expires_at.get(),
    })
}
