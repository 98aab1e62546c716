//! Deflating and inflating within bounds.

use std::io::{self, Read, Write};

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
