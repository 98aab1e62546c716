//! Opening: from a sealed form and its key to what it says.

use colophon_claims::CenterId;
use colophon_crypto::{Engine, Key32, Mismatch};

use super::claims::{Claims, InvalidClaims};
use super::compact::SealedForm;
use super::header::CertificateHash;
use super::json::read_claims;
use crate::sealed::{NotOpened, OutOfTime};

/// The private key of a center's certificate, wherever the host keeps it.
pub trait FormKey {
    /// The certificate it belongs to.
    fn certificate(&self) -> CertificateHash;

    /// Decrypts what was encrypted to the certificate by RSA-OAEP with SHA-256 throughout and no
    /// label, and gives the 32 bytes in it. The time it takes should not depend on what is wrong.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] for whatever else comes out, without saying what.
    fn decrypt(&self, encrypted: &[u8]) -> Result<Key32, Mismatch>;
}

/// Why an upload form that is built like one is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormRefused {
    /// Its `kid` names another certificate than the key's. That is there for all to see.
    #[error("the upload form is sealed to another certificate")]
    OtherCertificate,
    /// It does not decrypt under this key, or was changed since it was sealed. Which of its parts
    /// is wrong is not said.
    #[error("the upload form is not genuine")]
    NotGenuine(#[source] Mismatch),
    /// It opens, but its claims break the specification.
    #[error("the upload form's claims are refused")]
    Claims(#[source] InvalidClaims),
    /// It opens, but is meant for another center.
    #[error("the upload form is meant for another center")]
    OtherCenter,
    /// It opens, but is of another persona than the receipt.
    #[error("the upload form is of another persona")]
    OtherPersona,
    /// It was made in the future, by more than the skew.
    #[error("the upload form is not yet valid")]
    NotYetValid,
    /// It has ended.
    #[error("the upload form has expired")]
    Expired,
}

impl FormRefused {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            FormRefused::OtherCertificate => "other-certificate",
            FormRefused::NotGenuine(_) => "not-genuine",
            FormRefused::Claims(invalid) => invalid.reason(),
            FormRefused::OtherCenter => "other-center",
            FormRefused::OtherPersona => "other-persona",
            FormRefused::NotYetValid => "not-yet-valid",
            FormRefused::Expired => "expired",
        }
    }
}

impl From<OutOfTime> for FormRefused {
    fn from(out: OutOfTime) -> FormRefused {
        match out {
            OutOfTime::NotYetValid => FormRefused::NotYetValid,
            OutOfTime::Expired => FormRefused::Expired,
        }
    }
}

impl From<NotOpened> for FormRefused {
    fn from(not_opened: NotOpened) -> FormRefused {
        match not_opened {
            NotOpened::OtherCertificate => FormRefused::OtherCertificate,
            NotOpened::NotGenuine(mismatch) => FormRefused::NotGenuine(mismatch),
        }
    }
}

impl SealedForm {
    /// Decrypts the form with `key`, the one its [`kid`](SealedForm::kid) names, and reads its
    /// claims. Its time is asked of [`Claims::check_time`], its persona of
    /// [`Claims::check_persona`]; that it opens says nothing about who made it.
    ///
    /// # Errors
    ///
    /// [`FormRefused`] if it does not open, breaks the specification, or is meant for another
    /// center than `center`.
    pub fn open(
        &self,
        engine: &dyn Engine,
        key: &dyn FormKey,
        center: &CenterId,
    ) -> Result<Claims, FormRefused> {
        let claims = self.0.open(engine, key)?;
        let claims = read_claims(&claims).map_err(FormRefused::Claims)?;
        match claims.center == *center {
            true => Ok(claims),
            false => Err(FormRefused::OtherCenter),
        }
    }
}
