//! What title versions and copies are told apart by.

use std::fmt;

use colophon_crypto::{Engine, Randomness, frames};

use crate::{CopyKey, PROFILE};

/// The id of a title version: random, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId([u8; 16]);

/// Not 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a title version is named by 32 hexadecimal digits in lower case")]
pub struct MalformedVersionId;

impl VersionId {
    /// The id of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> VersionId {
        VersionId(bytes)
    }

    /// A fresh id.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> VersionId {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        VersionId(bytes)
    }

    /// Parses 32 hexadecimal digits in lower case.
    ///
    /// # Errors
    ///
    /// [`MalformedVersionId`] for anything else.
    pub fn parse(text: &str) -> Result<VersionId, MalformedVersionId> {
        let mut bytes = [0; 16];
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return Err(MalformedVersionId);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(MalformedVersionId),
                };
                *byte = *byte << 4 | value;
            }
        }
        Ok(VersionId(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::str::FromStr for VersionId {
    type Err = MalformedVersionId;

    fn from_str(text: &str) -> Result<VersionId, MalformedVersionId> {
        VersionId::parse(text)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionId({self})")
    }
}

/// The salt of a title version: random, public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VersionSalt([u8; 16]);

impl VersionSalt {
    /// The salt of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> VersionSalt {
        VersionSalt(bytes)
    }

    /// A fresh salt.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> VersionSalt {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        VersionSalt(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The id of a copy: two purchases never share one, even of one buyer and one title.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CopyId([u8; 32]);

impl CopyId {
    /// The id of the copy that belongs to a purchase: center, retailer, transaction, Book ID
    /// and Book ID type, in this order. Only the center can make it or check it.
    #[must_use]
    pub fn of(engine: &dyn Engine, key: &CopyKey, purchase: &[&[u8]]) -> CopyId {
        let label = frames(&[PROFILE.as_bytes(), b"copy"]);
        CopyId(engine.hmac_sha256(key.key(), &[&label, &frames(purchase)]))
    }

    /// The id of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> CopyId {
        CopyId(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CopyId(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::{Key32, Portable};

    use super::*;

    #[test]
    fn version_ids_have_one_spelling() {
        let id = VersionId::from_bytes(
            *b"\x00\x01\x09\x0a\x0f\x10\x7f\x80\x9a\xab\xbc\xcd\xde\xef\xf0\xff",
        );
        assert_eq!(id.to_string(), "0001090a0f107f809aabbccddeeff0ff");
        assert_eq!(VersionId::parse(&id.to_string()), Ok(id));
        let digits = id.to_string();
        for text in [
            "",
            &digits[1..],
            &digits.to_uppercase(),
            &format!("{digits}0"),
            &digits.replace('0', "g"),
        ] {
            assert_eq!(VersionId::parse(text), Err(MalformedVersionId), "{text:?}");
        }
    }

    #[test]
    fn copies_of_two_purchases_have_two_ids() {
        let id = |key: u8, purchase: &[&[u8]]| {
            CopyId::of(&Portable, &CopyKey::new(Key32::new([key; 32])), purchase)
        };
        assert_eq!(
            id(1, &[b"main", b"shop", b"17"]),
            id(1, &[b"main", b"shop", b"17"])
        );
        assert_ne!(
            id(1, &[b"main", b"shop", b"17"]),
            id(2, &[b"main", b"shop", b"17"])
        );
        assert_ne!(
            id(1, &[b"main", b"shop", b"17"]),
            id(1, &[b"main", b"shop1", b"7"])
        );
    }
}
