//! A persona's id as a reader keeps it: of use on its machine alone.
//!
//! It is apart from the activation certificate, so that what a shop is told is never taken from
//! there. Whoever reads the file elsewhere, or without the facts of the machine, learns neither
//! the id nor its length. It opens as a sealed key does: one fact may have changed.

use colophon_crypto::{Engine, Key32, Randomness, frames};
use zeroize::Zeroizing;

use crate::machine::{FactKind, FactSalt, MachineFacts};
use crate::sealed_key::{NotSealedForThis, SHARE_BYTES, Shares};
use crate::{PROFILE, PersonaId};

/// The length of a persona at rest, in bytes.
pub const PERSONA_AT_REST_BYTES: usize = HEADER_BYTES + CONTENT_BYTES + TAG_BYTES;

const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const SHARES_BYTES: usize = SHARE_BYTES * FactKind::ALL.len();
const HEADER_BYTES: usize = 1 + SALT_BYTES + SHARES_BYTES;
/// The length of the id, and the longest there is.
const CONTENT_BYTES: usize = 1 + 255;
const TAG_BYTES: usize = 16;

/// The key that encrypts is never used a second time.
const NONCE: [u8; 12] = [0; 12];

/// A persona's id, sealed to a machine.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonaAtRest {
    bytes: Vec<u8>,
}

impl PersonaAtRest {
    /// Seals an id to a machine, whose facts are digested with this salt: a fresh one, which
    /// nothing else is digested with.
    #[must_use]
    pub fn seal(
        engine: &dyn Engine,
        random: &mut dyn Randomness,
        salt: &FactSalt,
        facts: &MachineFacts,
        persona: &PersonaId,
    ) -> PersonaAtRest {
        let secret = Key32::generate(random);
        let mut shares = Shares::split(&secret, random);
        shares.veil(engine, salt.as_bytes(), facts);
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(salt.as_bytes());
        shares.write(&mut bytes);
        let id = persona.as_str().as_bytes();
        let mut content = Zeroizing::new(vec![u8::try_from(id.len()).unwrap_or(u8::MAX)]);
        content.extend_from_slice(id);
        content.resize(CONTENT_BYTES, 0);
        let cipher = engine.aes256_gcm(&sealing_key(engine, &secret, salt));
        let tag = cipher.seal(&NONCE, &bytes, &mut content);
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(&tag);
        PersonaAtRest { bytes }
    }

    /// Takes what was kept, if it is of the right length and version.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<PersonaAtRest> {
        let fits = bytes.len() == PERSONA_AT_REST_BYTES && bytes.first() == Some(&VERSION);
        fits.then_some(PersonaAtRest { bytes })
    }

    /// What is to be kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the machine's facts are to be digested with.
    #[must_use]
    pub fn salt(&self) -> FactSalt {
        let salt = self.bytes.get(1..).and_then(<[u8]>::first_chunk);
        FactSalt::from_bytes(salt.copied().unwrap_or_default())
    }

    /// Opens it on its machine.
    ///
    /// # Errors
    ///
    /// [`NotSealedForThis`], whatever is wrong.
    pub fn open(
        &self,
        engine: &dyn Engine,
        facts: &MachineFacts,
    ) -> Result<PersonaId, NotSealedForThis> {
        let salt = self.salt();
        let (header, rest) = self
            .bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or(NotSealedForThis)?;
        let (content, tag) = rest.split_last_chunk().ok_or(NotSealedForThis)?;
        let shares = header.get(1 + SALT_BYTES..).and_then(Shares::read);
        let mut shares = shares.ok_or(NotSealedForThis)?;
        // What veils a share takes the veil off again.
        shares.veil(engine, salt.as_bytes(), facts);
        for kind in FactKind::ALL {
            let key = sealing_key(engine, &shares.join_without(kind), &salt);
            let mut content = Zeroizing::new(content.to_vec());
            let cipher = engine.aes256_gcm(&key);
            if cipher.open(&NONCE, header, &mut content, tag).is_ok() {
                return read(&content).ok_or(NotSealedForThis);
            }
        }
        Err(NotSealedForThis)
    }
}

fn read(content: &[u8]) -> Option<PersonaId> {
    let (length, rest) = content.split_first()?;
    let id = rest.get(..usize::from(*length))?;
    std::str::from_utf8(id).ok()?.parse().ok()
}

fn sealing_key(engine: &dyn Engine, secret: &Key32, salt: &FactSalt) -> Key32 {
    let info = frames(&[PROFILE.as_bytes(), b"persona-at-rest"]);
    engine.hkdf_sha256(secret, Some(salt.as_bytes()), &info)
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;
    use crate::machine::FactDigest;

    const SALT: FactSalt = FactSalt::from_bytes([9; 16]);

    /// Counts up, so that no two bytes near each other are equal.
    struct Counting(u8);

    impl Randomness for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                self.0 = self.0.wrapping_mul(5).wrapping_add(3);
                *byte = self.0;
            }
        }
    }

    /// Facts with one letter per kind, in their order; `-` is unknown.
    fn facts(letters: &str) -> MachineFacts {
        let digests = FactKind::ALL.into_iter().zip(letters.bytes());
        let known = digests.filter(|(_, letter)| *letter != b'-');
        let known = known.map(|(kind, letter)| (kind, FactDigest::from_bytes([letter; 32])));
        MachineFacts::new(known).expect("facts")
    }

    fn sealed(persona: &str) -> PersonaAtRest {
        let persona = persona.parse().expect("a persona");
        let (salt, facts) = (&SALT, &facts("abcdef"));
        PersonaAtRest::seal(&Portable, &mut Counting(1), salt, facts, &persona)
    }

    #[test]
    fn it_opens_on_its_machine_and_forgives_one_fact() {
        let longest = "x".repeat(255);
        for persona in ["ada@people.example", "1", "ספר 📚", &longest] {
            let kept = sealed(persona).as_bytes().to_vec();
            assert_eq!(kept.len(), PERSONA_AT_REST_BYTES);
            let read = PersonaAtRest::from_bytes(kept).expect("a persona at rest");
            assert_eq!(read.salt(), SALT);
            let opened = |letters| read.open(&Portable, &facts(letters)).ok();
            for letters in ["abcdef", "Xbcdef", "abcdeX", "ab-def"] {
                assert_eq!(opened(letters).expect(letters).as_str(), persona);
            }
            for letters in ["XXcdef", "abcd--", "ABCDEF", "bacdef"] {
                assert_eq!(opened(letters), None, "{letters}");
            }
        }
    }

    #[test]
    fn no_byte_can_be_changed_and_the_id_is_not_in_it() {
        let whole = sealed("ada@people.example").as_bytes().to_vec();
        assert!(!whole.windows(4).any(|part| part == b"ada@"));
        let opens = |bytes: Vec<u8>| {
            let read = PersonaAtRest::from_bytes(bytes);
            read.is_some_and(|read| read.open(&Portable, &facts("abcdef")).is_ok())
        };
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!opens(changed), "byte {at}");
        }
        assert!(!opens(whole[1..].to_vec()));
        assert!(!opens([&whole[..], &[0]].concat()));
        assert!(opens(whole));
    }
}
