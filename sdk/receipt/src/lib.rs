//! Receipts: what a retailer hands a buyer, and a fulfillment center opens.
//!
//! A receipt is a JWE in compact form (`dir`, `A256GCM`) whose claims say what was sold to
//! whom. `SPEC.md` beside this crate is normative; the files in `vectors/` show it at work.
//! This crate mints and opens receipts and judges their time. It leaves to others which keys
//! exist and are live, what the catalog demands, whether a receipt was used before, and what
//! a buyer is shown when something is wrong. It has no clock, no randomness, no files and no
//! network: time and chance are arguments.
//!
//! ```
//! use colophon_crypto::{Key32, Portable, Randomness};
//! use colophon_receipt::{
//!     CenterId, Claims, Freshness, KeyId, Mint, ReceiptKey, SealedReceipt, TimePolicy, UnixSeconds,
//! };
//!
//! # struct Zeros;
//! # impl Randomness for Zeros { fn fill(&mut self, out: &mut [u8]) { out.fill(0) } }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let mut random = Zeros;
//! // The retailer, at the moment the buyer clicks on the download link:
//! let kid: KeyId = "bookshop.1".parse()?;
//! let center: CenterId = "main".parse()?;
//! let key = ReceiptKey::new(Key32::new([7; 32]));
//! let claims = Claims::new("order-4711".parse()?, "9780141439518".parse()?, "ISBN".parse()?);
//! let now = UnixSeconds::new(1_800_000_000);
//! let mint = Mint { engine: &Portable, kid: &kid, key: &key, center: &center };
//! let value = mint.mint(&claims, now, 900, &mut random)?;
//!
//! // The center, when the buyer arrives with it:
//! let sealed = SealedReceipt::parse(&value)?;
//! assert_eq!(sealed.kid(), &kid); // chooses the key
//! let receipt = sealed.open(&Portable, &key, &center)?;
//! assert_eq!(receipt.claims.book_id.as_str(), "9780141439518");
//!
//! let soon = UnixSeconds::new(now.get() + 5);
//! assert_eq!(receipt.freshness(soon, &TimePolicy::default())?, Freshness::Valid);
//! # Ok(())
//! # }
//! ```

mod claims;
mod compact;
mod decision;
mod freshness;
mod header;
mod ids;
mod key;
mod mint;
mod open;
mod secret;

pub use claims::{Claims, InvalidClaims, Receipt, RequestedLevel};
pub use colophon_claims::{CenterId, InvalidId, Part, UnixSeconds};
pub use compact::{Malformed, RECEIPT_BYTES_MAX, SealedReceipt};
pub use decision::{
    DECISION_BYTES_MAX, DecisionDigests, DecisionNotSigned, DecisionReceipt, DecisionRefused,
    DecisionSigner, PartDigest, Word,
};
pub use freshness::{Freshness, TimePolicy, TimeRefusal};
pub use header::InvalidHeader;
pub use ids::{
    BookId, BookIdType, Currency, ErrorUrl, KeyId, ReceiptId, RetailerId, Text, TransactionId,
};
pub use key::ReceiptKey;
pub use mint::{Mint, MintError};
pub use open::OpenError;
pub use secret::{InvalidSecret, RetailerSecret, SecretMode};
