//! The text in which a retailer is handed a key.

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable, Randomness};
use zeroize::Zeroizing;

use crate::ids::KeyId;
use crate::key::ReceiptKey;

const KEY_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretMode {
    /// Real sales.
    Live,
    /// Trying things out.
    Test,
}

impl SecretMode {
    fn prefix(self) -> &'static str {
        match self {
            SecretMode::Live => "rk_live_",
            SecretMode::Test => "rk_test_",
        }
    }
}

/// Why a text is no retailer secret. It never says anything about the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// It is not built like one.
    #[error("not of the form rk_live_<key id>.<43 characters>.<6 characters>")]
    Form,
    /// Its last six characters do not fit the others: it was mistyped or cut.
    #[error("the checksum does not fit: the secret was mistyped or cut")]
    Checksum,
}

/// A receipt key together with its id, as a retailer is shown it once and configures it.
///
/// ```
/// use colophon_receipt::{RetailerSecret, SecretMode};
/// let text = "rk_test_bookshop.1.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc.MJgNVn";
/// let secret = RetailerSecret::parse(text)?;
/// assert_eq!(secret.mode(), SecretMode::Test);
/// assert_eq!(secret.kid().as_str(), "bookshop.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RetailerSecret {
    mode: SecretMode,
    kid: KeyId,
    key: ReceiptKey,
}

impl RetailerSecret {
    /// Puts a key and its id together.
    #[must_use]
    pub fn new(mode: SecretMode, kid: KeyId, key: ReceiptKey) -> RetailerSecret {
        RetailerSecret { mode, kid, key }
    }

    /// Makes a secret with a fresh key.
    #[must_use]
    pub fn generate(mode: SecretMode, kid: KeyId, random: &mut dyn Randomness) -> RetailerSecret {
        RetailerSecret {
            mode,
            kid,
            key: ReceiptKey::new(Key32::generate(random)),
        }
    }

    /// Reads the text form.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] if the text is not built like a secret or its checksum does not fit.
    pub fn parse(text: &str) -> Result<RetailerSecret, InvalidSecret> {
        // base64url may contain any character of a prefix, so it is split from the right.
        let (body, checksum) = split_right(text, CHECKSUM_CHARACTERS).ok_or(InvalidSecret::Form)?;
        let (name, key) = split_right(body, KEY_CHARACTERS).ok_or(InvalidSecret::Form)?;
        if checksum_of(body) != checksum {
            return Err(InvalidSecret::Checksum);
        }
        let (mode, kid) = [SecretMode::Live, SecretMode::Test]
            .into_iter()
            .find_map(|mode| Some((mode, name.strip_prefix(mode.prefix())?)))
            .ok_or(InvalidSecret::Form)?;
        let kid = kid.parse().map_err(|_| InvalidSecret::Form)?;
        let mut decoded = Ok(());
        let key = Key32::filled(|out| {
            decoded = match Base64UrlUnpadded::decode(key, out) {
                Ok(bytes) if bytes.len() == 32 => Ok(()),
                Ok(_) | Err(_) => Err(InvalidSecret::Form),
            };
        });
        decoded.map(|()| RetailerSecret {
            mode,
            kid,
            key: ReceiptKey::new(key),
        })
    }

    /// The text form, wiped from memory when dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(Base64UrlUnpadded::encode_string(self.key.key().expose()));
        let body = Zeroizing::new(format!("{}{}.{}", self.mode.prefix(), self.kid, *key));
        Zeroizing::new(format!("{}.{}", *body, checksum_of(&body)))
    }

    /// What the secret is for.
    #[must_use]
    pub fn mode(&self) -> SecretMode {
        self.mode
    }

    /// The id of the key.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &ReceiptKey {
        &self.key
    }

    /// Takes the parts out.
    #[must_use]
    pub fn into_parts(self) -> (SecretMode, KeyId, ReceiptKey) {
        (self.mode, self.kid, self.key)
    }
}

/// Cuts `.` and the `width` bytes after it off the end of `text`.
fn split_right(text: &str, width: usize) -> Option<(&str, &str)> {
    let at = text.len().checked_sub(width + 1)?;
    let (left, right) = text.split_at_checked(at)?;
    Some((left, right.strip_prefix('.')?))
}

/// The first six characters of the base64url of SHA-256 of all that stands before.
fn checksum_of(body: &str) -> String {
    let mut text = Base64UrlUnpadded::encode_string(&Portable.digest(&[body.as_bytes()]));
    text.truncate(CHECKSUM_CHARACTERS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "rk_test_bookshop.1.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc.MJgNVn";

    fn secret() -> RetailerSecret {
        RetailerSecret::new(
            SecretMode::Test,
            "bookshop.1".parse().expect("a key id"),
            ReceiptKey::new(Key32::new([7; 32])),
        )
    }

    #[track_caller]
    fn refused(text: &str, cause: InvalidSecret) {
        assert_eq!(RetailerSecret::parse(text).err(), Some(cause), "{text}");
    }

    /// Puts the right checksum behind a body that is wrong otherwise.
    fn with_checksum(body: &str) -> String {
        format!("{body}.{}", checksum_of(body))
    }

    #[test]
    fn the_text_form_is_fixed() {
        assert_eq!(*secret().to_text(), TEXT);
        assert!(RetailerSecret::parse(TEXT).is_ok_and(|read| {
            read.mode() == SecretMode::Test && read.key().key().expose() == &[7; 32]
        }));
    }

    #[test]
    fn every_slip_of_one_character_is_seen() {
        for at in 0..TEXT.len() {
            let mut slipped = TEXT.as_bytes().to_vec();
            slipped[at] = if slipped[at] == b'x' { b'y' } else { b'x' };
            let slipped = String::from_utf8(slipped).expect("ASCII");
            assert!(RetailerSecret::parse(&slipped).is_err(), "{slipped}");
            assert!(RetailerSecret::parse(&TEXT[..at]).is_err());
            assert!(RetailerSecret::parse(&TEXT[at + 1..]).is_err());
        }
    }

    #[test]
    fn a_right_checksum_does_not_make_a_secret() {
        let key = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";
        refused("", InvalidSecret::Form);
        refused("é", InvalidSecret::Form);
        refused(&format!("{TEXT} "), InvalidSecret::Form);
        refused(
            &with_checksum(&format!("rk_real_bookshop.1.{key}")),
            InvalidSecret::Form,
        );
        refused(
            &with_checksum(&format!("bookshop.1.{key}")),
            InvalidSecret::Form,
        );
        refused(
            &with_checksum(&format!("rk_live_bookshop.{key}")),
            InvalidSecret::Form,
        );
        refused(
            &with_checksum(&format!("rk_live_bookshop.1{key}")),
            InvalidSecret::Form,
        );
        // 43 characters have two bits to spare, which must be zero.
        let spare_bit = format!("{}d", &key[..42]);
        refused(
            &with_checksum(&format!("rk_live_bookshop.1.{spare_bit}")),
            InvalidSecret::Form,
        );
        refused(
            &with_checksum(&format!("rk_live_bookshop.1.{}=", &key[..42])),
            InvalidSecret::Form,
        );
    }

    #[test]
    fn a_key_may_look_like_anything() {
        // 43 characters of which some are those of prefixes and separators.
        let bytes = Base64UrlUnpadded::decode_vec(&format!("_rk_live_-{}A", "_".repeat(32)));
        let key = Key32::from_slice(&bytes.expect("base64url")).expect("32 bytes");
        let kid = "rk-live-1.7".parse().expect("a key id");
        let secret = RetailerSecret::new(SecretMode::Live, kid, ReceiptKey::new(key));
        let read = RetailerSecret::parse(&secret.to_text()).expect("a secret");
        assert_eq!(read.kid().as_str(), "rk-live-1.7");
        assert_eq!(read.key().key().expose(), secret.key().key().expose());
    }
}
