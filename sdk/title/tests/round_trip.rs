//! What is sealed, personalized and opened again is what was handed in.

#![cfg(test)]

#[path = "support/sample.rs"]
mod sample;

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Seek, SeekFrom};

use colophon_crypto::Portable;
use colophon_title::container::{Directory, Method};
use colophon_title::{
    Form, Level, MediaType, OpenTitle, PersonalizeError, Progress, PublicationError, SealError,
    StoredTitle, TrustRoots, personalize,
};
use sample::{OWNER, Version, book, copy_id, epub_source, leaflet, noise, pack_epub, path, source};

fn open(copy: &[u8]) -> OpenTitle<'static, Cursor<&[u8]>> {
    OpenTitle::open(&Portable, Cursor::new(copy), &TrustRoots::new()).unwrap()
}

fn publication(copy: &[u8]) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    open(copy).write_publication(&mut out).unwrap();
    out.into_inner()
}

fn resources(archive: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut source = epub_source(archive);
    let names: Vec<_> = source
        .entries()
        .iter()
        .map(|entry| entry.path.to_string())
        .collect();
    let read = |(index, name)| {
        let mut content = Vec::new();
        source
            .open_entry(index)
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
        (name, content)
    };
    names.into_iter().enumerate().map(read).collect()
}

#[test]
fn an_epub_comes_back_resource_by_resource() {
    let version = Version::new("epub", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    for level in [Level::SourceSealed, Level::IndividuallySealed] {
        let copy = version.copy(&at_rest, level, OWNER);
        let mut found = resources(publication(&copy));
        let mut expected: BTreeMap<_, _> = book().into_iter().collect();
        let fonts = "META-INF/encryption.xml";
        let (found_fonts, _) = (found.remove(fonts).unwrap(), expected.remove(fonts));
        assert_eq!(found, expected);
        let found_fonts = String::from_utf8(found_fonts).unwrap();
        assert_eq!(found_fonts.matches("EncryptedData ").count(), 1);
        assert!(found_fonts.contains("http://www.idpf.org/2008/embedding"));
        assert!(found_fonts.contains("EPUB/font.otf"));
    }
}

#[test]
fn a_publication_is_a_clean_epub_archive() {
    let version = Version::new("ocf", MediaType::EPUB);
    let mut resources = book();
    resources.retain(|(name, _)| name != "META-INF/encryption.xml");
    let at_rest = version.seal(&mut epub_source(pack_epub(&resources)));
    let publication = publication(&version.copy(&at_rest, Level::IndividuallySealed, OWNER));
    let directory = Directory::read(&mut Cursor::new(&publication)).unwrap();
    let names: Vec<&str> = directory
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let mut expected = vec!["mimetype"];
    expected.extend(resources.iter().map(|(name, _)| name.as_str()));
    assert_eq!(names, expected);
    assert_eq!(directory.entries[0].method, Method::Stored);
    assert_eq!(&publication[30..58], b"mimetypeapplication/epub+zip");
}

#[test]
fn only_what_a_reader_must_see_stays_clear() {
    let version = Version::new("clear", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let clear = |name: &str| {
        let mut reader = Cursor::new(&at_rest);
        let directory = Directory::read(&mut reader).unwrap();
        let entry = directory
            .entries
            .iter()
            .find(|entry| entry.path.as_str() == name)
            .unwrap();
        let mut stored = vec![0; entry.stored as usize];
        reader.seek(SeekFrom::Start(entry.data_offset())).unwrap();
        reader.read_exact(&mut stored).unwrap();
        let content = match entry.method {
            Method::Stored => stored,
            Method::Deflated => {
                let mut content = Vec::new();
                let mut inflater = flate2::read::DeflateDecoder::new(stored.as_slice());
                inflater.read_to_end(&mut content).unwrap();
                content
            }
        };
        book().into_iter().any(|(_, original)| original == content)
    };
    for name in [
        "META-INF/container.xml",
        "EPUB/package.opf",
        "EPUB/nav.xhtml",
    ] {
        assert!(clear(name), "{name}");
    }
    for name in ["EPUB/cover.png", "EPUB/font.otf"] {
        assert!(clear(name), "{name}");
    }
    for name in [
        "EPUB/one.xhtml",
        "EPUB/z\u{fc} zwei.xhtml",
        "EPUB/plate.png",
    ] {
        assert!(!clear(name), "{name}");
    }
}

#[test]
fn entries_are_read_at_any_position_whichever_was_read_before() {
    let version = Version::new("positions", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let copy = version.copy(&at_rest, Level::IndividuallySealed, OWNER);
    let mut title = open(&copy);
    let resources: Vec<_> = book()
        .into_iter()
        .filter(|(name, _)| name != "META-INF/encryption.xml")
        .collect();
    let mut out = [0; 40];
    for turn in 0..200 {
        // Some are read twice in a row, some positions are beyond the end.
        let (name, content) = &resources[turn / 2 % resources.len()];
        let position = turn * 37 % (content.len() + 5);
        let given = title
            .read_at(&path(name), position as u64, &mut out)
            .unwrap();
        let rest = content.get(position..).unwrap_or_default();
        assert_eq!(out[..given], rest[..given], "{name} at {position}");
        assert_eq!(given, rest.len().min(out.len()), "{name} at {position}");
    }
    let stranger = title.read_at(&path("EPUB/three.xhtml"), 0, &mut out);
    assert_eq!(stranger.unwrap_err().reason(), "no-such-entry");
    assert_eq!(
        title.read_at(&path(&resources[0].0), 0, &mut out).unwrap(),
        40
    );
}

#[test]
fn other_media_come_back_as_the_file_they_were() {
    let version = Version::new("pdf", "application/pdf");
    let at_rest = version.seal(&mut source(leaflet(), "application/pdf", "sea leaflet.pdf"));
    let copy = version.copy(&at_rest, Level::IndividuallySealed, OWNER);
    assert_eq!(publication(&copy), leaflet());
    let mut title = open(&copy);
    let names: Vec<String> = title.entries().map(ToString::to_string).collect();
    assert_eq!(names, ["content/sea leaflet.pdf"]);
    let mut content = Vec::new();
    let length = title
        .read_entry(&path("content/sea leaflet.pdf"), &mut content)
        .unwrap();
    assert_eq!((length, content), (leaflet().len() as u64, leaflet()));
    assert_eq!(&copy[30..72], b"mimetypeapplication/vnd.colophon.title+zip");
}

#[test]
fn a_title_says_what_it_was_sealed_with() {
    let version = Version::new("metadata", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let stored = StoredTitle::read(&Portable, Cursor::new(&at_rest)).unwrap();
    assert_eq!(stored.metadata(), &version.metadata);
    assert_eq!(
        (stored.version(), stored.salt()),
        (&version.id, &version.salt)
    );
    assert_eq!(stored.form(), Form::Sealed);
    let copy = version.copy(&at_rest, Level::IndividuallySealed, OWNER);
    let title = open(&copy);
    assert_eq!(title.metadata(), &version.metadata);
    assert_eq!(title.level(), Level::IndividuallySealed);
    let bookplate = title.bookplate().unwrap();
    assert_eq!(
        (bookplate.owner.as_str(), bookplate.copy_id),
        (OWNER, copy_id(OWNER))
    );
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    assert_eq!(open(&copy).level(), Level::SourceSealed);
    assert_eq!(open(&copy).bookplate(), None);
}

#[test]
fn equal_terms_give_equal_bytes_and_other_terms_touch_the_tail_only() {
    let version = Version::new("same", MediaType::EPUB);
    let (at_rest, sealed) = version.seal_signed(&mut epub_source(pack_epub(&book())), &[]);
    assert_eq!(version.seal(&mut epub_source(pack_epub(&book()))), at_rest);
    assert_eq!(sealed.length, at_rest.len() as u64);
    let stored = StoredTitle::read(&Portable, Cursor::new(&at_rest)).unwrap();
    assert_eq!(stored.prefix_length(), sealed.prefix_length);
    assert_eq!(*stored.fingerprint(), sealed.fingerprint);
    let prefix = sealed.prefix_length as usize;
    let one = version.copy(&at_rest, Level::IndividuallySealed, "one");
    assert_eq!(
        version.copy(&at_rest, Level::IndividuallySealed, "one"),
        one
    );
    let two = version.copy(&at_rest, Level::IndividuallySealed, "two");
    assert_ne!(one, two);
    for copy in [
        &one,
        &two,
        &version.copy(&at_rest, Level::SourceSealed, "one"),
    ] {
        assert_eq!(copy[..prefix], at_rest[..prefix]);
    }
}

#[test]
fn a_delivered_book_is_hardly_larger_than_its_source() {
    let mut resources = book();
    let chapter = |number: usize| {
        let words = noise(["a", "b", "c", "d"][number % 4], 25_000 + number);
        let words: Vec<&str> = words
            .iter()
            .map(|byte| {
                ["sea", "whale", "ship", "harpoon", "storm", "and", "the"][*byte as usize % 7]
            })
            .collect();
        format!(
            "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body>{}</body></html>",
            words.join(" ")
        )
    };
    for number in 0..30 {
        resources.push((
            format!("EPUB/chapter-{number}.xhtml"),
            chapter(number).into(),
        ));
    }
    resources.push(("EPUB/photo.jpg".to_owned(), noise("photo", 200_000)));
    let archive = pack_epub(&resources);
    let version = Version::new("size", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(archive.clone()));
    let copy = version.copy(&at_rest, Level::IndividuallySealed, OWNER);
    assert!(
        copy.len() * 100 <= archive.len() * 101,
        "{} became {}",
        archive.len(),
        copy.len()
    );
}

#[test]
fn sizes_around_the_limit_of_a_message_and_of_a_segment_come_back() {
    let limit = 1 << 20;
    for length in [
        1,
        2,
        limit - 1,
        limit,
        limit + 1,
        limit + 65_536,
        31 * 65_536,
    ] {
        let content = noise("length", length);
        let version = Version::new("length", "application/octet-stream");
        let at_rest = version.seal(&mut source(
            content.clone(),
            "application/octet-stream",
            "noise.bin",
        ));
        let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
        assert!(publication(&copy) == content, "{length}");
        open(&copy).verify(&mut |_| ()).unwrap();
    }
}

#[test]
fn text_that_deflates_well_is_one_message_whatever_its_size() {
    let content = "All work and no play makes Jack a dull boy.\n".repeat(100_000);
    let version = Version::new("text", "text/plain");
    let at_rest = version.seal(&mut source(
        content.clone().into(),
        "text/plain",
        "jack.txt",
    ));
    assert!(at_rest.len() < 30_000);
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    assert!(publication(&copy) == content.as_bytes());
}

#[test]
fn a_large_entry_is_read_at_any_position() {
    let content = noise("random access", 3_000_001);
    let version = Version::new("random access", "audio/mpeg");
    let mp3 = [b"ID3\x04\0\0\0\0\0\0".as_slice(), &content].concat();
    let at_rest = version.seal(&mut source(mp3.clone(), "audio/mpeg", "book.mp3"));
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    let mut title = open(&copy);
    let name = path("content/book.mp3");
    assert_eq!(title.entry_size(&name), Some(mp3.len() as u64));
    let mut reader = title.entry_reader(&name).unwrap();
    for position in [
        0,
        1,
        65_535,
        65_536,
        1_000_000,
        2_999_999,
        mp3.len() - 1,
        mp3.len(),
    ] {
        reader.seek(SeekFrom::Start(position as u64)).unwrap();
        let mut found = Vec::new();
        reader
            .by_ref()
            .take(70_000)
            .read_to_end(&mut found)
            .unwrap();
        let end = mp3.len().min(position + 70_000);
        assert!(found == mp3[position..end], "{position}");
    }
    assert_eq!(
        reader.seek(SeekFrom::End(-1)).unwrap(),
        mp3.len() as u64 - 1
    );
    assert_eq!(
        reader.seek(SeekFrom::Current(5)).unwrap(),
        mp3.len() as u64 + 4
    );
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 0);
    assert!(reader.seek(SeekFrom::Current(-4_000_000)).is_err());
}

#[test]
fn small_and_clear_entries_are_read_at_any_position_too() {
    let mut resources = book();
    resources
        .iter_mut()
        .find(|(name, _)| name == "EPUB/cover.png")
        .unwrap()
        .1 = [b"\x89PNG\r\n\x1a\n".to_vec(), noise("cover", 2_000_000)].concat();
    let version = Version::new("positions", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&resources)));
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    let mut title = open(&copy);
    for (name, content) in &resources {
        if name == "META-INF/encryption.xml" {
            continue;
        }
        let mut reader = title.entry_reader(&path(name)).unwrap();
        let half = content.len() / 2;
        reader.seek(SeekFrom::Start(half as u64)).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == content[half..], "{name}");
    }
    title.verify(&mut |_| ()).unwrap();
}

#[test]
fn progress_ends_at_the_total() {
    let version = Version::new("progress", MediaType::EPUB);
    let mut source = epub_source(pack_epub(&book()));
    let mut last = Progress {
        bytes_done: 0,
        bytes_total: 1,
    };
    let mut random = sample::Seeded::new("progress");
    let out = Cursor::new(Vec::new());
    let terms = version.terms(&[]);
    colophon_title::seal(
        &Portable,
        &mut random,
        &mut source,
        &terms,
        out,
        &mut |progress| {
            assert!(progress.bytes_done >= last.bytes_done);
            last = progress;
        },
    )
    .unwrap();
    assert_eq!(last.bytes_done, last.bytes_total);
}

#[test]
fn copies_are_refused_that_could_not_be_opened_or_would_bind_nothing() {
    let mut version = Version::new("terms", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let title = StoredTitle::read(&Portable, Cursor::new(&at_rest)).unwrap();
    let refused = |level, bookplate, key: &_| {
        let terms = colophon_title::CopyTerms {
            level,
            bookplate,
            copy_id: copy_id("x"),
            issued_at_unix_s: 0,
            signers: &[],
            license: None,
        };
        personalize(&Portable, &title, key, &terms).unwrap_err()
    };
    let key = &version.key;
    let long = "x".repeat(1025);
    use PersonalizeError as E;
    let individually = Level::IndividuallySealed;
    assert!(matches!(refused(Level::Clear, None, key), E::Form { .. }));
    assert!(matches!(
        refused(Level::FullyIndividualized, Some("x"), key),
        E::Form { .. }
    ));
    assert!(matches!(
        refused(individually, None, key),
        E::BookplateMissing { .. }
    ));
    assert!(matches!(refused(individually, Some(""), key), E::Bookplate));
    assert!(matches!(
        refused(individually, Some("a\nb"), key),
        E::Bookplate
    ));
    assert!(matches!(
        refused(individually, Some(&long), key),
        E::Bookplate
    ));
    assert!(matches!(
        refused(Level::SourceSealed, Some("x"), key),
        E::BookplateForbidden
    ));
    let other = Version::new("another key", MediaType::EPUB).key;
    assert!(matches!(refused(Level::SourceSealed, None, &other), E::Key));
    version.form = Form::Licensed;
    let licensed = version.seal(&mut epub_source(pack_epub(&book())));
    let title = StoredTitle::read(&Portable, Cursor::new(&licensed)).unwrap();
    let terms = colophon_title::CopyTerms {
        level: Level::FullyIndividualized,
        bookplate: Some("x"),
        copy_id: copy_id("x"),
        issued_at_unix_s: 0,
        signers: &[],
        license: None,
    };
    let refused = personalize(&Portable, &title, &version.key, &terms).unwrap_err();
    assert!(matches!(refused, E::Persona { .. }));
}

#[test]
fn sources_that_cannot_become_a_title_are_refused() {
    let refused = |version: &Version| {
        let mut source = epub_source(pack_epub(&book()));
        let mut random = sample::Seeded::new("refused");
        let terms = version.terms(&[]);
        let out = Cursor::new(Vec::new());
        colophon_title::seal(
            &Portable,
            &mut random,
            &mut source,
            &terms,
            out,
            &mut |_| (),
        )
        .unwrap_err()
    };
    let mut version = Version::new("sources", MediaType::EPUB);
    version.metadata.title = String::new();
    assert!(matches!(refused(&version), SealError::Metadata(field) if field.field == "title"));
    version.metadata.title = "a\0b".to_owned();
    assert!(matches!(refused(&version), SealError::Metadata(_)));
    version.metadata.title = "The Whale".to_owned();
    version.metadata.cover = Some(path("EPUB/no such.png"));
    assert!(matches!(refused(&version), SealError::NoCover { .. }));
    version.metadata.cover = None;
    version.metadata.media_type = MediaType::parse("text/html").unwrap();
    assert!(matches!(refused(&version), SealError::MediaType));
}

#[test]
fn a_cover_that_is_there_is_kept() {
    let mut version = Version::new("cover", MediaType::EPUB);
    version.metadata.cover = Some(path("EPUB/cover.png"));
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    assert_eq!(open(&copy).metadata().cover, version.metadata.cover);
}

#[test]
fn writing_to_a_full_disk_says_so() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Full {
        fn seek(&mut self, _: SeekFrom) -> std::io::Result<u64> {
            Ok(0)
        }
    }
    let version = Version::new("full", MediaType::EPUB);
    let at_rest = version.seal(&mut epub_source(pack_epub(&book())));
    let copy = version.copy(&at_rest, Level::SourceSealed, OWNER);
    let refused = open(&copy).write_publication(Full).unwrap_err();
    assert!(matches!(refused, PublicationError::Write(_)), "{refused}");
    let refused = open(&copy)
        .read_entry(&path("EPUB/one.xhtml"), &mut Full)
        .unwrap_err();
    assert_eq!(refused.reason(), "write");
    let refused = open(&copy)
        .read_entry(&path("EPUB/three.xhtml"), &mut Full)
        .unwrap_err();
    assert_eq!(refused.reason(), "no-such-entry");
}
