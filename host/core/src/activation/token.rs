//! Secrets that are handed out and come back: kept nowhere but as digests.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use colophon_crypto::{Engine, Key32, Randomness, frames};

/// The first frame of every digest.
const PROFILE: &[u8] = b"colophon/activation-token/1";

/// What is kept of a token: enough to recognize it, useless to whoever reads the database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn of(engine: &dyn Engine, kind: &str, token: &[u8]) -> Self {
        Self(engine.digest(&[&frames(&[PROFILE, kind.as_bytes(), token])]))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TokenDigest")
    }
}

/// Declares a token of 32 random bytes, written in base64url; a digest of one kind is never that
/// of another.
macro_rules! token {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        pub struct $name(Key32);

        impl $name {
            /// A fresh one.
            pub fn generate(random: &mut dyn Randomness) -> Self {
                Self(Key32::filled(|bytes| random.fill(bytes)))
            }

            /// Reads one that has come back; none if it cannot be one.
            pub fn parse(text: &str) -> Option<Self> {
                let mut bytes = zeroize::Zeroizing::new([0; 32]);
                let decoded = Base64UrlUnpadded::decode(text, bytes.as_mut_slice()).ok()?;
                Key32::from_slice(decoded).map(Self)
            }

            /// The text that is handed out.
            pub fn reveal(&self) -> zeroize::Zeroizing<String> {
                zeroize::Zeroizing::new(Base64UrlUnpadded::encode_string(self.0.expose()))
            }

            /// What is kept of it.
            pub fn digest(&self, engine: &dyn Engine) -> TokenDigest {
                TokenDigest::of(engine, $kind, self.0.expose())
            }
        }
    };
}

token! {
    /// A browser's session, kept in its cookie.
    SessionToken, "session"
}
token! {
    /// What a reader polls with while its person decides.
    DeviceCode, "device-code"
}
token! {
    /// What a reader activates with once it was approved.
    AccessToken, "access-token"
}
token! {
    /// What lets somebody choose a new password, once.
    ResetToken, "reset"
}

/// The short code that a person copies from the reader to a page.
///
/// Eight consonants, in two groups: none that are mistaken for each other, and no words.
#[derive(Clone, PartialEq, Eq)]
pub struct UserCode([u8; 8]);

const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

impl UserCode {
    /// A fresh one.
    pub fn generate(random: &mut dyn Randomness) -> Self {
        let mut letters = [0; 8];
        for letter in &mut letters {
            *letter = random_letter(random);
        }
        Self(letters)
    }

    /// Reads what a person typed: small letters, spaces and hyphens do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text
            .bytes()
            .filter(|byte| !matches!(byte, b' ' | b'-' | b'\t'));
        let letters: Vec<u8> = typed.map(|byte| byte.to_ascii_uppercase()).collect();
        let letters: [u8; 8] = letters.try_into().ok()?;
        letters
            .iter()
            .all(|letter| LETTERS.contains(letter))
            .then_some(Self(letters))
    }

    /// What is kept of it.
    pub fn digest(&self, engine: &dyn Engine) -> TokenDigest {
        TokenDigest::of(engine, "user-code", &self.0)
    }
}

/// Every letter is as likely as any other: numbers that would favor the first ones are drawn
/// again.
fn random_letter(random: &mut dyn Randomness) -> u8 {
    loop {
        let mut byte = [0];
        random.fill(&mut byte);
        let [number] = byte;
        if number < 240
            && let Some(letter) = LETTERS.get(usize::from(number) % LETTERS.len())
        {
            return *letter;
        }
    }
}

/// As it is shown: `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, letter) in self.0.iter().enumerate() {
            if at == 4 {
                out.write_str("-")?;
            }
            write!(out, "{}", char::from(*letter))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    /// Counts up, so that every run is the same.
    struct Counter(u8);

    impl Randomness for Counter {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0;
                self.0 = self.0.wrapping_add(37);
            }
        }
    }

    #[test]
    fn a_token_comes_back_as_itself() {
        let token = SessionToken::generate(&mut Counter(1));
        let back = SessionToken::parse(&token.reveal()).unwrap();
        assert_eq!(back.digest(&Portable), token.digest(&Portable));
        for wrong in [
            "",
            "AAAA",
            &token.reveal()[1..],
            &format!("{}A", *token.reveal()),
        ] {
            assert!(SessionToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_token_of_one_kind_is_none_of_another() {
        let access = AccessToken::generate(&mut Counter(1));
        let device = DeviceCode::parse(&access.reveal()).unwrap();
        assert_ne!(access.digest(&Portable), device.digest(&Portable));
    }

    #[test]
    fn a_user_code_is_read_however_it_is_typed() {
        let code = UserCode::generate(&mut Counter(3));
        let shown = code.to_string();
        assert_eq!(shown.len(), 9);
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            shown.replace('-', ""),
            format!(" {} ", shown.replace('-', " - ")),
        ] {
            assert!(UserCode::parse(&typed) == Some(code.clone()), "{typed}");
        }
        for wrong in [
            "",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "BCDF-GHJA",
            "BCDF-GHJ0",
            "ßCDFGHJ",
        ] {
            assert!(UserCode::parse(wrong).is_none(), "{wrong}");
        }
    }
}
