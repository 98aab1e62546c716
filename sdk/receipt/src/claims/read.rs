//! Claims out of JSON.

use std::num::NonZeroU32;
use std::str::FromStr;

use colophon_claims::{CenterId, InvalidId, UnixSeconds};

use super::{Claims, InvalidClaims, Receipt, RequestedLevel};
use crate::ids::KeyId;
use crate::json::{Fault, Members, Scalar};

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

impl From<Fault> for InvalidClaims {
    fn from(fault: Fault) -> InvalidClaims {
        match fault {
            Fault::Form => InvalidClaims::Form,
            Fault::Unknown(name) => InvalidClaims::Unknown(name),
            Fault::Duplicate(name) => InvalidClaims::Duplicate(name),
        }
    }
}

/// Reads decrypted claims. `iss` and `aud` are read, not judged.
pub(crate) fn read_claims(json: &[u8], key: &KeyId) -> Result<Receipt, InvalidClaims> {
    let mut claims = Reader(Members::parse(json, NAMES)?);
    if claims.required(Reader::integer, "v")? != 1 {
        return Err(InvalidClaims::Version);
    }
    let issued_at = claims.required(Reader::time, "iat")?;
    let expires_at = claims.required(Reader::time, "exp")?;
    if expires_at <= issued_at {
        return Err(InvalidClaims::Range("exp"));
    }
    Ok(Receipt {
        issuer: claims.required(Reader::text, "iss")?,
        center: claims.required(Reader::text::<CenterId>, "aud")?,
        key: key.clone(),
        id: claims.required(Reader::text, "jti")?,
        issued_at,
        expires_at,
        claims: Claims {
            transaction: claims.required(Reader::text, "transaction")?,
            book_id: claims.required(Reader::text, "book_id")?,
            book_id_type: claims.required(Reader::text, "book_id_type")?,
            level: claims.level("level")?,
            user_name: claims.text("user_name")?,
            persona: claims.text("persona")?,
            customer_id: claims.text("customer_id")?,
            file_name: claims.text("file_name")?,
            error_url: claims.text("error_url")?,
            retail_price: claims.amount("retail_price")?,
            cost: claims.amount("cost")?,
            list_price: claims.amount("list_price")?,
            currency: claims.text("currency")?,
            sold_at: claims.time("sold_at")?,
            max_downloads: claims.count("max_downloads")?,
        },
    })
}

type Claim<T> = Result<Option<T>, InvalidClaims>;

struct Reader(Members);

impl Reader {
    fn required<T>(
        &mut self,
        read: impl FnOnce(&mut Reader, &'static str) -> Claim<T>,
        name: &'static str,
    ) -> Result<T, InvalidClaims> {
        read(self, name)?.ok_or(InvalidClaims::Missing(name))
    }

    fn text<T: FromStr<Err = InvalidId>>(&mut self, name: &'static str) -> Claim<T> {
        match self.0.take(name) {
            Some(Scalar::Text(text)) => match text.parse() {
                Ok(value) => Ok(Some(value)),
                Err(cause) => Err(InvalidClaims::Text { name, cause }),
            },
            Some(Scalar::Integer(_)) => Err(InvalidClaims::Type(name)),
            None => Ok(None),
        }
    }

    fn integer(&mut self, name: &'static str) -> Claim<i64> {
        match self.0.take(name) {
            Some(Scalar::Integer(number)) => Ok(Some(number)),
            Some(Scalar::Text(_)) => Err(InvalidClaims::Type(name)),
            None => Ok(None),
        }
    }

    /// An integer that fits `T`, which is how each range is stated.
    fn number<T: TryFrom<i64>>(&mut self, name: &'static str) -> Claim<T> {
        let Some(number) = self.integer(name)? else {
            return Ok(None);
        };
        T::try_from(number)
            .map(Some)
            .map_err(|_| InvalidClaims::Range(name))
    }

    fn amount(&mut self, name: &'static str) -> Claim<u64> {
        self.number(name)
    }

    fn time(&mut self, name: &'static str) -> Claim<UnixSeconds> {
        match self.integer(name)? {
            Some(seconds) if seconds < 0 => Err(InvalidClaims::Range(name)),
            seconds => Ok(seconds.map(UnixSeconds::new)),
        }
    }

    fn count(&mut self, name: &'static str) -> Claim<NonZeroU32> {
        let Some(number) = self.number::<u32>(name)? else {
            return Ok(None);
        };
        NonZeroU32::new(number)
            .map(Some)
            .ok_or(InvalidClaims::Range(name))
    }

    fn level(&mut self, name: &'static str) -> Claim<RequestedLevel> {
        let Some(number) = self.number::<u8>(name)? else {
            return Ok(None);
        };
        RequestedLevel::from_number(number)
            .map(Some)
            .ok_or(InvalidClaims::Range(name))
    }
}
