//! Genuine forms changed at random, the same way each time.

use colophon_crypto::Randomness;

/// Repeatable chance (`splitmix64`).
pub struct Seeded(pub u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

impl Randomness for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// How many changed forms are tried; `COLOPHON_MUTANTS` sets another number.
///
/// # Panics
///
/// If there is no number in it.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a longer run is asked for by the surroundings"
)]
pub fn mutants(usual: usize) -> usize {
    std::env::var("COLOPHON_MUTANTS").map_or(usual, |number| {
        number.parse().expect("a number in COLOPHON_MUTANTS")
    })
}

/// Changes one form in one of several ways, some of which take from another form.
#[must_use]
pub fn mutant(form: &str, other: &str, random: &mut Seeded) -> Vec<u8> {
    let mut bytes = form.as_bytes().to_vec();
    let at = random.below(bytes.len());
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => {
            bytes[at] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                [random.below(64)]
        }
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(..at)),
        5 => bytes.insert(at, b"A.=_ \n"[random.below(6)]),
        6 => {
            // The beginning of one form with the end of another.
            bytes.truncate(at);
            let from = random.below(other.len());
            bytes.extend_from_slice(&other.as_bytes()[from..]);
        }
        _ => {
            // One whole part of one form in the place of another's.
            let mut parts: Vec<&[u8]> = form.as_bytes().split(|b| *b == b'.').collect();
            let others: Vec<&[u8]> = other.as_bytes().split(|b| *b == b'.').collect();
            let part = random.below(parts.len());
            parts[part] = others[random.below(others.len())];
            bytes = parts.join(&b'.');
        }
    }
    bytes
}
