//! Large media: read in segments, none of which is given out before it was checked.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::LazyLock;

use colophon_crypto::Randomness;
use colophon_reader::repository::{ProtectedTitle, Repository, RepositoryFailure};
use colophon_title::EntryPath;
use colophon_title::container::{Directory, EntryRecord};
use colophon_title::license::RightKind;

use crate::support::shop::{Version, to_view};
use crate::support::{Made, Seeded, compiled, counts, now, open, usual};

const NAME: &str = "content/film.mp4";
const LIST: &str = "META-INF/colophon/digests/1";
const SEGMENT: usize = 65_536;
/// A segment as it is stored, with its tag.
const STORED_SEGMENT: usize = SEGMENT + 16;
/// The random bytes in front of the first segment.
const RANDOM: usize = 7;
/// 18 segments, the last one of 1000 bytes.
const SIZE: usize = 17 * SEGMENT + 1000;

static FILM: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut film = vec![0; SIZE];
    Seeded::new("film").fill(&mut film);
    let head = b"\0\0\0\x18ftypmp42";
    film[..head.len()].copy_from_slice(head);
    film
});

static COPY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    Version::of(FILM.clone(), "video/mp4", "film.mp4").copy(&[to_view()], &[], "t")
});

fn path() -> EntryPath {
    EntryPath::parse(NAME).expect("a path")
}

/// A repository, with where its counts are kept.
struct Desk {
    made: Made,
    repository: Repository,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let made = usual();
        Desk {
            repository: compiled(&made.individual),
            folder: tempfile::tempdir().expect("a folder"),
            made,
        }
    }

    /// The title of a copy, after the right to view it was used.
    fn viewing(&self, copy: &[u8]) -> ProtectedTitle {
        let counts = counts(self.folder.path());
        let title = open(&self.repository, &self.made.device, counts, copy);
        let mut title = title.expect("a title");
        title.exercise(RightKind::View, &now()).expect("a view");
        title
    }
}

fn range(title: &mut ProtectedTitle, offset: usize, length: usize) -> io::Result<Vec<u8>> {
    let mut reader = title.entry_reader(&path()).expect("an entry");
    reader
        .seek(SeekFrom::Start(offset as u64))
        .expect("a position");
    let mut content = vec![0; length];
    reader.read_exact(&mut content)?;
    Ok(content)
}

fn whole(title: &mut ProtectedTitle) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut reader = title.entry_reader(&path()).expect("an entry");
    reader.read_to_end(&mut content)?;
    Ok(content)
}

/// Why content is not given out.
#[track_caller]
fn refusal(read: io::Result<Vec<u8>>) -> String {
    let error = read.expect_err("a refusal");
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    let failure: &RepositoryFailure = inside.expect("a failure of the repository");
    failure.reason().to_owned()
}

#[test]
fn a_film_is_read_whole_and_in_ranges_across_segments() {
    let desk = Desk::new();
    let title = &mut desk.viewing(&COPY);
    assert_eq!(title.described().entries, [(path(), SIZE as u64)]);
    assert!(whole(title).expect("content") == *FILM);
    let ranges = [
        (0, 1),
        (SEGMENT - 1, 2),
        (SEGMENT, SEGMENT),
        (SEGMENT - 10, 3 * SEGMENT),
        (16 * SEGMENT + 5, SEGMENT + 995),
        (17 * SEGMENT - 1, 1001),
        (SIZE - 1, 1),
        // Back again, and more at once than is given out at once.
        (3, SIZE - 3),
    ];
    for (offset, length) in ranges {
        let found = range(title, offset, length).expect("content");
        assert!(
            found == FILM[offset..offset + length],
            "{length} at {offset}"
        );
    }
    for offset in [SIZE, SIZE + 1, SIZE + SEGMENT] {
        let found = range(title, offset, 1);
        let kind = found.expect_err("the end").kind();
        assert_eq!(kind, io::ErrorKind::UnexpectedEof, "{offset}");
    }
}

fn record(name: &str) -> EntryRecord {
    let directory = Directory::read(&mut Cursor::new(&*COPY)).expect("a container");
    let mut entries = directory.entries.into_iter();
    let found = entries.find(|entry| entry.path.as_str() == name);
    found.expect("an entry")
}

/// The copy with one byte of an entry's stored bytes changed.
fn changed(name: &str, at: usize) -> Vec<u8> {
    let record = record(name);
    assert!((at as u64) < record.stored);
    let mut copy = COPY.clone();
    copy[record.data_offset() as usize + at] ^= 1;
    copy
}

#[test]
fn a_changed_byte_spoils_its_segment_and_no_other() {
    let desk = Desk::new();
    let in_segment = |segment: usize, at: usize| RANDOM + segment * STORED_SEGMENT + at;
    for (segment, at) in [(0, 0), (9, 500), (9, SEGMENT), (16, STORED_SEGMENT - 1)] {
        let title = &mut desk.viewing(&changed(NAME, in_segment(segment, at)));
        let place = segment * SEGMENT;
        assert_eq!(refusal(whole(title)), "digest", "{segment} {at}");
        assert_eq!(refusal(range(title, place, 1)), "digest", "{segment} {at}");
        let across = range(title, (place + SEGMENT).saturating_sub(1), 2);
        assert_eq!(refusal(across), "digest", "{segment} {at}");
        for whole_one in [segment.saturating_sub(1), segment + 1] {
            if whole_one != segment {
                let offset = whole_one * SEGMENT;
                let length = SEGMENT.min(SIZE - offset);
                let found = range(title, offset, length).expect("content");
                assert!(found == FILM[offset..offset + length], "{whole_one}");
            }
        }
    }
}

#[test]
fn a_changed_end_beginning_or_list_gives_no_content_at_all() {
    let last = RANDOM + 17 * STORED_SEGMENT;
    // The last segment is opened first; what it is decrypted with stands in front of all.
    let places = [
        (NAME, last + 999, "digest"),
        (NAME, RANDOM - 1, "decryption"),
        (LIST, 0, "digest"),
        (LIST, 18 * 32 - 1, "digest"),
    ];
    let desk = Desk::new();
    for (name, at, reason) in places {
        let title = &mut desk.viewing(&changed(name, at));
        assert_eq!(refusal(whole(title)), reason, "{name} {at}");
        assert_eq!(refusal(range(title, SEGMENT, 1)), reason, "{name} {at}");
    }
}
