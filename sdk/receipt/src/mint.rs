//! Minting: from claims to the text a buyer carries.

use colophon_claims::{CenterId, INTEGER_MAX, SealedClaims, UnixSeconds, base64url};
use colophon_crypto::{Engine, Randomness};

use crate::claims::{Claims, ReceiptFields, write_claims};
use crate::compact::{RECEIPT_BYTES_MAX, SealedReceipt};
use crate::header::header_for;
use crate::ids::KeyId;
use crate::key::ReceiptKey;

/// Why no receipt was minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The lifetime is 0 seconds.
    #[error("a receipt must live for a second at least")]
    NoLifetime,
    /// A time is before 1970 or an integer above 2^53 − 1.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// The receipt would be longer than [`RECEIPT_BYTES_MAX`].
    #[error("the receipt would be longer than {RECEIPT_BYTES_MAX} bytes")]
    TooLong,
    /// The claims could not be written as JSON.
    #[error("the claims could not be written")]
    Write(#[source] serde_json::Error),
}

/// What stays the same from one receipt to the next.
#[derive(Clone, Copy)]
pub struct Mint<'a> {
    /// Where the primitives come from.
    pub engine: &'a dyn Engine,
    /// The key's id; its retailer becomes the issuer.
    pub kid: &'a KeyId,
    /// The key that `kid` names.
    pub key: &'a ReceiptKey,
    /// The center the receipts are for.
    pub center: &'a CenterId,
}

impl Mint<'_> {
    /// Mints a receipt that is valid from `issued_at` for `lifetime_s` seconds, and gives its
    /// compact form. It consists of characters that need no escaping in a URL or a form.
    ///
    /// Mint when the buyer clicks, not when they order; then 15 minutes (900) are plenty.
    /// 28 bytes are taken from `random`: 16 for the claim `jti`, then 12 for the
    /// initialization vector, which must never repeat under one key.
    ///
    /// # Errors
    ///
    /// [`MintError`] if the receipt would not be one by the specification.
    pub fn mint(
        &self,
        claims: &Claims,
        issued_at: UnixSeconds,
        lifetime_s: u32,
        random: &mut dyn Randomness,
    ) -> Result<String, MintError> {
        check_integers(claims)?;
        let expires_at = expiry(issued_at, lifetime_s)?;
        let mut id = [0; 16];
        random.fill(&mut id);
        let mut iv = [0; 12];
        random.fill(&mut iv);

        let fields = ReceiptFields {
            kid: self.kid,
            center: self.center,
            issued_at,
            expires_at,
            id: &base64url::encode(&id),
        };
        let claims = write_claims(&fields, claims).map_err(MintError::Write)?;
        let header = base64url::encode(header_for(self.kid).as_bytes());
        let claims = SealedClaims::seal(self.engine, self.key.key(), iv, &header, claims);
        let sealed = SealedReceipt {
            kid: self.kid.clone(),
            header,
            claims,
        };

        let compact = sealed.to_string();
        if compact.len() > RECEIPT_BYTES_MAX {
            return Err(MintError::TooLong);
        }
        Ok(compact)
    }
}

fn expiry(issued_at: UnixSeconds, lifetime_s: u32) -> Result<UnixSeconds, MintError> {
    if lifetime_s == 0 {
        return Err(MintError::NoLifetime);
    }
    check_time("iat", issued_at)?;
    let expires_at = UnixSeconds::new(issued_at.get() + i64::from(lifetime_s));
    check_time("exp", expires_at)?;
    Ok(expires_at)
}

fn check_time(name: &'static str, time: UnixSeconds) -> Result<(), MintError> {
    match time.fits_claim() {
        true => Ok(()),
        false => Err(MintError::Range(name)),
    }
}

fn check_integers(claims: &Claims) -> Result<(), MintError> {
    let amounts = [
        ("retail_price", claims.retail_price),
        ("cost", claims.cost),
        ("list_price", claims.list_price),
    ];
    for (name, amount) in amounts {
        if amount.is_some_and(|amount| amount > INTEGER_MAX.unsigned_abs()) {
            return Err(MintError::Range(name));
        }
    }
    claims
        .sold_at
        .map_or(Ok(()), |sold_at| check_time("sold_at", sold_at))
}

#[cfg(test)]
mod tests {
    use colophon_crypto::{Key32, Portable};

    use super::*;

    struct Counting(u8);

    impl Randomness for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    fn mint(
        issued_at: i64,
        lifetime_s: u32,
        change: impl FnOnce(&mut Claims),
    ) -> Result<String, MintError> {
        let mut claims = Claims::new(
            "order-1".parse().expect("a text"),
            "book-1".parse().expect("a text"),
            "ISBN".parse().expect("a text"),
        );
        change(&mut claims);
        let kid = "bookshop.1".parse().expect("a key id");
        let key = ReceiptKey::new(Key32::new([7; 32]));
        let center = "main".parse().expect("a center");
        Mint {
            engine: &Portable,
            kid: &kid,
            key: &key,
            center: &center,
        }
        .mint(
            &claims,
            UnixSeconds::new(issued_at),
            lifetime_s,
            &mut Counting(0),
        )
    }

    #[track_caller]
    fn check_range(minted: Result<String, MintError>, claim: &str) {
        assert!(
            matches!(minted, Err(MintError::Range(name)) if name == claim),
            "{minted:?}"
        );
    }

    #[test]
    fn equal_chance_gives_equal_receipts() {
        let (a, b) = (mint(0, 900, |_| {}), mint(0, 900, |_| {}));
        assert_eq!(a.expect("a receipt"), b.expect("a receipt"));
    }

    #[test]
    fn times_outside_the_specification_are_refused() {
        assert!(matches!(mint(0, 0, |_| {}), Err(MintError::NoLifetime)));
        check_range(mint(-1, 900, |_| {}), "iat");
        check_range(mint(i64::MIN, 900, |_| {}), "iat");
        check_range(mint(i64::MAX, 900, |_| {}), "iat");
        check_range(mint(INTEGER_MAX, 1, |_| {}), "exp");
        assert!(mint(INTEGER_MAX - 1, 1, |_| {}).is_ok());
        check_range(
            mint(0, 1, |claims| claims.sold_at = Some(UnixSeconds::new(-1))),
            "sold_at",
        );
    }

    #[test]
    fn amounts_outside_the_specification_are_refused() {
        check_range(
            mint(0, 1, |claims| claims.retail_price = Some(1 << 53)),
            "retail_price",
        );
        check_range(mint(0, 1, |claims| claims.cost = Some(u64::MAX)), "cost");
        check_range(
            mint(0, 1, |claims| claims.list_price = Some(1 << 53)),
            "list_price",
        );
    }

    #[test]
    fn what_would_not_be_opened_is_not_minted() {
        // Quotation marks take two bytes in JSON, so that four texts of 1024 fill a receipt.
        let long = || "\"".repeat(1024).parse().ok();
        let minted = mint(0, 1, |claims| {
            claims.user_name = long();
            claims.persona = long();
            claims.customer_id = long();
            claims.file_name = long();
        });
        assert!(matches!(minted, Err(MintError::TooLong)));
    }
}
