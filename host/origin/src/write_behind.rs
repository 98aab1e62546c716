//! A file that is written by a thread of its own.
//!
//! Whoever makes a large object computes all the time: a second processor can meanwhile hand the
//! bytes to the kernel, which copies them and finds room for them on the disk. Pieces are written
//! in the order they were handed over, at the offsets they belong to, so that going back to fill in
//! a header waits for nothing. A small object never gets as far as a thread.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;

/// Bytes that are handed over at once.
const PIECE_BYTES: usize = 1 << 20;

/// Pieces on their way to the file at most; a writer that is further ahead waits.
const PIECES_MAX: usize = 4;

/// A file written behind its owner's back. What was written counts only after a
/// [`flush`](Write::flush); once a write has failed, everything fails.
pub(crate) struct WriteBehind {
    file: Arc<File>,
    /// Where the next byte is read or written.
    position: u64,
    /// The bytes right before `position` that are not on their way yet.
    filling: Vec<u8>,
    writer: Option<Writer>,
    start: StartWriter,
    failed: bool,
}

/// How a thread is started for a file.
type StartWriter = fn(Arc<File>) -> io::Result<Writer>;

/// Content of titles is in the buffers: it is left out.
impl fmt::Debug for WriteBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehind")
            .field("file", &self.file)
            .field("position", &self.position)
            .field("filling_bytes", &self.filling.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The thread, and what goes to and fro.
struct Writer {
    pieces: SyncSender<Piece>,
    /// What became of each piece, in order; its buffer comes back to be filled again.
    written: Receiver<io::Result<Vec<u8>>>,
    under_way: usize,
}

struct Piece {
    bytes: Vec<u8>,
    offset: u64,
}

impl WriteBehind {
    /// Begins at the start of `file`.
    pub(crate) fn new(file: File) -> Self {
        Self {
            file: Arc::new(file),
            position: 0,
            filling: Vec::new(),
            writer: None,
            start: Writer::start,
            failed: false,
        }
    }

    /// The file, with everything in it that was written.
    pub(crate) fn settled(&mut self) -> io::Result<&File> {
        self.guarded(Self::settle)?;
        Ok(&self.file)
    }

    /// Does something that may write; after a failure, nothing more is done.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        let done = work(self);
        self.failed = done.is_err();
        done
    }

    /// Sends on what has been gathered, without waiting for it.
    fn hand_over(&mut self) -> io::Result<()> {
        if self.filling.is_empty() {
            return Ok(());
        }
        let offset = self.position.saturating_sub(self.filling.len() as u64);
        if self.writer.is_none() && self.filling.len() >= PIECE_BYTES {
            // Where no thread is to be had, everything is written here, only slower.
            self.writer = (self.start)(Arc::clone(&self.file)).ok();
        }
        let Some(writer) = &mut self.writer else {
            self.file.write_all_at(&self.filling, offset)?;
            self.filling.clear();
            return Ok(());
        };
        let empty = writer.empty_buffer()?;
        let bytes = std::mem::replace(&mut self.filling, empty);
        writer.send(Piece { bytes, offset })
    }

    fn settle(&mut self) -> io::Result<()> {
        self.hand_over()?;
        match &mut self.writer {
            Some(writer) => writer.wait(),
            None => Ok(()),
        }
    }
}

impl Writer {
    fn start(file: Arc<File>) -> io::Result<Self> {
        let (pieces, to_write) = sync_channel::<Piece>(PIECES_MAX);
        let (tell, written) = channel();
        thread::Builder::new()
            .name("staged writer".to_owned())
            .spawn(move || {
                for piece in to_write {
                    let result = file.write_all_at(&piece.bytes, piece.offset);
                    // Nobody listens when the object was given up.
                    if tell.send(result.map(|()| piece.bytes)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            pieces,
            written,
            under_way: 0,
        })
    }

    /// A buffer to fill while others are being written.
    fn empty_buffer(&mut self) -> io::Result<Vec<u8>> {
        if self.under_way < PIECES_MAX {
            return Ok(Vec::with_capacity(PIECE_BYTES));
        }
        let mut buffer = self.next_written()?;
        buffer.clear();
        Ok(buffer)
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        self.pieces.send(piece).map_err(|_| ended())?;
        self.under_way = self.under_way.saturating_add(1);
        Ok(())
    }

    fn next_written(&mut self) -> io::Result<Vec<u8>> {
        let written = self.written.recv().map_err(|_| ended())?;
        self.under_way = self.under_way.saturating_sub(1);
        written
    }

    fn wait(&mut self) -> io::Result<()> {
        while self.under_way > 0 {
            self.next_written()?;
        }
        Ok(())
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that writes has ended")
}

impl Write for WriteBehind {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.guarded(|file| {
            let room = PIECE_BYTES.saturating_sub(file.filling.len());
            let (now, _later) = bytes.split_at(room.min(bytes.len()));
            file.filling.extend_from_slice(now);
            file.position = file.position.saturating_add(now.len() as u64);
            if file.filling.len() >= PIECE_BYTES {
                file.hand_over()?;
            }
            Ok(now.len())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.guarded(Self::settle)
    }
}

impl Read for WriteBehind {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.guarded(Self::settle)?;
        let read = self.file.read_at(buffer, self.position)?;
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for WriteBehind {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => {
                let length = self.settled()?.metadata()?.len();
                length.checked_add_signed(distance)
            }
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        self.guarded(Self::hand_over)?;
        self.position = position;
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write { length: usize, with: u8 },
        SeekTo(u64),
        SeekFromEnd(i64),
        Read(usize),
        Flush,
    }

    fn step() -> impl Strategy<Value = Step> {
        let piece = PIECE_BYTES;
        prop_oneof![
            4 => (prop_oneof![0..300_usize, piece - 2..piece + 2, 2 * piece..6 * piece], any::<u8>())
                .prop_map(|(length, with)| Step::Write { length, with }),
            2 => (0..8_u64 << 20).prop_map(Step::SeekTo),
            1 => (-300_i64..300).prop_map(Step::SeekFromEnd),
            1 => (0..3 * piece).prop_map(Step::Read),
            1 => Just(Step::Flush),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn behaves_as_memory_does(steps in prop::collection::vec(step(), 1..20)) {
            let mut model = Cursor::new(Vec::new());
            let mut file = WriteBehind::new(tempfile::tempfile().unwrap());
            for step in steps {
                match step {
                    Step::Write { length, with } => {
                        model.write_all(&vec![with; length]).unwrap();
                        file.write_all(&vec![with; length]).unwrap();
                    }
                    Step::SeekTo(to) => {
                        model.seek(SeekFrom::Start(to)).unwrap();
                        file.seek(SeekFrom::Start(to)).unwrap();
                    }
                    Step::SeekFromEnd(distance) => {
                        let expected = model.seek(SeekFrom::End(distance)).ok();
                        prop_assert_eq!(file.seek(SeekFrom::End(distance)).ok(), expected);
                    }
                    Step::Read(length) => {
                        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                        Read::by_ref(&mut file).take(length as u64).read_to_end(&mut ours).unwrap();
                        Read::by_ref(&mut model).take(length as u64).read_to_end(&mut theirs).unwrap();
                        prop_assert!(ours == theirs);
                    }
                    Step::Flush => file.flush().unwrap(),
                }
            }
            let mut written = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut written).unwrap();
            prop_assert!(&written == model.get_ref());
        }
    }

    #[test]
    fn content_is_not_in_what_is_printed_of_it() {
        let mut file = WriteBehind::new(tempfile::tempfile().unwrap());
        file.write_all(&[119; 5]).unwrap();
        let printed = format!("{file:?}");
        assert!(printed.contains("filling_bytes: 5"), "{printed}");
        assert!(!printed.contains("119, 119"), "{printed}");
    }

    #[test]
    fn without_a_thread_everything_is_written_all_the_same() {
        let mut file = WriteBehind::new(tempfile::tempfile().unwrap());
        file.start = |_| Err(io::ErrorKind::WouldBlock.into());
        let content: Vec<u8> = (0..PIECE_BYTES as u32).flat_map(u32::to_le_bytes).collect();
        file.write_all(&content).unwrap();
        file.write_all(b"tail").unwrap();
        assert!(file.writer.is_none());
        assert_eq!(
            file.settled().unwrap().metadata().unwrap().len(),
            content.len() as u64 + 4
        );
        let mut written = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut written).unwrap();
        assert!(written == [content.as_slice(), b"tail"].concat());
        let mut file = unwritable();
        file.start = |_| Err(io::ErrorKind::WouldBlock.into());
        assert!(file.write_all(&vec![0; PIECE_BYTES]).is_err());
        assert!(file.flush().is_err());
    }

    fn unwritable() -> WriteBehind {
        WriteBehind::new(File::open("/dev/null").unwrap())
    }

    #[test]
    fn a_small_write_that_fails_is_told_by_flush_and_ever_after() {
        let mut file = unwritable();
        file.write_all(b"small").unwrap();
        assert!(file.flush().is_err());
        assert!(file.write(b"more").is_err());
        assert!(file.settled().is_err());
    }

    #[test]
    fn a_large_write_that_fails_in_the_thread_is_told() {
        // So many are under way without anybody looking back at what became of the first.
        for pieces in 1..=PIECES_MAX {
            let mut file = unwritable();
            file.write_all(&vec![0; pieces * PIECE_BYTES]).unwrap();
            assert!(file.flush().is_err(), "{pieces}");
            assert!(file.write(b"more").is_err(), "{pieces}");
            assert!(file.settled().is_err(), "{pieces}");
        }
        let mut file = unwritable();
        let pieces = vec![0; (PIECES_MAX + 1) * PIECE_BYTES];
        assert!(file.write_all(&pieces).is_err());
        assert!(file.flush().is_err());
    }

    #[test]
    fn a_file_given_up_half_written_leaves_no_thread_waiting() {
        let mut file = WriteBehind::new(tempfile::tempfile().unwrap());
        file.write_all(&vec![7; 3 * PIECE_BYTES]).unwrap();
        let descriptor = Arc::downgrade(&file.file);
        drop(file);
        let (tell, told) = channel();
        thread::spawn(move || {
            while descriptor.upgrade().is_some() {
                thread::yield_now();
            }
            tell.send(())
        });
        let ended = told.recv_timeout(Duration::from_secs(30));
        ended.expect("the thread that writes has let go of the file");
    }
}
