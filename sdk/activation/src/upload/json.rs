//! Claims out of JSON and into it.

use std::str::FromStr;

use base64ct::{Base64, Encoding};
use colophon_claims::{InvalidId, UnixSeconds};
use serde::Serialize;

use super::claims::{CertificateChain, Claims, InvalidChain, InvalidClaims};
use crate::json::{Fault, Members, Value};

const NAMES: &[&str] = &["v", "cert", "persona", "aud", "iat", "exp"];

impl From<Fault> for InvalidClaims {
    fn from(fault: Fault) -> InvalidClaims {
        match fault {
            Fault::Form => InvalidClaims::Form,
            Fault::Unknown(name) => InvalidClaims::Unknown(name),
            Fault::Duplicate(name) => InvalidClaims::Duplicate(name),
        }
    }
}

/// Reads decrypted claims. `aud` is read, not judged.
pub(super) fn read_claims(json: &[u8]) -> Result<Claims, InvalidClaims> {
    let mut members = Members::parse(json, NAMES)?;
    if integer(&mut members, "v")? != 1 {
        return Err(InvalidClaims::Version);
    }
    let issued_at = time(&mut members, "iat")?;
    let expires_at = time(&mut members, "exp")?;
    if expires_at <= issued_at {
        return Err(InvalidClaims::Range("exp"));
    }
    Ok(Claims {
        certificates: certificates(&mut members, "cert")?,
        persona: text(&mut members, "persona")?,
        center: text(&mut members, "aud")?,
        issued_at,
        expires_at,
    })
}

fn integer(members: &mut Members, name: &'static str) -> Result<i64, InvalidClaims> {
    match members.take(name) {
        Some(Value::Integer(number)) => Ok(number),
        Some(Value::Text(_) | Value::Texts(_)) => Err(InvalidClaims::Type(name)),
        None => Err(InvalidClaims::Missing(name)),
    }
}

fn time(members: &mut Members, name: &'static str) -> Result<UnixSeconds, InvalidClaims> {
    match integer(members, name)? {
        seconds if seconds < 0 => Err(InvalidClaims::Range(name)),
        seconds => Ok(UnixSeconds::new(seconds)),
    }
}

fn text<T: FromStr<Err = InvalidId>>(
    members: &mut Members,
    name: &'static str,
) -> Result<T, InvalidClaims> {
    match members.take(name) {
        Some(Value::Text(text)) => text
            .parse()
            .map_err(|cause| InvalidClaims::Text { name, cause }),
        Some(Value::Integer(_) | Value::Texts(_)) => Err(InvalidClaims::Type(name)),
        None => Err(InvalidClaims::Missing(name)),
    }
}

fn certificates(
    members: &mut Members,
    name: &'static str,
) -> Result<CertificateChain, InvalidClaims> {
    let texts = match members.take(name) {
        Some(Value::Texts(texts)) => texts,
        Some(Value::Integer(_) | Value::Text(_)) => return Err(InvalidClaims::Type(name)),
        None => return Err(InvalidClaims::Missing(name)),
    };
    let decode = |text: &String| Base64::decode_vec(text).map_err(|_| InvalidChain::Base64);
    let decoded: Result<Vec<Vec<u8>>, InvalidChain> = texts.iter().map(decode).collect();
    decoded
        .and_then(CertificateChain::new)
        .map_err(InvalidClaims::Certificates)
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
