//! Any bytes changed at random, the same way each time: what a fuzzer would begin with.

use std::path::Path;
use std::{fs, io};

use crate::mutants::{Seeded, mutants};

/// The bytes of the files in a folder and in the folders in it, in the order of their paths.
///
/// # Panics
///
/// If a file cannot be read, or there is none.
#[must_use]
pub fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    gather(folder, &mut seeds).expect("the files of the folder");
    assert!(!seeds.is_empty(), "{} is empty", folder.display());
    seeds
}

fn gather(folder: &Path, seeds: &mut Vec<Vec<u8>>) -> io::Result<()> {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    let mut paths: Vec<_> = entries?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, seeds)?;
        } else {
            seeds.push(fs::read(&path)?);
        }
    }
    Ok(())
}

/// Gives every seed to a target, and then so many of them that were changed, some of them more than
/// once. `COLOPHON_MUTANTS` sets another number.
pub fn bend(seeds: &[Vec<u8>], usual: usize, target: impl Fn(&[u8])) {
    seeds.iter().for_each(|seed| target(seed));
    let mut random = Seeded(seeds.len() as u64);
    let mut last = Vec::new();
    for _ in 0..mutants(usual) {
        let from = match random.below(4) {
            0 => &last,
            _ => &seeds[random.below(seeds.len())],
        };
        let other = &seeds[random.below(seeds.len())];
        last = bent(from, other, &mut random);
        target(&last);
    }
}

/// Changes bytes in one of several ways, some of which take from other bytes.
fn bent(bytes: &[u8], other: &[u8], random: &mut Seeded) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return other.to_vec();
    }
    let at = random.below(bytes.len());
    let piece = |from: &[u8], random: &mut Seeded| {
        let begin = random.below(from.len() + 1);
        let rest = &from[begin..];
        rest[..rest.len().min(1 + random.below(64))].to_vec()
    };
    match random.below(8) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b' ', b'<', b'"'][random.below(8)],
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(..at)),
        4 => {
            let to = bytes.len().min(at + 1 + random.below(64));
            bytes.drain(at..to);
        }
        5 => {
            let again = piece(&bytes, random);
            bytes.splice(at..at, again);
        }
        6 => {
            let others = piece(other, random);
            let to = bytes.len().min(at + others.len());
            bytes.splice(at..to, others);
        }
        _ => {
            // The beginning of one with the end of another.
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn seeds_are_changed_in_many_ways_and_the_same_way_each_time() {
        let seeds = [b"<a b=\"1\">one</a>".to_vec(), Vec::new(), vec![0; 100]];
        let run = || {
            let seen = RefCell::new(Vec::new());
            bend(&seeds, 500, |bytes| seen.borrow_mut().push(bytes.to_vec()));
            seen.into_inner()
        };
        let seen = run();
        assert_eq!(seen[..3], seeds);
        assert_eq!(run(), seen);
        let different: BTreeSet<&Vec<u8>> = seen.iter().collect();
        assert!(different.len() > 200, "{}", different.len());
    }
}
