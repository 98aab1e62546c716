//! Bytes put together so that no two different lists give the same string, and compared so
//! that the time taken says nothing.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;

/// Joins `parts` without ambiguity: for each part its length as a big-endian `u64`, then its bytes.
///
/// Digests, message authentication codes and key derivation labels are computed over frames,
/// so that (`ab`, `c`) can never be taken for (`a`, `bc`).
///
/// ```
/// let frames = colophon_crypto::frames(&[b"ab", b""]);
/// assert_eq!(frames, [0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0, 0, 0, 0, 0]);
/// ```
#[must_use]
pub fn frames(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len() + 8).sum();
    let mut out = Vec::with_capacity(length);
    for part in parts {
        out.extend_from_slice(&(part.len() as u64).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Whether `a` and `b` are equal, in a time that depends on their lengths only.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_boundary_changes_the_frames() {
        let lists: [&[&[u8]]; 6] = [
            &[],
            &[b""],
            &[b"", b""],
            &[b"abc"],
            &[b"ab", b"c"],
            &[b"a", b"bc"],
        ];
        for (i, a) in lists.iter().enumerate() {
            for (j, b) in lists.iter().enumerate() {
                assert_eq!(frames(a) == frames(b), i == j, "{i} {j}");
            }
        }
    }

    #[test]
    fn equality_is_that_of_slices() {
        assert!(equal(b"", b""));
        assert!(equal(b"tag", b"tag"));
        assert!(!equal(b"tag", b"tah"));
        assert!(!equal(b"tag", b"ta"));
    }
}
