//! What a person's approval gives a reader: the right to fetch one package.
//!
//! It is kept for as long as it is good, so that a download that broke off, or a program that was
//! stopped, goes on with the same activation instead of using up another.

use std::fmt;
use std::path::Path;

use colophon_activation::{FactSalt, PersonaId};
use serde::{Deserialize, Serialize};

use super::folder::{FolderError, read, remove, write_private};
use crate::Address;

/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 4096;

/// More than the file of a grant has.
const FILE_BYTES_MAX: u64 = 16 << 10;

/// A secret text between this reader and its service. Whoever has it can speak for the reader.
pub struct Token(String);

impl Token {
    /// A token as RFC 6750 allows it in a header.
    pub(crate) fn parse(text: String) -> Option<Token> {
        let fits = (1..=TOKEN_BYTES_MAX).contains(&text.len());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        (fits && text.bytes().all(allowed)).then_some(Token(text))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A person's approval.
#[derive(Debug)]
pub struct Grant {
    /// The service that gave it.
    pub service: Address,
    /// What it is used with.
    pub token: Token,
    /// Who approved.
    pub persona: PersonaId,
    /// What the facts of machines are salted with for this persona.
    pub salt: FactSalt,
    /// Until when it is good, in seconds since 1970.
    pub until_unix_s: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    v: u8,
    service: String,
    token: String,
    persona: String,
    fact_salt: String,
    until_unix_s: i64,
}

impl Grant {
    /// The grant in a file, if it is in order, of this service, and still good. One that is not
    /// is of no use any more, and is removed.
    pub(super) fn resume(
        path: &Path,
        service: &Address,
        now_unix_s: i64,
    ) -> Result<Option<Grant>, FolderError> {
        let Some(bytes) = read(path, FILE_BYTES_MAX)? else {
            return Ok(None);
        };
        match Grant::from_json(&bytes) {
            Some(grant) if grant.service == *service && now_unix_s < grant.until_unix_s => {
                Ok(Some(grant))
            }
            Some(_) | None => remove(path).map(|()| None),
        }
    }

    /// Writes it into a file for nobody else to read.
    pub(super) fn keep(&self, path: &Path) -> Result<(), FolderError> {
        let kept = Kept {
            v: 1,
            service: self.service.to_string(),
            token: self.token.expose().to_owned(),
            persona: self.persona.to_string(),
            fact_salt: self.salt.to_string(),
            until_unix_s: self.until_unix_s,
        };
        let json = serde_json::to_vec(&kept).map_err(|error| FolderError::File {
            path: path.to_path_buf(),
            source: error.into(),
        })?;
        write_private(path, &json)
    }

    fn from_json(json: &[u8]) -> Option<Grant> {
        let kept: Kept = serde_json::from_slice(json).ok()?;
        if kept.v != 1 {
            return None;
        }
        Some(Grant {
            service: kept.service.parse().ok()?,
            token: Token::parse(kept.token)?,
            persona: kept.persona.parse().ok()?,
            salt: kept.fact_salt.parse().ok()?,
            until_unix_s: kept.until_unix_s,
        })
    }
}
