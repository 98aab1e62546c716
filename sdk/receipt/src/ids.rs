//! Names that arrive from outside, parsed once: a value of one of these types cannot be wrong.
//!
//! Every type reads with [`FromStr`] or `TryFrom<&str>` and shows exactly the text it was read
//! from. The grammar of each is in `SPEC.md`, section "Names and strings".

mod currency;
mod error_url;
mod retailer;
mod text;

pub use currency::Currency;
pub use error_url::ErrorUrl;
pub use retailer::{KeyId, RetailerId};
pub use text::{BookId, BookIdType, ReceiptId, Text, TransactionId};
