//! Encryption at rest: single fields of records, each bound to its place.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use colophon_core::ports::{FieldCipher, FieldDamaged, FieldPlace};
use colophon_crypto::{Engine, Key32, Randomness, frames};
use zeroize::Zeroizing;

use crate::{MasterKeys, SystemRandom};

const FIELD_LABEL: &[u8] = b"colophon/field/1";
const PSEUDONYM_LABEL: &[u8] = b"colophon/pseudonym/1";
const NAME_LABEL: &[u8] = b"colophon/key-name/1";

/// Purposes whose keys are remembered. There are a few.
const PURPOSES_MAX: usize = 64;

const NONCE: usize = 12;
const TAG: usize = 16;

/// Encrypts and decrypts fields under the host's master keys.
///
/// A sealed field is the master key's number (1 byte), a random nonce (12), the ciphertext and
/// the tag (16), so 29 bytes more than its content. Its key is derived from the master key and
/// the place, `HKDF(master, frames("colophon/field/1", table, row, column))`, and the place is
/// authenticated as well. A key per place keeps the number of nonces drawn under one key far
/// below the limit of AES-GCM, however large a table grows.
pub struct Envelope {
    engine: Arc<dyn Engine>,
    keys: MasterKeys,
    /// The keys that pseudonyms are made with, by purpose.
    pseudonym_keys: Mutex<BTreeMap<String, Key32>>,
}

impl Envelope {
    /// Fields under these keys.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, keys: MasterKeys) -> Envelope {
        Envelope {
            engine,
            keys,
            pseudonym_keys: Mutex::default(),
        }
    }

    /// Whether `sealed` is under an older key than the newest, and so should be sealed anew.
    #[must_use]
    pub fn is_outdated(&self, sealed: &[u8]) -> bool {
        sealed.first() != Some(&self.keys.newest().number().get())
    }

    fn place_key(&self, master: &Key32, place: &[u8]) -> Key32 {
        self.engine.hkdf_sha256(master, None, place)
    }

    fn pseudonym_key(&self, purpose: &str) -> Key32 {
        // Whoever panicked while holding the lock left whole entries behind.
        let known = || {
            let keys = self.pseudonym_keys.lock();
            keys.unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(key) = known().get(purpose) {
            return key.duplicate();
        }
        let label = frames(&[PSEUDONYM_LABEL, purpose.as_bytes()]);
        let oldest = self.keys.oldest().key();
        let key = self.engine.hkdf_sha256(oldest, None, &label);
        let mut known = known();
        if known.len() < PURPOSES_MAX {
            known.insert(purpose.to_owned(), key.duplicate());
        }
        key
    }
}

fn place_bytes(place: FieldPlace<'_>) -> Vec<u8> {
    frames(&[
        FIELD_LABEL,
        place.table.as_bytes(),
        place.row,
        place.column.as_bytes(),
    ])
}

impl FieldCipher for Envelope {
    fn seal(&self, place: FieldPlace<'_>, plain: &[u8]) -> Vec<u8> {
        let master = self.keys.newest();
        let place = place_bytes(place);
        let mut nonce = [0; NONCE];
        SystemRandom.fill(&mut nonce);

        let mut sealed = Vec::with_capacity(1 + NONCE + plain.len() + TAG);
        sealed.push(master.number().get());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let cipher = self
            .engine
            .aes256_gcm(&self.place_key(master.key(), &place));
        let (_, content) = sealed.split_at_mut(1 + NONCE);
        let tag = cipher.seal(&nonce, &place, content);
        sealed.extend_from_slice(&tag);
        sealed
    }

    fn open(&self, place: FieldPlace<'_>, sealed: &[u8]) -> Result<Vec<u8>, FieldDamaged> {
        let (number, rest) = sealed.split_first().ok_or(FieldDamaged)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>().ok_or(FieldDamaged)?;
        let (content, tag) = rest.split_last_chunk::<TAG>().ok_or(FieldDamaged)?;
        let master = self.keys.by_number(*number).ok_or(FieldDamaged)?;
        let place = place_bytes(place);
        let cipher = self
            .engine
            .aes256_gcm(&self.place_key(master.key(), &place));
        let mut plain = content.to_vec();
        cipher
            .open(nonce, &place, &mut plain, tag)
            .map_err(|_| FieldDamaged)?;
        Ok(plain)
    }

    /// From the oldest master key, since a pseudonym must stay the same for as long as it is
    /// looked up by.
    fn pseudonym(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let key = self.pseudonym_key(purpose);
        // What is named may be secret.
        let parts = Zeroizing::new(frames(parts));
        self.engine.hmac_sha256(&key, &[&parts])
    }

    /// Of the newest key and the oldest, which pseudonyms come from.
    fn key_name(&self) -> [u8; 32] {
        let newest = self.keys.newest();
        let label = frames(&[NAME_LABEL]);
        let key = self.engine.hkdf_sha256(newest.key(), None, &label);
        let oldest = self.pseudonym("key-name", &[]);
        self.engine
            .hmac_sha256(&key, &[&[newest.number().get()], &oldest])
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use colophon_crypto::Portable;

    use super::*;
    use crate::{AwsLc, MasterKey};

    const PLACE: FieldPlace<'_> = FieldPlace {
        table: "retailer_key",
        row: b"main/bookshop.1",
        column: "secret",
    };

    fn sevens() -> MasterKeys {
        MasterKeys::of(MasterKey::new(NonZeroU8::MIN, Key32::new([7; 32])))
    }

    fn envelope() -> Envelope {
        Envelope::new(Arc::new(AwsLc), sevens())
    }

    #[test]
    fn what_is_sealed_opens() {
        let envelope = envelope();
        for plain in [b"".as_slice(), b"x", &[0; 5000]] {
            let sealed = envelope.seal(PLACE, plain);
            assert_eq!(sealed.len(), plain.len() + 29);
            assert_eq!(envelope.open(PLACE, &sealed), Ok(plain.to_vec()));
        }
        assert_ne!(envelope.seal(PLACE, b"x"), envelope.seal(PLACE, b"x"));
    }

    #[test]
    fn both_engines_open_what_the_other_sealed() {
        let portable = Envelope::new(Arc::new(Portable), sevens());
        let sealed = portable.seal(PLACE, b"content");
        assert_eq!(envelope().open(PLACE, &sealed), Ok(b"content".to_vec()));
        let sealed = envelope().seal(PLACE, b"content");
        assert_eq!(portable.open(PLACE, &sealed), Ok(b"content".to_vec()));
    }

    #[test]
    fn a_field_opens_at_its_own_place_only() {
        let envelope = envelope();
        let sealed = envelope.seal(PLACE, b"content");
        let places = [
            FieldPlace {
                table: "retailer",
                ..PLACE
            },
            FieldPlace {
                row: b"main/bookshop.2",
                ..PLACE
            },
            FieldPlace {
                column: "secrets",
                ..PLACE
            },
            // The same bytes with other boundaries between them.
            FieldPlace {
                table: "retailer_keymain",
                row: b"/bookshop.1",
                ..PLACE
            },
            FieldPlace {
                row: b"main/bookshop.1s",
                column: "ecret",
                ..PLACE
            },
            FieldPlace {
                table: "",
                row: b"",
                column: "",
            },
        ];
        for place in places {
            assert_eq!(
                envelope.open(place, &sealed),
                Err(FieldDamaged),
                "{place:?}"
            );
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let envelope = envelope();
        let sealed = envelope.seal(PLACE, b"content");
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(envelope.open(PLACE, &damaged), Err(FieldDamaged));
        }
        for length in 0..sealed.len() {
            assert_eq!(envelope.open(PLACE, &sealed[..length]), Err(FieldDamaged));
        }
        let longer = [sealed.as_slice(), &[0]].concat();
        assert_eq!(envelope.open(PLACE, &longer), Err(FieldDamaged));
    }

    #[test]
    fn after_a_rotation_old_fields_open_and_new_ones_have_the_new_number() {
        let old = envelope();
        let before = old.seal(PLACE, b"content");
        let mut keys = sevens();
        keys.rotate(&mut SystemRandom).expect("a key");
        let rotated = Envelope::new(Arc::new(AwsLc), keys);

        assert_eq!(rotated.open(PLACE, &before), Ok(b"content".to_vec()));
        assert!(rotated.is_outdated(&before));
        let after = rotated.seal(PLACE, b"content");
        assert_eq!(after.first(), Some(&2));
        assert!(!rotated.is_outdated(&after));
        assert_eq!(old.open(PLACE, &after), Err(FieldDamaged));
        // The number alone does not make an old field a new one.
        let mut renumbered = before;
        renumbered[0] = 2;
        assert_eq!(rotated.open(PLACE, &renumbered), Err(FieldDamaged));
    }

    /// Fields of databases that exist must open in all later versions.
    #[test]
    fn the_sealed_form_is_fixed() {
        let sealed =
            hex("017477656c7665206279746573ed5e59a6f015d71f7cb3205857392a75077a990ba53761");
        assert_eq!(envelope().open(PLACE, &sealed), Ok(b"content".to_vec()));
        assert_eq!(
            envelope()
                .pseudonym("customer", &[b"main", b"customer-12"])
                .to_vec(),
            hex("74e5480084b1012bbc7d23c332aeecf2169931ded6767e8360d5099e45736192")
        );
    }

    #[test]
    fn pseudonyms_depend_on_purpose_parts_and_key_but_not_on_rotation() {
        let envelope = envelope();
        let pseudonym = envelope.pseudonym("customer", &[b"main", b"customer-12"]);
        assert_ne!(
            envelope.pseudonym("persona", &[b"main", b"customer-12"]),
            pseudonym
        );
        assert_ne!(
            envelope.pseudonym("customer", &[b"mainc", b"ustomer-12"]),
            pseudonym
        );
        assert_ne!(
            envelope.pseudonym("customer", &[b"main", b"customer-13"]),
            pseudonym
        );
        let other = MasterKeys::of(MasterKey::new(NonZeroU8::MIN, Key32::new([8; 32])));
        let other = Envelope::new(Arc::new(AwsLc), other);
        assert_ne!(
            other.pseudonym("customer", &[b"main", b"customer-12"]),
            pseudonym
        );

        let mut keys = sevens();
        keys.rotate(&mut SystemRandom).expect("a key");
        let rotated = Envelope::new(Arc::new(AwsLc), keys);
        assert_eq!(
            rotated.pseudonym("customer", &[b"main", b"customer-12"]),
            pseudonym
        );
    }

    #[test]
    fn a_key_is_named_after_itself_and_its_number() {
        let name = envelope().key_name();
        assert_eq!(envelope().key_name(), name);
        let named = |number: u8, byte: u8| {
            let number = NonZeroU8::new(number).expect("a number");
            let keys = MasterKeys::of(MasterKey::new(number, Key32::new([byte; 32])));
            Envelope::new(Arc::new(AwsLc), keys).key_name()
        };
        assert_eq!(named(1, 7), name);
        assert_ne!(named(1, 8), name);
        assert_ne!(named(2, 7), name);
        let mut keys = sevens();
        keys.rotate(&mut SystemRandom).expect("a key");
        assert_ne!(Envelope::new(Arc::new(AwsLc), keys).key_name(), name);
    }

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits");
        (0..text.len()).step_by(2).map(byte).collect()
    }
}
