//! Keys, and what is derived from them.
//!
//! Every derivation is framed with the profile, so that a later profile shares no key with
//! this one. Nothing of a purchase enters a resource key: the encrypted content of all copies
//! is one byte string.

use std::sync::OnceLock;

use colophon_crypto::{Engine, Key32, Mismatch, Randomness, equal, frames};

use crate::{EntryPath, Level, VersionSalt};

/// The profile of this format; the first frame of every derivation.
pub const PROFILE: &str = "colophon/title/1";

/// The key that encrypts one title version.
pub struct ContentKey {
    key: Key32,
    /// What it is committed to under the salt of its version, once somebody asked.
    commitment: OnceLock<(VersionSalt, [u8; 32])>,
}

/// The key with which a center makes ids of copies and entity tags. All its nodes share it.
pub struct CopyKey(Key32);

impl ContentKey {
    /// Takes over a key.
    #[must_use]
    pub fn new(key: Key32) -> ContentKey {
        ContentKey {
            key,
            commitment: OnceLock::new(),
        }
    }

    /// Makes a fresh key.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> ContentKey {
        ContentKey::new(Key32::generate(random))
    }

    /// The key itself, to be wrapped or stored encrypted.
    #[must_use]
    pub fn key(&self) -> &Key32 {
        &self.key
    }
}

impl CopyKey {
    /// Takes over a key.
    #[must_use]
    pub fn new(key: Key32) -> CopyKey {
        CopyKey(key)
    }

    /// Makes a fresh key.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> CopyKey {
        CopyKey(Key32::generate(random))
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> &Key32 {
        &self.0
    }
}

/// The key of one entry.
pub(crate) fn resource_key(
    engine: &dyn Engine,
    key: &ContentKey,
    salt: &VersionSalt,
    path: &EntryPath,
) -> Key32 {
    let info = frames(&[PROFILE.as_bytes(), b"resource", path.as_str().as_bytes()]);
    engine.hkdf_sha256(&key.key, Some(salt.as_bytes()), &info)
}

/// What `validation.xml` says of the content key, so that a file has one key only.
pub(crate) fn commitment(engine: &dyn Engine, key: &ContentKey, salt: &VersionSalt) -> [u8; 32] {
    let info = frames(&[PROFILE.as_bytes(), b"commitment", b""]);
    *engine
        .hkdf_sha256(&key.key, Some(salt.as_bytes()), &info)
        .expose()
}

/// Whether `key` is the key that was committed to.
pub(crate) fn is_committed(
    engine: &dyn Engine,
    key: &ContentKey,
    salt: &VersionSalt,
    committed: &[u8; 32],
) -> bool {
    let (of, known) = key
        .commitment
        .get_or_init(|| (*salt, commitment(engine, key, salt)));
    match of == salt {
        true => equal(known, committed),
        false => equal(&commitment(engine, key, salt), committed),
    }
}

/// The digest everything of one copy is bound by.
pub(crate) fn copy_hash(
    engine: &dyn Engine,
    level: Level,
    metadata_sha256: &[u8; 32],
    validation_sha256: &[u8; 32],
    bookplate_xml: &[u8],
) -> [u8; 32] {
    let level = level.to_string();
    let head = frames(&[
        PROFILE.as_bytes(),
        level.as_bytes(),
        metadata_sha256,
        validation_sha256,
    ]);
    engine.digest(&[
        &head,
        &(bookplate_xml.len() as u64).to_be_bytes(),
        bookplate_xml,
    ])
}

/// Wraps the content key under a key that follows from the copy hash.
pub(crate) fn seal_content_key(
    engine: &dyn Engine,
    copy_hash: &[u8; 32],
    key: &ContentKey,
) -> [u8; 40] {
    engine.wrap_key(&seal_key(engine, copy_hash), &key.key)
}

/// Reverses [`seal_content_key`].
pub(crate) fn unseal_content_key(
    engine: &dyn Engine,
    copy_hash: &[u8; 32],
    seal: &[u8; 40],
) -> Result<ContentKey, Mismatch> {
    engine
        .unwrap_key(&seal_key(engine, copy_hash), seal)
        .map(ContentKey::new)
}

fn seal_key(engine: &dyn Engine, copy_hash: &[u8; 32]) -> Key32 {
    // No secret: whoever knows the format can compute it. It binds, it does not hide.
    engine.hkdf_sha256(&Key32::new(*copy_hash), None, b"colophon/title/1/seal")
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    #[test]
    fn every_resource_and_the_commitment_have_keys_of_their_own() {
        let key = ContentKey::new(Key32::new([1; 32]));
        let salt = VersionSalt::from_bytes([2; 16]);
        let resource = |path: &str| {
            let path = EntryPath::parse(path).unwrap();
            *resource_key(&Portable, &key, &salt, &path).expose()
        };
        let committed = commitment(&Portable, &key, &salt);
        let keys = [
            resource("a"),
            resource("b"),
            resource("commitment"),
            committed,
            *key.key.expose(),
        ];
        for (i, a) in keys.iter().enumerate() {
            for (j, b) in keys.iter().enumerate() {
                assert_eq!(a == b, i == j, "{i} {j}");
            }
        }
        assert!(is_committed(&Portable, &key, &salt, &committed));
        // Nor is it where it was asked for another salt first.
        let other = VersionSalt::from_bytes([3; 16]);
        assert!(!is_committed(&Portable, &key, &other, &committed));
        let of_other = commitment(&Portable, &key, &other);
        assert!(is_committed(&Portable, &key, &other, &of_other));
        assert!(!is_committed(&Portable, &key, &salt, &of_other));
        let wrong = ContentKey::new(Key32::new([9; 32]));
        for _ in 0..2 {
            assert!(!is_committed(&Portable, &wrong, &salt, &committed));
        }
    }

    #[test]
    fn everything_of_a_copy_is_in_its_hash() {
        let hash = |level, metadata, validation, bookplate: &[u8]| {
            copy_hash(
                &Portable,
                level,
                &[metadata; 32],
                &[validation; 32],
                bookplate,
            )
        };
        let hashes = [
            hash(Level::IndividuallySealed, 1, 2, b"a"),
            hash(Level::FullyIndividualized, 1, 2, b"a"),
            hash(Level::IndividuallySealed, 3, 2, b"a"),
            hash(Level::IndividuallySealed, 1, 3, b"a"),
            hash(Level::IndividuallySealed, 2, 1, b"a"),
            hash(Level::IndividuallySealed, 1, 2, b"b"),
            hash(Level::SourceSealed, 1, 2, b""),
        ];
        for (i, a) in hashes.iter().enumerate() {
            for (j, b) in hashes.iter().enumerate() {
                assert_eq!(a == b, i == j, "{i} {j}");
            }
        }
    }
}
