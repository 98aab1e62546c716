//! Personas and the accounts behind them.

use std::fmt;

use colophon_activation::{FactSalt, PersonaId};

use super::quota::Standing;
use super::text::{EmailAddress, PersonName, Username};
use crate::id::PersonaRef;
use crate::time::Timestamp;

/// What a persona's pages show, as its namespace authority told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the person is called.
    pub name: Option<PersonName>,
    /// Where the person is written to.
    pub email: Option<EmailAddress>,
}

/// An identity that activates readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persona {
    /// Its record.
    pub record: PersonaRef,
    /// What retailers and licenses know it by.
    pub id: PersonaId,
    /// What its pages show.
    pub profile: Profile,
    /// What its readers salt their machine's facts with.
    pub fact_salt: FactSalt,
    /// What it has used of its quota.
    pub standing: Standing,
    /// Since when an operator lets it activate nothing more; its certificates are revoked.
    pub withdrawn_at: Option<Timestamp>,
}

/// A hashed password in the PHC string format (`$argon2id$…`). It is not printable: a hash can be
/// tried passwords against.
#[derive(Clone)]
pub struct PasswordHash(zeroize::Zeroizing<String>);

impl PasswordHash {
    /// Takes a hash; none unless it is one of argon2id.
    pub fn parse(text: &str) -> Option<Self> {
        let is_one = text.starts_with("$argon2id$") && text.len() <= 512 && text.is_ascii();
        is_one.then(|| Self(zeroize::Zeroizing::new(text.to_owned())))
    }

    /// The string, for comparing a password with it and for keeping it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordHash")
    }
}

/// A built-in account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// What the person signs in with.
    pub username: Username,
    /// The persona it stands for: the username in the host's namespace.
    pub persona: PersonaId,
    /// The hashed password.
    pub password: PasswordHash,
    /// What the person said about themselves.
    pub profile: Profile,
}

/// A built-in account.
#[derive(Debug, Clone)]
pub struct Account {
    /// What the person signs in with.
    pub username: Username,
    /// The persona it stands for.
    pub persona: PersonaRef,
    /// The hashed password.
    pub password: PasswordHash,
    /// Where the person is written to.
    pub email: Option<EmailAddress>,
}

/// Somebody whom an OpenID Connect provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The provider's issuer identifier, exactly.
    pub issuer: String,
    /// The subject at that issuer, exactly.
    pub subject: String,
    /// The persona it stands for, made of both.
    pub persona: PersonaId,
    /// What the provider told about the person.
    pub profile: Profile,
}
