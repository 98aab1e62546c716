//! How often rights were used: sealed, so that nobody else reads or writes it, and witnessed, so
//! that an old state is not taken for the newest.
//!
//! The reader keeps counts and witness in two places. Counts put back without their witness are
//! found out by its generation. Both put back together, or both thrown away, are not: a machine
//! that is in somebody's hands has no place that cannot be set back.

use std::collections::BTreeMap;

use colophon_crypto::{AgreementKey, Engine, Key32, equal, frames};
use colophon_title::license::{LicenseId, RightKind};

const PROFILE: &[u8] = b"colophon/repository/1";
const VERSION: u8 = 2;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
/// A license's id, its latest time, and its three counts.
const LICENSE_BYTES: usize = 16 + 8 + 4 * RightKind::ALL.len();

/// Uses of each kind of right, in the order of [`RightKind::ALL`].
pub(crate) type Used = [u32; RightKind::ALL.len()];

/// Counts and their witness as they are kept. Both are empty before anything was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealedCounts {
    /// The counts.
    pub counts: Vec<u8>,
    /// What tells whether these counts are the newest; to be kept in another place, and written
    /// after them.
    pub witness: Vec<u8>,
}

/// Whether what was counted can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Nothing has been counted yet.
    Fresh,
    /// The counts are those last written.
    Kept,
    /// The counts are older than their witness, or one of the two is gone.
    PutBack,
    /// They are not what this repository has written.
    Damaged,
}

impl Standing {
    pub(crate) fn is_reliable(self) -> bool {
        match self {
            Standing::Fresh | Standing::Kept => true,
            Standing::PutBack | Standing::Damaged => false,
        }
    }
}

/// The keys that seal counts: this repository's, on this machine.
pub(crate) struct CountKeys {
    content: Key32,
    nonce: Key32,
    witness: Key32,
}

impl CountKeys {
    pub(crate) fn of(engine: &dyn Engine, own: &AgreementKey, machine_secret: &Key32) -> CountKeys {
        let scalar = own.scalar();
        let key = |name: &[u8]| {
            let info = frames(&[PROFILE, b"counts", name]);
            engine.hkdf_sha256(&scalar, Some(machine_secret.expose()), &info)
        };
        CountKeys {
            content: key(b"content"),
            nonce: key(b"nonce"),
            witness: key(b"witness"),
        }
    }
}

/// What was counted under one license.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How often each right was used.
    pub(crate) used: Used,
    /// The latest time at which a right that ends was used, or its end once it had ended. A clock
    /// set back does not bring a time back. Each license has a time of its own: a clock that ran
    /// ahead for once would else take what all others grant along.
    pub(crate) latest_unix_s: i64,
}

impl Counted {
    /// One more use.
    pub(crate) fn count(&mut self, kind: RightKind) {
        for (of, used) in RightKind::ALL.into_iter().zip(&mut self.used) {
            if of == kind {
                *used = used.saturating_add(1);
            }
        }
    }

    /// A time that has been.
    pub(crate) fn see(&mut self, unix_s: i64) {
        self.latest_unix_s = self.latest_unix_s.max(unix_s);
    }
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    generation: u64,
    licenses: BTreeMap<LicenseId, Counted>,
}

impl Counts {
    /// Opens what the reader kept. Where it cannot be relied on, nothing is known.
    pub(crate) fn open(
        engine: &dyn Engine,
        keys: &CountKeys,
        sealed: &SealedCounts,
    ) -> (Counts, Standing) {
        let nothing = |standing| (Counts::default(), standing);
        let (counts, witness) = (&sealed.counts, &sealed.witness);
        match (counts.is_empty(), witness.is_empty()) {
            (true, true) => nothing(Standing::Fresh),
            (true, false) | (false, true) => nothing(Standing::PutBack),
            (false, false) => {
                let opened = Counts::unseal(engine, keys, counts);
                let Some((counts, witnessed)) = opened.zip(witnessed(engine, keys, witness)) else {
                    return nothing(Standing::Damaged);
                };
                // The witness is written after the counts: where power failed between the two,
                // it is one behind.
                let steps = counts.generation.checked_sub(witnessed);
                if matches!(steps, Some(0 | 1)) {
                    (counts, Standing::Kept)
                } else {
                    nothing(Standing::PutBack)
                }
            }
        }
    }

    /// How often the counts were written.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// What was counted under a license.
    pub(crate) fn under(&self, license: LicenseId) -> Counted {
        self.licenses.get(&license).copied().unwrap_or_default()
    }

    /// The counts after a change under one license.
    pub(crate) fn after(&self, license: LicenseId, change: impl FnOnce(&mut Counted)) -> Counts {
        let mut next = self.clone();
        next.generation = self.generation.saturating_add(1);
        change(next.licenses.entry(license).or_default());
        next
    }

    /// The counts and their witness, to be kept.
    pub(crate) fn seal(&self, engine: &dyn Engine, keys: &CountKeys) -> SealedCounts {
        let mut content = Vec::new();
        content.extend_from_slice(&self.generation.to_be_bytes());
        for (license, counted) in &self.licenses {
            content.extend_from_slice(license.as_bytes());
            content.extend_from_slice(&counted.latest_unix_s.to_be_bytes());
            for used in counted.used {
                content.extend_from_slice(&used.to_be_bytes());
            }
        }
        // The nonce follows from the content: counts that were put back and went on otherwise
        // would else be sealed with one nonce and two contents.
        let mac = engine.hmac_sha256(&keys.nonce, &[&content]);
        let mut nonce = [0; NONCE_BYTES];
        for (to, from) in nonce.iter_mut().zip(mac) {
            *to = from;
        }
        let cipher = engine.aes256_gcm(&keys.content);
        let tag = cipher.seal(&nonce, &[VERSION], &mut content);
        let mut witness = self.generation.to_be_bytes().to_vec();
        witness.extend_from_slice(&engine.hmac_sha256(&keys.witness, &[&witness]));
        SealedCounts {
            counts: [&[VERSION], nonce.as_slice(), &content, &tag].concat(),
            witness,
        }
    }

    fn unseal(engine: &dyn Engine, keys: &CountKeys, sealed: &[u8]) -> Option<Counts> {
        let (version, rest) = sealed.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (content, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut content = content.to_vec();
        let cipher = engine.aes256_gcm(&keys.content);
        cipher.open(nonce, &[*version], &mut content, tag).ok()?;
        let (generation, content) = content.split_first_chunk()?;
        let (records, rest) = content.as_chunks::<LICENSE_BYTES>();
        let mut licenses = BTreeMap::new();
        for record in records {
            let (id, record) = record.split_first_chunk::<16>()?;
            let (latest, numbers) = record.split_first_chunk()?;
            let mut counted = Counted {
                latest_unix_s: i64::from_be_bytes(*latest),
                ..Counted::default()
            };
            for (to, from) in counted.used.iter_mut().zip(numbers.as_chunks().0) {
                *to = u32::from_be_bytes(*from);
            }
            licenses.insert(LicenseId::from_bytes(*id), counted);
        }
        (*version == VERSION && rest.is_empty()).then_some(Counts {
            generation: u64::from_be_bytes(*generation),
            licenses,
        })
    }
}

/// The generation a witness vouches for.
fn witnessed(engine: &dyn Engine, keys: &CountKeys, witness: &[u8]) -> Option<u64> {
    let (generation, mac) = witness.split_first_chunk()?;
    let mac: &[u8; MAC_BYTES] = mac.try_into().ok()?;
    let expected = engine.hmac_sha256(&keys.witness, &[generation]);
    equal(mac, &expected).then_some(u64::from_be_bytes(*generation))
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    const LICENSE: LicenseId = LicenseId::from_bytes([5; 16]);

    fn keys(own: u8, machine: u8) -> CountKeys {
        let own = AgreementKey::from_scalar(&Key32::new([own; 32])).expect("a scalar");
        CountKeys::of(&Portable, &own, &Key32::new([machine; 32]))
    }

    /// What is kept after so many prints.
    fn printed(times: u32) -> Vec<SealedCounts> {
        let mut counts = Counts::default();
        (0..times)
            .map(|_| {
                counts = counts.after(LICENSE, |counted| counted.count(RightKind::Print));
                counts.seal(&Portable, &keys(1, 1))
            })
            .collect()
    }

    #[track_caller]
    fn check(counts: &[u8], witness: &[u8], standing: Standing) {
        let sealed = SealedCounts {
            counts: counts.to_vec(),
            witness: witness.to_vec(),
        };
        let opened = Counts::open(&Portable, &keys(1, 1), &sealed);
        assert_eq!(opened.1, standing);
    }

    #[test]
    fn counts_come_back_as_they_were_written() {
        let mut counts = Counts::default();
        for (license, kind) in [
            (1, RightKind::Copy),
            (2, RightKind::View),
            (1, RightKind::Copy),
        ] {
            let license = LicenseId::from_bytes([license; 16]);
            counts = counts.after(license, |counted| counted.count(kind));
        }
        counts = counts.after(LicenseId::from_bytes([2; 16]), |counted| {
            counted.see(1_000);
            counted.see(-1);
        });
        let sealed = counts.seal(&Portable, &keys(1, 1));
        let opened = Counts::open(&Portable, &keys(1, 1), &sealed);
        assert_eq!(opened, (counts.clone(), Standing::Kept));
        let under = |license| {
            let counted = counts.under(license);
            (counted.used, counted.latest_unix_s)
        };
        assert_eq!(under(LicenseId::from_bytes([1; 16])), ([0, 0, 2], 0));
        assert_eq!(under(LicenseId::from_bytes([2; 16])), ([1, 0, 0], 1_000));
        assert_eq!(under(LICENSE), ([0, 0, 0], 0));
    }

    #[test]
    fn counts_put_back_alone_are_found_out() {
        let kept = printed(4);
        check(&kept[3].counts, &kept[3].witness, Standing::Kept);
        check(&kept[2].counts, &kept[3].witness, Standing::PutBack);
        check(&kept[0].counts, &kept[3].witness, Standing::PutBack);
        check(&[], &kept[3].witness, Standing::PutBack);
        check(&kept[3].counts, &[], Standing::PutBack);
        check(&[], &[], Standing::Fresh);
    }

    #[test]
    fn a_witness_may_be_one_behind_and_no_more() {
        let kept = printed(4);
        check(&kept[3].counts, &kept[2].witness, Standing::Kept);
        check(&kept[3].counts, &kept[1].witness, Standing::PutBack);
    }

    #[test]
    fn no_byte_can_be_changed() {
        let kept = printed(1).remove(0);
        for at in 0..kept.counts.len() {
            let mut counts = kept.counts.clone();
            counts[at] ^= 1;
            check(&counts, &kept.witness, Standing::Damaged);
        }
        for at in 0..kept.witness.len() {
            let mut witness = kept.witness.clone();
            witness[at] ^= 1;
            check(&kept.counts, &witness, Standing::Damaged);
        }
        for length in 1..kept.counts.len() {
            check(&kept.counts[..length], &kept.witness, Standing::Damaged);
        }
    }

    #[test]
    fn other_repositories_and_machines_do_not_read_them() {
        let kept = printed(1).remove(0);
        for other in [keys(2, 1), keys(1, 2)] {
            assert_eq!(Counts::open(&Portable, &other, &kept).1, Standing::Damaged);
        }
    }

    #[test]
    fn one_generation_with_two_contents_has_two_nonces() {
        let counted = |counts: &Counts, kind| counts.after(LICENSE, |counted| counted.count(kind));
        let before = counted(&Counts::default(), RightKind::Print);
        let seal = |kind| counted(&before, kind).seal(&Portable, &keys(1, 1));
        let (one, two) = (seal(RightKind::Print), seal(RightKind::Copy));
        assert_eq!(one.witness, two.witness);
        assert_ne!(one.counts[1..13], two.counts[1..13]);
    }
}
