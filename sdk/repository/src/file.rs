//! A title file of which bytes are asked for from outside.

use std::io::{self, Read, Seek, SeekFrom};

/// How much is asked for at once where little is needed, in bytes.
const WINDOW_BYTES: usize = 64 << 10;

/// The most that is asked for at once, in bytes.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Where the bytes come from.
pub trait FileBytes {
    /// The length of the file.
    fn length(&self) -> u64;

    /// The bytes from `offset` on; fewer than `length` only where the file ends.
    ///
    /// # Errors
    ///
    /// Why they cannot be had, in words.
    fn bytes(&self, offset: u64, length: u32) -> Result<Vec<u8>, String>;
}

/// A file read through a window, so that what is small and close together is asked for once.
pub struct WindowedFile<B> {
    bytes: B,
    position: u64,
    window_offset: u64,
    window: Vec<u8>,
}

impl<B: FileBytes> WindowedFile<B> {
    /// The file, at its beginning.
    pub fn new(bytes: B) -> WindowedFile<B> {
        WindowedFile {
            bytes,
            position: 0,
            window_offset: 0,
            window: Vec::new(),
        }
    }

    /// What the window has from the position on.
    fn windowed(&self) -> &[u8] {
        self.position
            .checked_sub(self.window_offset)
            .and_then(|skipped| self.window.get(usize::try_from(skipped).ok()?..))
            .unwrap_or_default()
    }

    fn ask(&self, length: usize) -> io::Result<Vec<u8>> {
        let left = self.bytes.length().saturating_sub(self.position);
        let left = u32::try_from(left).unwrap_or(u32::MAX);
        let length = u32::try_from(length.min(REQUEST_BYTES_MAX)).unwrap_or(u32::MAX);
        let wanted = length.min(left);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let bytes = self.bytes.bytes(self.position, wanted);
        let bytes = bytes.map_err(io::Error::other)?;
        if bytes.is_empty() || bytes.len() > wanted as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

impl<B: FileBytes> Read for WindowedFile<B> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.windowed().is_empty() {
            if out.len() >= WINDOW_BYTES {
                let given = self.ask(out.len())?.as_slice().read(out)?;
                self.position += given as u64;
                return Ok(given);
            }
            self.window = self.ask(WINDOW_BYTES)?;
            self.window_offset = self.position;
        }
        let given = self.windowed().read(out)?;
        self.position += given as u64;
        Ok(given)
    }
}

impl<B: FileBytes> Seek for WindowedFile<B> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.bytes.length().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Numbered bytes, which count how often they are asked for.
    struct Numbered<'c> {
        length: u64,
        asked: &'c Cell<u32>,
    }

    impl FileBytes for Numbered<'_> {
        fn length(&self) -> u64 {
            self.length
        }

        fn bytes(&self, offset: u64, length: u32) -> Result<Vec<u8>, String> {
            self.asked.set(self.asked.get() + 1);
            let until = (offset + u64::from(length)).min(self.length);
            Ok((offset..until).map(|at| (at % 251) as u8).collect())
        }
    }

    #[track_caller]
    fn check(file: &mut WindowedFile<Numbered<'_>>, offset: u64, length: usize) {
        let mut out = vec![0; length];
        file.seek(SeekFrom::Start(offset)).expect("a position");
        file.read_exact(&mut out).expect("bytes");
        let expected: Vec<u8> = (offset..).take(length).map(|at| (at % 251) as u8).collect();
        assert_eq!(out, expected, "{length} at {offset}");
    }

    #[test]
    fn reads_are_those_of_the_file_at_any_position() {
        let asked = Cell::new(0);
        let length = 5 << 20;
        let mut file = WindowedFile::new(Numbered {
            length,
            asked: &asked,
        });
        for offset in [
            0,
            1,
            65_535,
            65_536,
            70_000,
            3,
            length - 1,
            length - 70_000,
            1 << 20,
        ] {
            for size in [1, 100, 65_535, 65_536, 200_000, 3 << 20] {
                if offset + size as u64 <= length {
                    check(&mut file, offset, size);
                }
            }
        }
        file.seek(SeekFrom::End(0)).expect("the end");
        assert_eq!(file.read(&mut [0; 9]).expect("the end"), 0);
        file.seek(SeekFrom::Start(length + 9)).expect("beyond");
        assert_eq!(file.read(&mut [0; 9]).expect("the end"), 0);
    }

    #[test]
    fn neighbors_are_asked_for_once() {
        let asked = Cell::new(0);
        let length = 1 << 20;
        let mut file = WindowedFile::new(Numbered {
            length,
            asked: &asked,
        });
        for offset in (0..60_000).step_by(100) {
            check(&mut file, offset, 30);
        }
        assert_eq!(asked.get(), 1);
    }

    /// Gives nothing, or too much.
    struct Liar(usize);

    impl FileBytes for Liar {
        fn length(&self) -> u64 {
            100
        }

        fn bytes(&self, _: u64, _: u32) -> Result<Vec<u8>, String> {
            Ok(vec![0; self.0])
        }
    }

    #[test]
    fn what_was_not_asked_for_is_not_taken() {
        for given in [0, 101] {
            assert!(WindowedFile::new(Liar(given)).read(&mut [0; 9]).is_err());
        }
    }
}
