//! What is held in memory does not grow with the content.

#![cfg(test)]
#![expect(
    clippy::disallowed_types,
    reason = "unlike the crate, its tests use files"
)]

#[path = "support/counted.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod counted;
#[path = "support/sample.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod sample;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::LazyLock;

use colophon_crypto::Portable;
use colophon_title::source::{Limits, Source};
use colophon_title::{
    CopyTerms, Level, MediaType, OpenTitle, StoredTitle, TrustRoots, personalize, seal,
};
use counted::most_held;
use sample::{ISSUED_AT, OWNER, Seeded, Version, copy_id, noise, path};

/// A film that is made up as it is read.
struct Film {
    length: u64,
    position: u64,
}

/// What the film repeats, of a length that has nothing to do with that of a segment.
static SCENE: LazyLock<Vec<u8>> = LazyLock::new(|| noise("scene", 65_521));
const HEAD: &[u8; 12] = b"\0\0\0\x18ftypmp42";

/// What the film shows from `position` on, at most to the end of a scene.
fn shown(position: u64) -> &'static [u8] {
    match HEAD.get(position as usize..) {
        Some(head) if !head.is_empty() => head,
        _ => &SCENE[(position % 65_521) as usize..],
    }
}

impl Read for Film {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position);
        let shown = shown(self.position);
        let given = (out.len() as u64).min(left).min(shown.len() as u64) as usize;
        out[..given].copy_from_slice(&shown[..given]);
        self.position += given as u64;
        Ok(given)
    }
}

impl Seek for Film {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::End(offset) => self.length.checked_add_signed(offset).unwrap(),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset).unwrap(),
        };
        Ok(self.position)
    }
}

/// Compares content with the film as it is written.
struct Audience {
    position: u64,
}

impl Write for Audience {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let shown = shown(self.position);
        let seen = bytes.len().min(shown.len());
        if bytes[..seen] != shown[..seen] {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.position += seen as u64;
        Ok(seen)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_film_of_200_mb_is_sealed_personalized_verified_and_read_in_2_mib() {
    const MOST_BYTES: usize = 2 << 20;
    LazyLock::force(&SCENE);
    let length = 200_000_000;
    let media_type = MediaType::parse("video/mp4").unwrap();
    let version = Version::new("film", media_type.as_str());
    let folder = tempfile::tempdir().unwrap();
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(folder.path().join("film.colophon"))
        .unwrap();

    let (sealed, held) = most_held(|| {
        let film = Film {
            length,
            position: 0,
        };
        let mut source =
            Source::inspect(film, &media_type, "film.mp4", &Limits::default()).unwrap();
        let mut random = Seeded::new("film nonces");
        let terms = version.terms(&[]);
        seal(
            &Portable,
            &mut random,
            &mut source,
            &terms,
            &mut file,
            &mut |_| (),
        )
        .unwrap()
    });
    assert!(held < MOST_BYTES, "sealing held {held} bytes");
    assert!(sealed.length < length + length / 1000);

    let (title, held) = most_held(|| StoredTitle::read(&Portable, &mut file).unwrap());
    assert!(held < MOST_BYTES, "reading the structure held {held} bytes");
    assert!(title.memory_bytes() < 4096);

    let terms = CopyTerms {
        level: Level::IndividuallySealed,
        bookplate: Some(OWNER),
        copy_id: copy_id(OWNER),
        issued_at_unix_s: ISSUED_AT,
        signers: &[],
        license: None,
    };
    let (tail, held) = most_held(|| personalize(&Portable, &title, &version.key, &terms).unwrap());
    assert!(held < 1 << 16, "personalizing held {held} bytes");
    file.set_len(title.prefix_length()).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&tail.bytes).unwrap();

    let ((), held) = most_held(|| {
        let mut title = OpenTitle::open(&Portable, &mut file, &TrustRoots::new()).unwrap();
        title.verify(&mut |_| ()).unwrap();
        let mut audience = Audience { position: 0 };
        let read = title
            .read_entry(&path("content/film.mp4"), &mut audience)
            .unwrap();
        assert_eq!((read, audience.position), (length, length));
    });
    assert!(held < MOST_BYTES, "verifying and reading held {held} bytes");
}
