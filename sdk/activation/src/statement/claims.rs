//! The claims of a statement as JSON.

use colophon_claims::{INTEGER_MAX, Members};
use serde::Serialize;

use super::{Statement, StatementRefused};

const NAMES: &[&str] = &[
    "v",
    "persona",
    "machine",
    "salt",
    "cert",
    "module",
    "sealed_key",
    "iat",
];

/// The claims in the order in which they are written.
#[derive(Serialize)]
struct Written<'s> {
    v: i64,
    persona: &'s str,
    machine: String,
    salt: String,
    cert: String,
    module: String,
    sealed_key: String,
    iat: i64,
}

/// Writes claims in compact JSON, unless their time cannot be written.
pub(super) fn write_claims(statement: &Statement) -> Option<String> {
    let iat = statement.issued_at.get();
    let written = Written {
        v: 1,
        persona: statement.persona.as_str(),
        machine: statement.machine.to_string(),
        salt: statement.salt.to_string(),
        cert: statement.certificate.to_string(),
        module: statement.module.to_string(),
        sealed_key: statement.sealed_key.to_string(),
        iat,
    };
    let in_range = (0..=INTEGER_MAX).contains(&iat);
    in_range.then(|| serde_json::to_string(&written).ok())?
}

/// Reads claims whose signature was verified.
pub(super) fn read_claims(json: &[u8]) -> Result<Statement, StatementRefused> {
    let mut claims = Members::parse(json, NAMES)?;
    if claims.required(Members::integer, "v")? != 1 {
        return Err(StatementRefused::Version);
    }
    Ok(Statement {
        persona: claims.required(Members::text, "persona")?,
        machine: claims.required(Members::text, "machine")?,
        salt: claims.required(Members::text, "salt")?,
        certificate: claims.required(Members::text, "cert")?,
        module: claims.required(Members::text, "module")?,
        sealed_key: claims.required(Members::text, "sealed_key")?,
        issued_at: claims.required(Members::time, "iat")?,
    })
}
