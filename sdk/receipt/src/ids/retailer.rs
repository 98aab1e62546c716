//! Retailers and their keys.

use colophon_claims::{InvalidId, check_characters, text_id};

/// A retailer, unique in its center: 1 to 64 of `A-Z a-z 0-9 -`.
///
/// The center's own retailer is called `default`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RetailerId(String);

impl RetailerId {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_characters(text, 64, |c| c.is_ascii_alphanumeric() || c == '-')
    }
}

text_id!(RetailerId);

/// One of a retailer's keys: the retailer, a point, and a number from 1 to 4294967295 without
/// leading zeros. In a receipt this is the header member `kid`.
///
/// ```
/// use colophon_receipt::KeyId;
/// let kid: KeyId = "bookshop.2".parse()?;
/// assert_eq!(kid.retailer().as_str(), "bookshop");
/// assert_eq!(kid.number(), 2);
/// # Ok::<(), colophon_receipt::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    retailer: RetailerId,
    number: u32,
    text: String,
}

impl KeyId {
    /// The `number`-th key of `retailer`, counted from 1.
    ///
    /// # Errors
    ///
    /// [`InvalidId::Form`] if `number` is 0.
    pub fn new(retailer: &RetailerId, number: u32) -> Result<KeyId, InvalidId> {
        if number == 0 {
            return Err(InvalidId::Form {
                expected: "a key number from 1 on",
            });
        }
        let text = format!("{retailer}.{number}");
        Ok(KeyId {
            retailer: retailer.clone(),
            number,
            text,
        })
    }

    /// The retailer this key belongs to.
    #[must_use]
    pub fn retailer(&self) -> &RetailerId {
        &self.retailer
    }

    /// Which of the retailer's keys this is, from 1 on.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The text this was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl core::str::FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<KeyId, InvalidId> {
        let expected = "a retailer id, a point and a key number";
        let (retailer, number) = text.rsplit_once('.').ok_or(InvalidId::Form { expected })?;
        let retailer: RetailerId = retailer.parse()?;
        let number: u32 = number.parse().map_err(|_| InvalidId::Form { expected })?;
        let key = KeyId::new(&retailer, number)?;
        // Signs and leading zeros parse as numbers, but they would give one key two names.
        if key.text == text {
            Ok(key)
        } else {
            Err(InvalidId::Form { expected })
        }
    }
}

impl TryFrom<&str> for KeyId {
    type Error = InvalidId;

    fn try_from(text: &str) -> Result<KeyId, InvalidId> {
        text.parse()
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl core::fmt::Display for KeyId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_key(text: &str, good: bool) {
        assert_eq!(text.parse::<KeyId>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn retailers_may_have_capitals() {
        assert!("Book-Shop-1".parse::<RetailerId>().is_ok());
        assert!("a".repeat(64).parse::<RetailerId>().is_ok());
        assert!("a".repeat(65).parse::<RetailerId>().is_err());
        assert!("a_b".parse::<RetailerId>().is_err());
        assert!("a.b".parse::<RetailerId>().is_err());
    }

    #[test]
    fn a_key_has_one_name_only() {
        check_key("shop.1", true);
        check_key("shop.4294967295", true);
        check_key("shop.4294967296", false);
        check_key("shop.0", false);
        check_key("shop.01", false);
        check_key("shop.+1", false);
        check_key("shop.-1", false);
        check_key("shop.", false);
        check_key(".1", false);
        check_key("shop", false);
        check_key("shop.1.1", false);
        check_key("shop.1 ", false);
        check_key("shop.१", false);
    }
}
