//! Deflating and inflating within bounds.

use std::io::{self, Read, Write};
use std::num::NonZeroU64;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Decompress, FlushDecompress, Status};

/// How much is inflated at a time, in bytes.
const PIECE: usize = 1 << 16;

/// Why something did not inflate.
#[derive(Debug)]
pub(crate) enum InflateError {
    /// Not a deflate stream of exactly these bytes and exactly this size.
    Malformed,
    /// The sink failed.
    Sink(io::Error),
}

/// Inflates all of `deflated`, which must give exactly `size` bytes, piece by piece.
pub(crate) fn inflate(
    deflated: &[u8],
    size: u64,
    sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), InflateError> {
    let mut inflater = Decompress::new(false);
    let mut piece = vec![0; PIECE];
    loop {
        let (before_in, before_out) = (inflater.total_in(), inflater.total_out());
        // What was taken so far is never more than there is.
        let rest = deflated.get(before_in as usize..).unwrap_or_default();
        let status = inflater
            .decompress(rest, &mut piece, FlushDecompress::None)
            .map_err(|_| InflateError::Malformed)?;
        let given = (inflater.total_out() - before_out) as usize;
        if inflater.total_out() > size {
            return Err(InflateError::Malformed);
        }
        sink(piece.get(..given).unwrap_or_default()).map_err(InflateError::Sink)?;
        let stuck = given == 0 && inflater.total_in() == before_in;
        match status {
            Status::StreamEnd => break,
            Status::Ok | Status::BufError if stuck => return Err(InflateError::Malformed),
            Status::Ok | Status::BufError => {}
        }
    }
    let whole = inflater.total_in() == deflated.len() as u64 && inflater.total_out() == size;
    if whole {
        Ok(())
    } else {
        Err(InflateError::Malformed)
    }
}

/// Content that was deflated, with what an archive must know of it.
#[derive(Debug)]
pub(crate) struct Deflated {
    pub(crate) bytes: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) crc32: u32,
}

/// Deflates what `content` gives; none if that takes more than `bytes_max`. No more than that
/// is held in memory.
pub(crate) fn deflate(content: &mut dyn Read, bytes_max: usize) -> io::Result<Option<Deflated>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let mut crc32 = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE];
    let mut size = 0;
    loop {
        let given = match content.read(&mut piece) {
            Ok(0) => break,
            Ok(given) => given,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = piece.get(..given).unwrap_or_default();
        crc32.update(bytes);
        size += given as u64;
        encoder.write_all(bytes)?;
        if encoder.get_ref().len() > bytes_max {
            return Ok(None);
        }
    }
    let bytes = encoder.finish()?;
    let fits = bytes.len() <= bytes_max;
    Ok(fits.then(|| Deflated {
        bytes,
        size,
        crc32: crc32.finalize(),
    }))
}

/// Deflates small content into about the shortest stream there is, slowly.
pub(crate) fn deflate_thoroughly(content: &[u8]) -> io::Result<Vec<u8>> {
    // More rounds were measured to take longer and to gain almost nothing.
    let options = zopfli::Options {
        iteration_count: const { NonZeroU64::new(5).unwrap() },
        ..zopfli::Options::default()
    };
    let mut deflated = Vec::new();
    zopfli::compress(options, zopfli::Format::Deflate, content, &mut deflated)?;
    Ok(deflated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn inflated(deflated: &[u8], size: u64) -> Option<Vec<u8>> {
        let mut content = Vec::new();
        let mut collect = |piece: &[u8]| {
            content.extend_from_slice(piece);
            Ok(())
        };
        inflate(deflated, size, &mut collect)
            .is_ok()
            .then_some(content)
    }

    #[test]
    fn nothing_may_follow_or_lack() {
        let content = b"It was a dark and stormy night.".repeat(5000);
        let size = content.len() as u64;
        let deflated = deflate(&mut content.as_slice(), usize::MAX)
            .unwrap()
            .unwrap();
        assert_eq!(
            (deflated.size, deflated.crc32),
            (size, crc32fast::hash(&content))
        );
        assert_eq!(inflated(&deflated.bytes, size), Some(content));
        assert_eq!(inflated(&deflated.bytes, size - 1), None);
        assert_eq!(inflated(&deflated.bytes, size + 1), None);
        assert_eq!(
            inflated(&[deflated.bytes.as_slice(), &[0]].concat(), size),
            None
        );
        assert_eq!(
            inflated(&deflated.bytes[..deflated.bytes.len() - 1], size),
            None
        );
        assert_eq!(inflated(&[], 0), None);
    }

    #[test]
    fn deflating_stops_where_it_takes_too_much() {
        let content: Vec<u8> = (0..100_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        assert!(deflate(&mut content.as_slice(), 1000).unwrap().is_none());
        assert!(deflate(&mut &b""[..], 1).unwrap().is_none());
        assert_eq!(deflate(&mut &b""[..], 2).unwrap().unwrap().size, 0);
    }

    proptest! {
        #[test]
        fn what_is_deflated_is_inflated(content in prop::collection::vec(0_u8..9, 0..3000)) {
            let deflated = deflate(&mut content.as_slice(), usize::MAX).unwrap().unwrap();
            prop_assert_eq!(inflated(&deflated.bytes, content.len() as u64), Some(content));
        }

        #[test]
        fn what_is_deflated_thoroughly_is_inflated(
            content in prop::collection::vec(0_u8..9, 0..3000),
        ) {
            let deflated = deflate_thoroughly(&content).unwrap();
            prop_assert_eq!(inflated(&deflated, content.len() as u64), Some(content));
        }

        #[test]
        fn any_bytes_inflate_or_do_not(
            deflated in prop::collection::vec(any::<u8>(), 0..300),
            size in 0_u64..100_000,
        ) {
            if let Some(content) = inflated(&deflated, size) {
                prop_assert_eq!(content.len() as u64, size);
            }
        }
    }
}
