//! Claims out of JSON.

use std::num::NonZeroU32;

use colophon_claims::{InvalidMember, InvalidObject, Members};

use super::{Claims, InvalidClaims, Receipt, RequestedLevel};
use crate::ids::KeyId;

const NAMES: &[&str] = &[
    "v",
    "iss",
    "aud",
    "iat",
    "exp",
    "jti",
    "transaction",
    "book_id",
    "book_id_type",
    "level",
    "user_name",
    "persona",
    "customer_id",
    "file_name",
    "error_url",
    "retail_price",
    "cost",
    "list_price",
    "currency",
    "sold_at",
    "max_downloads",
];

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

/// Reads decrypted claims. `iss` and `aud` are read, not judged.
pub(crate) fn read_claims(json: &[u8], key: &KeyId) -> Result<Receipt, InvalidClaims> {
    let mut claims = Members::parse(json, NAMES)?;
    if claims.required(Members::integer, "v")? != 1 {
        return Err(InvalidClaims::Version);
    }
    let issued_at = claims.required(Members::time, "iat")?;
    let expires_at = claims.required(Members::time, "exp")?;
    if expires_at <= issued_at {
        return Err(InvalidClaims::Range("exp"));
    }
    Ok(Receipt {
        issuer: claims.required(Members::text, "iss")?,
        center: claims.required(Members::text, "aud")?,
        key: key.clone(),
        id: claims.required(Members::text, "jti")?,
        issued_at,
        expires_at,
        claims: Claims {
            transaction: claims.required(Members::text, "transaction")?,
            book_id: claims.required(Members::text, "book_id")?,
            book_id_type: claims.required(Members::text, "book_id_type")?,
            level: level(&mut claims)?,
            user_name: claims.text("user_name")?,
            persona: claims.text("persona")?,
            customer_id: claims.text("customer_id")?,
            file_name: claims.text("file_name")?,
            error_url: claims.text("error_url")?,
            retail_price: claims.number("retail_price")?,
            cost: claims.number("cost")?,
            list_price: claims.number("list_price")?,
            currency: claims.text("currency")?,
            sold_at: claims.time("sold_at")?,
            max_downloads: max_downloads(&mut claims)?,
        },
    })
}

fn level(claims: &mut Members) -> Result<Option<RequestedLevel>, InvalidClaims> {
    let Some(number) = claims.number("level")? else {
        return Ok(None);
    };
    let level = RequestedLevel::from_number(number);
    level.map(Some).ok_or(InvalidClaims::Range("level"))
}

fn max_downloads(claims: &mut Members) -> Result<Option<NonZeroU32>, InvalidClaims> {
    let Some(number) = claims.number("max_downloads")? else {
        return Ok(None);
    };
    let count = NonZeroU32::new(number);
    count.map(Some).ok_or(InvalidClaims::Range("max_downloads"))
}
