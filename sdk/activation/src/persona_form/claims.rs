//! What a persona form says.

use colophon_claims::{
    CenterId, InvalidId, Members, UnixSeconds, bytes_id, check_characters, text_id,
};
use serde::Serialize;

use super::opening::PersonaFormRefused;
use crate::persona::PersonaId;
use crate::sealed::Period;
use crate::upload::InvalidClaims;

/// The longest time between the making of a form and its end, in seconds.
pub const PERSONA_FORM_LIFETIME_S_MAX: i64 = 3600;

const NAMES: &[&str] = &["v", "persona", "aud", "jti", "iat", "exp"];

/// A shop: the center it sells for, a slash, and its id there as a retailer.
///
/// ```
/// use colophon_activation::ShopId;
/// let shop: ShopId = "main/bookshop".parse()?;
/// assert_eq!(shop.retailer(), "bookshop");
/// assert!("bookshop".parse::<ShopId>().is_err());
/// # Ok::<(), colophon_activation::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShopId(String);

impl ShopId {
    fn check(text: &str) -> Result<(), InvalidId> {
        let (center, retailer) = text.split_once('/').ok_or(InvalidId::Form {
            expected: "a center and a retailer with a slash between",
        })?;
        center.parse::<CenterId>()?;
        // As receipts name retailers.
        check_characters(retailer, 64, |c| c.is_ascii_alphanumeric() || c == '-')
    }

    /// The retailer's id in its center.
    #[must_use]
    pub fn retailer(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, retailer)| retailer)
    }
}

text_id!(ShopId);

/// The id of a form, drawn by chance: a shop that has taken it once refuses it the second time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonaFormId([u8; 16]);

bytes_id!(PersonaFormId, 16, "16 bytes in base64url");

/// What a persona form says: who somebody is, for one shop and a short time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaClaims {
    /// The persona.
    pub persona: PersonaId,
    /// The shop the form is for.
    pub shop: ShopId,
    /// The id of the form.
    pub id: PersonaFormId,
    /// When the form was made, by the reader's clock.
    pub issued_at: UnixSeconds,
    /// When it ends: later than `issued_at`, by at most [`PERSONA_FORM_LIFETIME_S_MAX`].
    pub expires_at: UnixSeconds,
}

impl PersonaClaims {
    /// Until when a shop that has taken the form remembers its [id](PersonaClaims::id): from then on
    /// the form is refused for its time alone. Nothing here remembers it, since only the shop knows
    /// what it has taken, be it on one machine or on many.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// use colophon_activation::{PersonaClaims, PersonaFormId, SKEW_S, UnixSeconds};
    ///
    /// /// Takes a form that was opened and is in its time, unless it was taken before.
    /// fn take(
    ///     taken: &mut HashMap<PersonaFormId, UnixSeconds>,
    ///     form: &PersonaClaims,
    ///     now: UnixSeconds,
    /// ) -> bool {
    ///     taken.retain(|_, until| *until > now);
    ///     taken.insert(form.id, form.remembered_until(SKEW_S)).is_none()
    /// }
    /// ```
    #[must_use]
    pub fn remembered_until(&self, skew_s: u32) -> UnixSeconds {
        UnixSeconds::new(self.expires_at.get().saturating_add(i64::from(skew_s)))
    }

    /// Judges the form's time: it is valid from `iat − skew` on and before `exp + skew`.
    ///
    /// # Errors
    ///
    /// [`PersonaFormRefused::NotYetValid`] before that time, [`PersonaFormRefused::Expired`]
    /// after it.
    pub fn check_time(&self, now: UnixSeconds, skew_s: u32) -> Result<(), PersonaFormRefused> {
        Ok(self.period().check(now, skew_s)?)
    }

    pub(super) fn period(&self) -> Period {
        Period {
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }

    /// Reads decrypted claims. `aud` is read, not judged.
    pub(super) fn read(json: &[u8]) -> Result<PersonaClaims, InvalidClaims> {
        let mut claims = Members::parse(json, NAMES)?;
        if claims.required(Members::integer, "v")? != 1 {
            return Err(InvalidClaims::Version);
        }
        let period = Period {
            issued_at: claims.required(Members::time, "iat")?,
            expires_at: claims.required(Members::time, "exp")?,
        };
        if !period.lasts_at_most(PERSONA_FORM_LIFETIME_S_MAX) {
            return Err(InvalidClaims::Range("exp"));
        }
        Ok(PersonaClaims {
            persona: claims.required(Members::text, "persona")?,
            shop: claims.required(Members::text, "aud")?,
            id: claims.required(Members::text, "jti")?,
            issued_at: period.issued_at,
            expires_at: period.expires_at,
        })
    }

    /// Writes compact JSON.
    pub(super) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Written {
            v: 1,
            persona: self.persona.as_str(),
            aud: self.shop.as_str(),
            jti: &self.id.to_string(),
            iat: self.issued_at.get(),
            exp: self.expires_at.get(),
        })
    }
}

/// The members of new claims, in the order in which they are written.
#[derive(Serialize)]
struct Written<'a> {
    v: u8,
    persona: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_a_center_and_a_retailer() {
        let good = |text: &str| text.parse::<ShopId>().is_ok();
        assert!(good("main/bookshop") && good("m/B-1"));
        for text in [
            "",
            "/",
            "main",
            "main/",
            "/shop",
            "Main/shop",
            "main/shop/x",
            "main/a b",
            "main/é",
        ] {
            assert!(!good(text), "{text}");
        }
        assert!(good(&format!("{}/{}", "m".repeat(63), "r".repeat(64))));
        assert!(!good(&format!("m/{}", "r".repeat(65))));
    }

    #[test]
    fn time_has_two_edges() {
        let claims = PersonaClaims {
            persona: "ada".parse().expect("a persona"),
            shop: "main/shop".parse().expect("a shop"),
            id: PersonaFormId::from_bytes([1; 16]),
            issued_at: UnixSeconds::new(1_800_000_000),
            expires_at: UnixSeconds::new(1_800_000_600),
        };
        let at = |now| claims.check_time(UnixSeconds::new(now), 120);
        assert_eq!(
            at(1_800_000_000 - 121),
            Err(PersonaFormRefused::NotYetValid)
        );
        assert_eq!(at(1_800_000_000 - 120), Ok(()));
        assert_eq!(at(1_800_000_600 + 119), Ok(()));
        assert_eq!(at(1_800_000_600 + 120), Err(PersonaFormRefused::Expired));
        // From the second on in which it is refused anyway, it need not be remembered.
        let until = claims.remembered_until(120).get();
        assert_eq!(at(until), Err(PersonaFormRefused::Expired));
        assert_eq!(at(until - 1), Ok(()));
    }
}
