//! Large entries: encrypted in segments, so that any part of one can be read and checked
//! without the rest.
//!
//! Stored are 7 random bytes, then the segments: 64 KiB of content each, the last one maybe
//! shorter, and each with its tag after it. The nonce of a segment says its place and whether
//! it is the last (Hoang, Reyhanitabar, Rogaway and Vizár's STREAM), so segments cannot be
//! moved, and an entry cannot be cut off or extended.

use colophon_crypto::{Aead, Engine, Key32, Mismatch};

/// Content of a segment, in bytes.
pub(crate) const SEGMENT: usize = 1 << 16;
/// The tag after each segment, in bytes.
pub(crate) const TAG: usize = 16;
/// The random bytes in front of the segments.
pub(crate) const NONCE_PREFIX: usize = 7;

/// How an entry of a given size is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    size: u64,
    count: u64,
}

/// One segment's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) index: u32,
    /// Length of its content, in bytes.
    pub(crate) length: usize,
    pub(crate) last: bool,
}

impl Segments {
    /// The division of `size` bytes; none where the index would not fit into the nonce.
    pub(crate) fn of(size: u64) -> Option<Segments> {
        let count = size.div_ceil(SEGMENT as u64).max(1);
        (count <= 1 << 32).then_some(Segments { size, count })
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Length of the entry as stored, in bytes.
    pub(crate) fn stored_length(&self) -> u64 {
        self.size + NONCE_PREFIX as u64 + self.count * TAG as u64
    }

    /// The segment at `index`, which must be below [`Segments::count`].
    pub(crate) fn segment(&self, index: u64) -> Segment {
        let left = self
            .size
            .saturating_sub(index.saturating_mul(SEGMENT as u64));
        Segment {
            index: index as u32,
            length: left.min(SEGMENT as u64) as usize,
            last: index + 1 == self.count,
        }
    }

    pub(crate) fn last(&self) -> Segment {
        self.segment(self.count - 1)
    }

    pub(crate) fn all(self) -> impl Iterator<Item = Segment> {
        (0..self.count).map(move |index| self.segment(index))
    }
}

impl Segment {
    /// Where the segment begins within the stored entry.
    pub(crate) fn stored_offset(&self) -> u64 {
        NONCE_PREFIX as u64 + u64::from(self.index) * (SEGMENT + TAG) as u64
    }

    /// What precedes the segment in what its digest is over: the first segment answers for
    /// the random bytes as well.
    pub(crate) fn digest_prefix<'p>(&self, nonce_prefix: &'p [u8; NONCE_PREFIX]) -> &'p [u8] {
        if self.index == 0 { nonce_prefix } else { &[] }
    }
}

/// Encrypts and decrypts the segments of one entry.
pub(crate) struct SegmentCipher {
    aead: Box<dyn Aead>,
    nonce_prefix: [u8; NONCE_PREFIX],
}

impl SegmentCipher {
    pub(crate) fn new(
        engine: &dyn Engine,
        key: &Key32,
        nonce_prefix: [u8; NONCE_PREFIX],
    ) -> SegmentCipher {
        SegmentCipher {
            aead: engine.aes256_gcm(key),
            nonce_prefix,
        }
    }

    pub(crate) fn nonce_prefix(&self) -> &[u8; NONCE_PREFIX] {
        &self.nonce_prefix
    }

    pub(crate) fn seal(&self, segment: Segment, content: &mut [u8]) -> [u8; TAG] {
        self.aead.seal(&self.nonce(segment), &[], content)
    }

    pub(crate) fn open(
        &self,
        segment: Segment,
        content: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Mismatch> {
        self.aead.open(&self.nonce(segment), &[], content, tag)
    }

    fn nonce(&self, segment: Segment) -> [u8; 12] {
        let [a, b, c, d, e, f, g] = self.nonce_prefix;
        let [h, i, j, k] = segment.index.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, segment.last.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_divide_as_specified() {
        let check = |size: u64, count: u64, last: usize| {
            let segments = Segments::of(size).expect("few enough segments");
            assert_eq!(segments.count(), count, "{size}");
            assert_eq!(segments.stored_length(), size + 7 + 16 * count, "{size}");
            assert_eq!(segments.last().length, last, "{size}");
            assert!(segments.last().last);
            let end = segments.last().stored_offset() + last as u64 + TAG as u64;
            assert_eq!(end, segments.stored_length(), "{size}");
        };
        check(0, 1, 0);
        check(1, 1, 1);
        check(65_535, 1, 65_535);
        check(65_536, 1, 65_536);
        check(65_537, 2, 1);
        check(131_072, 2, 65_536);
        check(1 << 40, 1 << 24, 65_536);
        check(1 << 48, 1 << 32, 65_536);
        assert_eq!(Segments::of((1 << 48) + 1), None);
    }
}
