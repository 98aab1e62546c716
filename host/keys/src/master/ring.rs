//! Master keys, by number, and their text form.

use std::num::NonZeroU8;

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Portable, Randomness};
use zeroize::Zeroizing;

const PREFIX: &str = "mk_";
const KEY_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;

/// Why a text holds no master keys. It says nothing about the keys themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKey {
    /// There is no key in it.
    #[error("there is no master key")]
    Missing,
    /// A line is not built like a master key.
    #[error("a line is not of the form mk_<number>.<43 characters>.<6 characters>")]
    Form,
    /// A checksum does not fit: the line was mistyped or cut.
    #[error("a checksum does not fit: the line was mistyped or cut")]
    Checksum,
    /// The numbers do not rise from line to line.
    #[error("the numbers of the master keys must rise from line to line")]
    Order,
}

/// No further master key: there are 255 already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are 255 master keys already")]
pub struct NoNumberLeft;

/// One master key, with the number that stands in front of everything encrypted under it.
pub struct MasterKey {
    number: NonZeroU8,
    key: Key32,
}

impl MasterKey {
    /// Gives a key its number.
    #[must_use]
    pub fn new(number: NonZeroU8, key: Key32) -> MasterKey {
        MasterKey { number, key }
    }

    /// The number, from 1 on.
    #[must_use]
    pub fn number(&self) -> NonZeroU8 {
        self.number
    }

    /// The secret bytes.
    #[must_use]
    pub fn key(&self) -> &Key32 {
        &self.key
    }

    fn parse(line: &str) -> Result<MasterKey, InvalidMasterKey> {
        let (body, checksum) = line.rsplit_once('.').ok_or(InvalidMasterKey::Form)?;
        let (name, key) = body.rsplit_once('.').ok_or(InvalidMasterKey::Form)?;
        let number = name.strip_prefix(PREFIX).ok_or(InvalidMasterKey::Form)?;
        let number: NonZeroU8 = number.parse().map_err(|_| InvalidMasterKey::Form)?;
        if key.len() != KEY_CHARACTERS || checksum.len() != CHECKSUM_CHARACTERS {
            return Err(InvalidMasterKey::Form);
        }
        if checksum_of(body) != checksum {
            return Err(InvalidMasterKey::Checksum);
        }
        let mut decoded = Ok(());
        let key = Key32::filled(|out| {
            decoded = match Base64UrlUnpadded::decode(key, out) {
                Ok(bytes) if bytes.len() == 32 => Ok(()),
                Ok(_) | Err(_) => Err(InvalidMasterKey::Form),
            };
        });
        decoded.map(|()| MasterKey { number, key })
    }

    fn to_line(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(Base64UrlUnpadded::encode_string(self.key.expose()));
        let body = Zeroizing::new(format!("{PREFIX}{}.{}", self.number, *key));
        Zeroizing::new(format!("{}.{}", *body, checksum_of(&body)))
    }
}

/// The first six characters of the base64url of SHA-256 of all that stands before.
fn checksum_of(body: &str) -> String {
    let mut text = Base64UrlUnpadded::encode_string(&Portable.digest(&[body.as_bytes()]));
    text.truncate(CHECKSUM_CHARACTERS);
    text
}

/// All master keys of a host. The newest encrypts; the older ones still decrypt what was
/// encrypted under them.
pub struct MasterKeys {
    oldest: MasterKey,
    /// In the order of their numbers.
    newer: Vec<MasterKey>,
}

impl MasterKeys {
    /// The first key of a new host.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> MasterKeys {
        MasterKeys::of(MasterKey::new(NonZeroU8::MIN, Key32::generate(random)))
    }

    /// Only this key.
    #[must_use]
    pub fn of(key: MasterKey) -> MasterKeys {
        MasterKeys {
            oldest: key,
            newer: Vec::new(),
        }
    }

    /// Adds a key that is newer than all others.
    ///
    /// # Errors
    ///
    /// [`InvalidMasterKey::Order`] if its number is not higher than theirs.
    pub fn push(&mut self, key: MasterKey) -> Result<(), InvalidMasterKey> {
        if key.number <= self.newest().number {
            return Err(InvalidMasterKey::Order);
        }
        self.newer.push(key);
        Ok(())
    }

    /// Adds a fresh key, under which everything is encrypted from now on.
    ///
    /// # Errors
    ///
    /// [`NoNumberLeft`] after 255 keys.
    pub fn rotate(&mut self, random: &mut dyn Randomness) -> Result<(), NoNumberLeft> {
        let number = self.newest().number.checked_add(1).ok_or(NoNumberLeft)?;
        self.newer
            .push(MasterKey::new(number, Key32::generate(random)));
        Ok(())
    }

    /// The key that encrypts.
    #[must_use]
    pub fn newest(&self) -> &MasterKey {
        self.newer.last().unwrap_or(&self.oldest)
    }

    /// The first key there was; what must never change is made from it.
    #[must_use]
    pub fn oldest(&self) -> &MasterKey {
        &self.oldest
    }

    /// The key of this number.
    #[must_use]
    pub fn by_number(&self, number: u8) -> Option<&MasterKey> {
        self.iter().find(|key| key.number.get() == number)
    }

    /// All keys, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.oldest).chain(&self.newer)
    }

    /// Reads the text form: one key a line, the oldest first. Empty lines and lines that begin
    /// with `#` are passed over.
    ///
    /// # Errors
    ///
    /// [`InvalidMasterKey`] if a line is wrong or there is none.
    pub fn parse(text: &str) -> Result<MasterKeys, InvalidMasterKey> {
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let oldest = lines.next().ok_or(InvalidMasterKey::Missing)?;
        let mut keys = MasterKeys::of(MasterKey::parse(oldest)?);
        for line in lines {
            keys.push(MasterKey::parse(line)?)?;
        }
        Ok(keys)
    }

    /// The text form, wiped from memory when dropped.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        // Grown in one piece, so that no half-written copy is left behind in memory.
        let mut text = Zeroizing::new(String::with_capacity(64 * (1 + self.newer.len())));
        for key in self.iter() {
            text.push_str(&key.to_line());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRandom;

    fn sevens() -> MasterKeys {
        MasterKeys::of(MasterKey::new(NonZeroU8::MIN, Key32::new([7; 32])))
    }

    fn refused(text: &str) -> Option<InvalidMasterKey> {
        MasterKeys::parse(text).err()
    }

    #[test]
    fn the_text_form_is_fixed() {
        let text = "mk_1.BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc.w_422y\n";
        assert_eq!(*sevens().to_text(), text);
        let read = MasterKeys::parse(&format!("# of test\n\n  {text}")).expect("a key");
        assert_eq!(read.newest().key().expose(), &[7; 32]);
    }

    #[test]
    fn keys_are_kept_in_order() {
        let mut keys = sevens();
        keys.rotate(&mut SystemRandom).expect("a second key");
        keys.rotate(&mut SystemRandom).expect("a third key");
        let read = MasterKeys::parse(&keys.to_text()).expect("three keys");
        let numbers: Vec<u8> = read.iter().map(|key| key.number().get()).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(read.newest().number().get(), 3);
        assert_eq!(read.oldest().key().expose(), &[7; 32]);
        assert_eq!(
            read.by_number(3).map(|key| key.key().expose()),
            Some(keys.newest().key().expose())
        );
        assert!(read.by_number(4).is_none());
        assert!(read.by_number(0).is_none());

        let text = keys.to_text();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.swap(0, 1);
        assert_eq!(refused(&lines.join("\n")), Some(InvalidMasterKey::Order));
        assert_eq!(
            refused(&[lines[0], lines[0]].join("\n")),
            Some(InvalidMasterKey::Order)
        );
    }

    #[test]
    fn numbers_end_at_255() {
        let mut keys = sevens();
        for _ in 1..255 {
            keys.rotate(&mut SystemRandom).expect("a key");
        }
        assert_eq!(keys.rotate(&mut SystemRandom), Err(NoNumberLeft));
    }

    #[test]
    fn slips_are_seen() {
        let text = sevens().to_text();
        let line = text.trim_end();
        for at in 0..line.len() {
            let mut slipped = line.as_bytes().to_vec();
            slipped[at] = if slipped[at] == b'x' { b'y' } else { b'x' };
            assert!(refused(&String::from_utf8(slipped).expect("ASCII")).is_some());
            assert!(refused(&line[..at]).is_some());
        }
        assert_eq!(refused(""), Some(InvalidMasterKey::Missing));
        assert_eq!(refused("# nothing\n"), Some(InvalidMasterKey::Missing));
        assert_eq!(
            refused("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"),
            Some(InvalidMasterKey::Form)
        );
    }
}
