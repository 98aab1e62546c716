//! What is known about a machine, and when two are the same.

use colophon_claims::InvalidId;
use colophon_crypto::Engine;

use super::fact::{FactDigest, FactKind, FactSalt};

/// With fewer facts than this a machine cannot be told from others.
pub const FACTS_KNOWN_MIN: usize = 3;

/// The largest number of differences between two states of one machine.
const DIFFERENCES_MAX: usize = 1;

/// Why something does not describe a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFacts {
    /// The text is longer than [`FACTS_BYTES_MAX`](super::FACTS_BYTES_MAX).
    #[error("longer than {} bytes", super::FACTS_BYTES_MAX)]
    TooLong,
    /// The text is no JSON object of strings and integers.
    #[error("the facts are no JSON object of strings and integers")]
    Form,
    /// A member that is not in the specification.
    #[error("there is no fact {0:?} in version 1")]
    Unknown(String),
    /// A fact, or the version, that is there twice.
    #[error("{0:?} is there twice")]
    Duplicate(&'static str),
    /// The member `v` is not there, or not 1.
    #[error("the facts are not of version 1")]
    Version,
    /// A digest that is not 32 bytes in base64url.
    #[error("the digest of {name:?} is invalid")]
    Digest {
        /// The kind of the fact.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: InvalidId,
    },
    /// Fewer facts than [`FACTS_KNOWN_MIN`]: too few to tell the machine from others.
    #[error(
        "{known} facts are known about this machine, and {FACTS_KNOWN_MIN} at least are needed"
    )]
    TooFew {
        /// How many are known.
        known: usize,
    },
}

impl InvalidFacts {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            InvalidFacts::TooLong => "too-long",
            InvalidFacts::Form => "facts-form",
            InvalidFacts::Unknown(_) => "fact-unknown",
            InvalidFacts::Duplicate(_) => "fact-duplicate",
            InvalidFacts::Version => "facts-version",
            InvalidFacts::Digest { .. } => "fact-digest",
            InvalidFacts::TooFew { .. } => "too-few-facts",
        }
    }
}

/// The digests of what is known about a machine: at most one of each kind, and
/// [`FACTS_KNOWN_MIN`] at least.
///
/// ```
/// use colophon_activation::{FactKind, FactSalt, MachineFacts};
/// use colophon_crypto::Portable;
///
/// let salt = FactSalt::from_bytes([7; 16]);
/// let facts = |disk: &str, host_name: &str| {
///     let values = [
///         (FactKind::System, "8a7d3c"),
///         (FactKind::Disk, disk),
///         (FactKind::NetworkCard, "52:54:00:a1:b2:c3"),
///         (FactKind::HostName, host_name),
///     ];
///     MachineFacts::read(&Portable, &salt, values)
/// };
/// let registered = facts("S3Z9", "desk")?;
/// assert!(registered.is_same_machine(&facts("S3Z9", "renamed")?));
/// assert!(!registered.is_same_machine(&facts("A-NEW-ONE", "renamed")?));
/// # Ok::<(), colophon_activation::InvalidFacts>(())
/// ```
// In the order of `FactKind::ALL`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MachineFacts([Option<FactDigest>; FactKind::ALL.len()]);

impl MachineFacts {
    /// Digests what a machine states about itself. Values that say nothing count as unknown.
    ///
    /// # Errors
    ///
    /// [`InvalidFacts`] if a kind is there twice, or too few are known.
    pub fn read<'v>(
        engine: &dyn Engine,
        salt: &FactSalt,
        values: impl IntoIterator<Item = (FactKind, &'v str)>,
    ) -> Result<MachineFacts, InvalidFacts> {
        let digest = |(kind, value)| Some((kind, FactDigest::of(engine, salt, kind, value)?));
        MachineFacts::new(values.into_iter().filter_map(digest))
    }

    /// The facts with these digests, in any order.
    ///
    /// # Errors
    ///
    /// [`InvalidFacts`] if a kind is there twice, or too few are known.
    pub fn new(
        digests: impl IntoIterator<Item = (FactKind, FactDigest)>,
    ) -> Result<MachineFacts, InvalidFacts> {
        let mut facts = MachineFacts([None; FactKind::ALL.len()]);
        for (kind, digest) in digests {
            let places = FactKind::ALL.iter().zip(&mut facts.0);
            for (_, place) in places.filter(|(of, _)| **of == kind) {
                if place.replace(digest).is_some() {
                    return Err(InvalidFacts::Duplicate(kind.name()));
                }
            }
        }
        match facts.known().count() {
            known if known < FACTS_KNOWN_MIN => Err(InvalidFacts::TooFew { known }),
            _ => Ok(facts),
        }
    }

    /// The facts that are known, in the order of [`FactKind::ALL`].
    pub fn known(&self) -> impl Iterator<Item = (FactKind, &FactDigest)> {
        self.all()
            .filter_map(|(kind, digest)| Some((kind, digest?)))
    }

    /// Every kind, with its digest where that is known.
    pub(crate) fn all(&self) -> impl Iterator<Item = (FactKind, Option<&FactDigest>)> {
        FactKind::ALL
            .into_iter()
            .zip(self.0.iter().map(Option::as_ref))
    }

    /// In how many kinds the two differ. A fact known on one side only is a difference, one
    /// unknown on both is none.
    #[must_use]
    pub fn differences(&self, other: &MachineFacts) -> usize {
        let pairs = self.0.iter().zip(&other.0);
        pairs.filter(|(one, two)| one != two).count()
    }

    /// Whether both describe one machine: at most one fact differs. Two copies of one virtual
    /// machine differ in none, and are therefore taken for the same.
    #[must_use]
    pub fn is_same_machine(&self, other: &MachineFacts) -> bool {
        self.differences(other) <= DIFFERENCES_MAX
    }

    /// Which of the machines known these facts belong to, if any: one that differs in nothing,
    /// else the first that is still the same. Pass the most recently registered ones first; each
    /// comes with what the caller knows it by.
    #[must_use]
    pub fn closest<'a, K>(
        &self,
        known: impl IntoIterator<Item = (K, &'a MachineFacts)>,
    ) -> Option<K> {
        let mut changed = None;
        for (machine, facts) in known {
            match self.differences(facts) {
                0 => return Some(machine),
                1..=DIFFERENCES_MAX if changed.is_none() => changed = Some(machine),
                _ => {}
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter per kind, in their order; `-` is unknown.
    fn facts(letters: &str) -> Result<MachineFacts, InvalidFacts> {
        let digest = |letter: u8| FactDigest::from_bytes([letter; 32]);
        let digests = FactKind::ALL.into_iter().zip(letters.bytes());
        MachineFacts::new(
            digests
                .filter(|(_, letter)| *letter != b'-')
                .map(|(kind, letter)| (kind, digest(letter))),
        )
    }

    #[track_caller]
    fn check(one: &str, two: &str, differences: usize) {
        let (one, two) = (facts(one).expect("facts"), facts(two).expect("facts"));
        assert_eq!(one.differences(&two), differences);
        assert_eq!(two.differences(&one), differences);
        assert_eq!(one.is_same_machine(&two), differences <= 1);
    }

    #[test]
    fn differences_are_counted_by_kind() {
        check("abcdef", "abcdef", 0);
        check("abcdef", "abcxef", 1);
        check("abcdef", "abcxyf", 2);
        check("abcdef", "abcde-", 1);
        check("abcdef", "abcd--", 2);
        check("abcd--", "abcd--", 0);
        check("abcd-f", "abcde-", 2);
        check("abc---", "---def", 6);
        check("abcdef", "fedcba", 6);
    }

    #[test]
    fn too_few_facts_are_refused_with_their_number() {
        for (letters, known) in [("------", 0), ("a-----", 1), ("a---e-", 2)] {
            assert_eq!(facts(letters), Err(InvalidFacts::TooFew { known }));
        }
        assert!(facts("a-c-e-").is_ok());
    }

    #[test]
    fn a_kind_is_there_once() {
        let twice = [(FactKind::Disk, FactDigest::from_bytes([1; 32])); 2];
        assert_eq!(
            MachineFacts::new(twice),
            Err(InvalidFacts::Duplicate("disk"))
        );
    }

    #[track_caller]
    fn check_closest(machine: &str, known: &[&str], expected: Option<usize>) {
        let machine = facts(machine).expect("facts");
        let known: Vec<_> = known
            .iter()
            .map(|letters| facts(letters).expect("facts"))
            .collect();
        assert_eq!(machine.closest(known.iter().enumerate()), expected);
    }

    #[test]
    fn an_exact_match_comes_before_a_recent_one() {
        check_closest("abcdef", &[], None);
        check_closest("abcdef", &["abcdxy", "uvwxyz"], None);
        check_closest("abcdef", &["abcdex", "abcdef"], Some(1));
        check_closest("abcdef", &["abcdxy", "abcdex", "xbcdef"], Some(1));
        check_closest("abcdef", &["abcdef", "abcdef"], Some(0));
    }
}
