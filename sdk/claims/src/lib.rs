//! What two parties say to each other in a sealed or signed compact form.
//!
//! Receipts and upload forms are compact JOSE texts with strict JSON inside, and they name the
//! same things. This crate has what they share: base64url in its one form, the parts of a compact
//! text, protected headers, claims sealed with `A256GCM`, members of a JSON object taken out as
//! what they should be, and the names and times that stand in claims. Everything is read
//! strictly: what two implementations might read in two ways is refused.
//!
//! What a format says (which members, which algorithms, which keys, how long a text may be, and
//! what is answered when something is wrong) is left to the format. This crate has no clock, no
//! randomness, no files and no network: time and chance are arguments.
//!
//! ```
//! use colophon_claims::{
//!     CenterId, Members, Part, SealedClaims, base64url, read_header, split, write_header,
//! };
//! use colophon_crypto::{Key32, Portable};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // One party seals a note …
//! let key = Key32::new([7; 32]);
//! let header = write_header(&[("alg", "dir"), ("enc", "A256GCM")]);
//! let header = base64url::encode(header.as_bytes());
//! let claims = br#"{"v":1,"aud":"main"}"#.to_vec();
//! let sealed = SealedClaims::seal(&Portable, &key, [1; 12], &header, claims);
//! let note = format!("{header}..{sealed}");
//!
//! // … and the other opens it, part by part.
//! let [header, encrypted_key, iv, ciphertext, tag] = split(&note).ok_or("not five parts")?;
//! assert!(encrypted_key.is_empty());
//! let algorithms = read_header(&Part::Header.decode(header)?, &["alg", "enc"])?;
//! assert_eq!(algorithms, ["dir", "A256GCM"]);
//! let claims = SealedClaims::decode(iv, ciphertext, tag)?;
//! let claims = claims.open(&Portable, &key, header).map_err(|_| "not genuine")?;
//! let mut claims = Members::parse(&claims, &["v", "aud"])?;
//! assert_eq!(claims.required(Members::integer, "v")?, 1);
//! assert_eq!(claims.required(Members::text::<CenterId>, "aud")?.as_str(), "main");
//! # Ok(())
//! # }
//! ```

pub mod base64url;
mod center;
mod compact;
mod header;
mod ids;
mod json;
mod sealed;
mod time;

pub use center::CenterId;
pub use compact::{NotBase64url, Part, split};
pub use header::{InvalidHeader, read_header, write_header};
pub use ids::{InvalidId, check_characters, check_text};
pub use json::{INTEGER_MAX, InvalidMember, InvalidObject, Members};
pub use sealed::{InvalidSealedClaims, SealedClaims};
pub use time::UnixSeconds;
