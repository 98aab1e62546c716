//! Opening: from a sealed receipt and its key to what it says.

use colophon_claims::CenterId;
use colophon_crypto::{Engine, Mismatch};

use crate::claims::{InvalidClaims, Receipt, read_claims};
use crate::compact::SealedReceipt;
use crate::key::ReceiptKey;

/// Why a well-formed receipt does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It was not sealed under this key, or was changed since.
    #[error("the receipt is not genuine")]
    NotGenuine(#[source] Mismatch),
    /// It is genuine, but its claims break the specification.
    #[error("the receipt's claims are refused")]
    Claims(#[source] InvalidClaims),
    /// It is genuine, but `iss` is not the retailer its key belongs to.
    #[error("the receipt names a retailer its key does not belong to")]
    WrongRetailer,
    /// It is genuine, but meant for another center.
    #[error("the receipt is meant for another center")]
    WrongCenter,
}

impl OpenError {
    /// The stable name of the cause, as in the test vectors. It is for the retailer's eyes;
    /// a buyer is told that the receipt is invalid and no more.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            OpenError::NotGenuine(_) => "not-genuine",
            OpenError::Claims(InvalidClaims::Form) => "claims-form",
            OpenError::Claims(InvalidClaims::Unknown(_)) => "claim-unknown",
            OpenError::Claims(InvalidClaims::Duplicate(_)) => "claim-duplicate",
            OpenError::Claims(InvalidClaims::Missing(_)) => "claim-missing",
            OpenError::Claims(InvalidClaims::Type(_)) => "claim-type",
            OpenError::Claims(InvalidClaims::Range(_)) => "claim-range",
            OpenError::Claims(InvalidClaims::Text { .. }) => "claim-text",
            OpenError::Claims(InvalidClaims::Version) => "claims-version",
            OpenError::WrongRetailer => "wrong-retailer",
            OpenError::WrongCenter => "wrong-center",
        }
    }
}

impl SealedReceipt {
    /// Decrypts the receipt with `key`, the one its [`kid`](SealedReceipt::kid) names, and reads
    /// its claims. Whether it is still in time is asked of
    /// [`Receipt::freshness`](crate::Receipt::freshness).
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it is not genuine, breaks the specification, or is meant for another
    /// center than `center`.
    pub fn open(
        &self,
        engine: &dyn Engine,
        key: &ReceiptKey,
        center: &CenterId,
    ) -> Result<Receipt, OpenError> {
        let opened = self.claims.open(engine, key.key(), &self.header);
        let claims = opened.map_err(OpenError::NotGenuine)?;
        let receipt = read_claims(&claims, &self.kid).map_err(OpenError::Claims)?;
        if receipt.issuer != *self.kid.retailer() {
            return Err(OpenError::WrongRetailer);
        }
        if receipt.center != *center {
            return Err(OpenError::WrongCenter);
        }
        Ok(receipt)
    }
}
