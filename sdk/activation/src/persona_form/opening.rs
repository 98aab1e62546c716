//! Opening: from a sealed form and a shop's key to what it says.

use colophon_crypto::{Engine, Mismatch};

use super::SealedPersona;
use super::claims::{PersonaClaims, ShopId};
use crate::sealed::{NotOpened, OutOfTime};
use crate::upload::{FormKey, InvalidClaims};

/// Why a persona form that is built like one is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonaFormRefused {
    /// Its `kid` names another certificate than the key's. That is there for all to see.
    #[error("the persona form is sealed to another certificate")]
    OtherCertificate,
    /// It does not decrypt under this key, or was changed since it was sealed.
    #[error("the persona form is not genuine")]
    NotGenuine(#[source] Mismatch),
    /// It opens, but its claims break the specification.
    #[error("the persona form's claims are refused")]
    Claims(#[source] InvalidClaims),
    /// It opens, but is meant for another shop.
    #[error("the persona form is meant for another shop")]
    OtherShop,
    /// It was made in the future, by more than the skew.
    #[error("the persona form is not yet valid")]
    NotYetValid,
    /// It has ended.
    #[error("the persona form has expired")]
    Expired,
}

impl PersonaFormRefused {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            PersonaFormRefused::OtherCertificate => "other-certificate",
            PersonaFormRefused::NotGenuine(_) => "not-genuine",
            PersonaFormRefused::Claims(invalid) => invalid.reason(),
            PersonaFormRefused::OtherShop => "other-shop",
            PersonaFormRefused::NotYetValid => "not-yet-valid",
            PersonaFormRefused::Expired => "expired",
        }
    }
}

impl From<OutOfTime> for PersonaFormRefused {
    fn from(out: OutOfTime) -> PersonaFormRefused {
        match out {
            OutOfTime::NotYetValid => PersonaFormRefused::NotYetValid,
            OutOfTime::Expired => PersonaFormRefused::Expired,
        }
    }
}

impl From<NotOpened> for PersonaFormRefused {
    fn from(not_opened: NotOpened) -> PersonaFormRefused {
        match not_opened {
            NotOpened::OtherCertificate => PersonaFormRefused::OtherCertificate,
            NotOpened::NotGenuine(mismatch) => PersonaFormRefused::NotGenuine(mismatch),
        }
    }
}

impl SealedPersona {
    /// Decrypts the form with the key of the shop's certificate and reads its claims. Its time is
    /// asked of [`PersonaClaims::check_time`]; whether its id was taken before is for the shop to
    /// know. That it opens says nothing about who made it.
    ///
    /// # Errors
    ///
    /// [`PersonaFormRefused`] if it does not open, breaks the specification, or is meant for
    /// another shop than `shop`.
    pub fn open(
        &self,
        engine: &dyn Engine,
        key: &dyn FormKey,
        shop: &ShopId,
    ) -> Result<PersonaClaims, PersonaFormRefused> {
        let claims = self.0.open(engine, key)?;
        let claims = PersonaClaims::read(&claims).map_err(PersonaFormRefused::Claims)?;
        match claims.shop == *shop {
            true => Ok(claims),
            false => Err(PersonaFormRefused::OtherShop),
        }
    }
}
