//! What a receipt says.

mod read;
mod write;

use std::num::NonZeroU32;

use colophon_claims::{CenterId, InvalidId, UnixSeconds};

use crate::ids::{
    BookId, BookIdType, Currency, ErrorUrl, KeyId, ReceiptId, RetailerId, Text, TransactionId,
};

pub(crate) use read::read_claims;
pub(crate) use write::{ReceiptFields, write_claims};

/// The protection a retailer asks for. Levels 1 to 3 and 5 are forms of a copy; 4 asks for
/// signatures on top of level 2 or, where a user name came, level 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RequestedLevel {
    /// No protection.
    One = 1,
    /// Source sealed.
    Two = 2,
    /// Individually sealed.
    Three = 3,
    /// Source signed.
    Four = 4,
    /// Fully individualized.
    Five = 5,
}

impl RequestedLevel {
    /// The level with this number, from 1 to 5.
    #[must_use]
    pub fn from_number(number: u8) -> Option<RequestedLevel> {
        match number {
            1 => Some(RequestedLevel::One),
            2 => Some(RequestedLevel::Two),
            3 => Some(RequestedLevel::Three),
            4 => Some(RequestedLevel::Four),
            5 => Some(RequestedLevel::Five),
            _ => None,
        }
    }

    /// The number of the level, from 1 to 5.
    #[must_use]
    pub fn as_number(self) -> u8 {
        self as u8
    }
}

/// What the retailer says about one sale. Amounts of money are in minor units of `currency`
/// and at most 2^53 − 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The retailer's identifier of the sale.
    pub transaction: TransactionId,
    /// The title sold.
    pub book_id: BookId,
    /// What kind of identifier `book_id` is.
    pub book_id_type: BookIdType,
    /// The protection asked for; none means the catalog's.
    pub level: Option<RequestedLevel>,
    /// The buyer's name, or whatever else the retailer wants bound into the copy.
    pub user_name: Option<Text>,
    /// The persona whose devices may open a copy of level 5.
    pub persona: Option<Text>,
    /// The retailer's identifier of the customer.
    pub customer_id: Option<Text>,
    /// The name the downloaded file should have.
    pub file_name: Option<Text>,
    /// Where to send the buyer if the download fails.
    pub error_url: Option<ErrorUrl>,
    /// What the buyer paid.
    pub retail_price: Option<u64>,
    /// What the retailer owes for it.
    pub cost: Option<u64>,
    /// What the title costs by its publisher's list.
    pub list_price: Option<u64>,
    /// The currency of all three amounts.
    pub currency: Option<Currency>,
    /// When the sale took place.
    pub sold_at: Option<UnixSeconds>,
    /// How often the purchase may be downloaded at most.
    pub max_downloads: Option<NonZeroU32>,
}

impl Claims {
    /// Claims with the three required members, and none of the optional ones.
    #[must_use]
    pub fn new(transaction: TransactionId, book_id: BookId, book_id_type: BookIdType) -> Claims {
        Claims {
            transaction,
            book_id,
            book_id_type,
            level: None,
            user_name: None,
            persona: None,
            customer_id: None,
            file_name: None,
            error_url: None,
            retail_price: None,
            cost: None,
            list_price: None,
            currency: None,
            sold_at: None,
            max_downloads: None,
        }
    }
}

/// A genuine receipt: it was sealed under `key` for `center`. Only
/// [`SealedReceipt::open`](crate::SealedReceipt::open) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The retailer who minted it, the owner of `key`.
    pub issuer: RetailerId,
    /// The center it was minted for.
    pub center: CenterId,
    /// The key it was sealed under.
    pub key: KeyId,
    /// What tells this receipt from every other of the retailer's.
    pub id: ReceiptId,
    /// When it was minted, by the retailer's clock.
    pub issued_at: UnixSeconds,
    /// When it ends, later than `issued_at`.
    pub expires_at: UnixSeconds,
    /// What was sold.
    pub claims: Claims,
}

/// Why genuine claims are refused. The retailer's software made them, so it is worth telling
/// the retailer, though never the buyer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    /// They are no flat JSON object of strings and integers within ±(2^53 − 1).
    #[error("the claims are no flat JSON object of strings and integers")]
    Form,
    /// A claim that is not in the specification.
    #[error("there is no claim {0:?} in version 1")]
    Unknown(String),
    /// A claim that is there twice.
    #[error("the claim {0:?} is there twice")]
    Duplicate(&'static str),
    /// A required claim that is not there.
    #[error("the claim {0:?} is missing")]
    Missing(&'static str),
    /// A string where an integer belongs, or the other way round.
    #[error("the claim {0:?} has the wrong type")]
    Type(&'static str),
    /// A number outside the range of its claim.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// A string that is not what its claim demands.
    #[error("the claim {name:?} is invalid")]
    Text {
        /// The claim.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: InvalidId,
    },
    /// The claim `v` is not 1.
    #[error("the claims are not of version 1")]
    Version,
}
