//! Which roots a secure repository believes licenses under.
//!
//! A reader tells its repository which roots to believe, and a reader can be manipulated. So a
//! repository is made with the digests of the roots that the activation service believes, and
//! passes over every other root it is told of. The digests travel in the repository itself,
//! sealed with its own key: whoever wants to put others in their place needs that key first.

use std::collections::BTreeSet;

use colophon_crypto::{AgreementKey, Engine, Key32, Mismatch, frames};

use crate::PROFILE;

/// The most roots a repository is made with.
pub const PINNED_ROOTS_MAX: usize = 64;

/// The length of sealed roots in bytes, however many there are.
pub const SEALED_ROOTS_BYTES: usize = CONTENT_BYTES + TAG_BYTES;

const DIGEST_BYTES: usize = 32;
const CONTENT_BYTES: usize = 1 + PINNED_ROOTS_MAX * DIGEST_BYTES;
const TAG_BYTES: usize = 16;

/// A repository's key is its alone, and seals one list of roots.
const NONCE: [u8; 12] = [0; 12];

/// The roots that licenses are believed under, each by the SHA-256 of its certificate in DER:
/// at least one and at most [`PINNED_ROOTS_MAX`], none twice, in order.
///
/// ```
/// use colophon_activation::{InvalidPinnedRoots, PinnedRoots};
/// let roots = PinnedRoots::new([[2; 32], [1; 32], [2; 32]])?;
/// assert!(roots.iter().eq([[1; 32], [2; 32]]));
/// assert_eq!(PinnedRoots::new([]), Err(InvalidPinnedRoots::None));
/// # Ok::<(), InvalidPinnedRoots>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedRoots(BTreeSet<[u8; DIGEST_BYTES]>);

/// Roots that no repository is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPinnedRoots {
    /// Under no root nothing is believed.
    #[error("no root to believe licenses under")]
    None,
    /// More than a repository has room for.
    #[error("{0} roots to believe licenses under, of at most {PINNED_ROOTS_MAX}")]
    TooMany(usize),
}

impl PinnedRoots {
    /// The roots with these digests.
    ///
    /// # Errors
    ///
    /// [`InvalidPinnedRoots`], see its variants.
    pub fn new(
        sha256s: impl IntoIterator<Item = [u8; DIGEST_BYTES]>,
    ) -> Result<PinnedRoots, InvalidPinnedRoots> {
        let roots: BTreeSet<_> = sha256s.into_iter().collect();
        match roots.len() {
            0 => Err(InvalidPinnedRoots::None),
            1..=PINNED_ROOTS_MAX => Ok(PinnedRoots(roots)),
            more => Err(InvalidPinnedRoots::TooMany(more)),
        }
    }

    /// The digests, in order.
    pub fn iter(&self) -> impl Iterator<Item = [u8; DIGEST_BYTES]> {
        self.0.iter().copied()
    }

    /// Seals them with a repository's own key, which must not seal any others.
    #[must_use]
    pub fn seal(&self, engine: &dyn Engine, repository: &AgreementKey) -> Vec<u8> {
        let count = u8::try_from(self.0.len()).unwrap_or(u8::MAX);
        let mut content = vec![count];
        content.extend(self.0.iter().flatten());
        content.resize(CONTENT_BYTES, 0);
        let cipher = engine.aes256_gcm(&sealing_key(engine, repository));
        let tag = cipher.seal(&NONCE, &[], &mut content);
        content.extend_from_slice(&tag);
        content
    }

    /// Opens what [`PinnedRoots::seal`] has sealed with the same key.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if it is anything else.
    pub fn open(
        engine: &dyn Engine,
        repository: &AgreementKey,
        sealed: &[u8],
    ) -> Result<PinnedRoots, Mismatch> {
        let (content, tag) = sealed.split_last_chunk().ok_or(Mismatch)?;
        let mut content = content.to_vec();
        let cipher = engine.aes256_gcm(&sealing_key(engine, repository));
        cipher.open(&NONCE, &[], &mut content, tag)?;
        let (count, digests) = content.split_first().ok_or(Mismatch)?;
        let (digests, _) = digests.as_chunks();
        let digests = digests.get(..usize::from(*count)).ok_or(Mismatch)?;
        PinnedRoots::new(digests.iter().copied()).map_err(|_| Mismatch)
    }
}

fn sealing_key(engine: &dyn Engine, repository: &AgreementKey) -> Key32 {
    let info = frames(&[PROFILE.as_bytes(), b"pinned-roots"]);
    engine.hkdf_sha256(&repository.scalar(), None, &info)
}

#[cfg(test)]
mod tests {
    use colophon_crypto::{Portable, Randomness};

    use super::*;

    struct Fixed(u8);

    impl Randomness for Fixed {
        fn fill(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }
    }

    fn key(seed: u8) -> AgreementKey {
        AgreementKey::generate(&mut Fixed(seed))
    }

    fn roots(count: u8) -> PinnedRoots {
        PinnedRoots::new((0..count).map(|number| [number; 32])).expect("roots")
    }

    #[test]
    fn they_come_out_as_they_went_in_and_their_number_does_not_show() {
        for count in [1, 2, 63, 64] {
            let sealed = roots(count).seal(&Portable, &key(1));
            assert_eq!(sealed.len(), SEALED_ROOTS_BYTES);
            let opened = PinnedRoots::open(&Portable, &key(1), &sealed);
            assert_eq!(opened, Ok(roots(count)));
        }
    }

    #[test]
    fn none_and_too_many_are_no_roots() {
        assert_eq!(PinnedRoots::new([]), Err(InvalidPinnedRoots::None));
        let many = |count: u8| PinnedRoots::new((0..count).map(|number| [number; 32]));
        assert_eq!(many(65), Err(InvalidPinnedRoots::TooMany(65)));
        // One that is named twice is one.
        let twice = (0..=255).map(|number| [number % 64; 32]);
        assert_eq!(PinnedRoots::new(twice), Ok(roots(64)));
    }

    #[test]
    fn another_key_and_any_changed_byte_open_nothing() {
        let sealed = roots(3).seal(&Portable, &key(1));
        let opens =
            |key: &AgreementKey, sealed: &[u8]| PinnedRoots::open(&Portable, key, sealed).is_ok();
        assert!(opens(&key(1), &sealed));
        assert!(!opens(&key(2), &sealed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(!opens(&key(1), &changed), "byte {at}");
        }
        for cut in [0, 15, 16, 17, sealed.len() - 1] {
            assert!(!opens(&key(1), &sealed[..cut]), "{cut} bytes");
        }
        // As a template has it.
        assert!(!opens(&key(1), &[0; SEALED_ROOTS_BYTES]));
    }
}
