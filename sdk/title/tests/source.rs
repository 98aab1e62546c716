//! What administrators may hand in, and what is refused at the door.

#![cfg(test)]

#[path = "support/raw_archive.rs"]
mod raw_archive;

use std::io::{Cursor, Read};

use colophon_title::MediaType;
use colophon_title::source::{EntryRole, Limits, Source, SourceRefused, SourceWarning};
use raw_archive::{RawEntry, archive, end_record};

const CONTAINER: &str = "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'>\
    <rootfiles><rootfile full-path='EPUB/book.opf' media-type='application/oebps-package+xml'/>\
    </rootfiles></container>";

const PACKAGE: &str = "<package xmlns='http://www.idpf.org/2007/opf' unique-identifier='u'>\
    <metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:identifier id='u'>urn:x:1\
    </dc:identifier><dc:title>On Books</dc:title><dc:creator>A. Author</dc:creator>\
    <dc:language>en</dc:language></metadata><manifest>\
    <item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>\
    <item id='c' href='cover.png' media-type='image/png' properties='cover-image'/>\
    </manifest><spine><itemref idref='n'/></spine></package>";

const ENCRYPTION: &str = "<encryption xmlns='urn:oasis:names:tc:opendocument:xmlns:container' \
    xmlns:e='http://www.w3.org/2001/04/xmlenc#'><e:EncryptedData>\
    <e:EncryptionMethod Algorithm='ALGORITHM'/><e:CipherData>\
    <e:CipherReference URI='EPUB/font.otf'/></e:CipherData></e:EncryptedData></encryption>";

fn book() -> Vec<RawEntry> {
    vec![
        RawEntry::stored("mimetype", b"application/epub+zip"),
        RawEntry::deflated("META-INF/container.xml", CONTAINER.as_bytes()),
        RawEntry::deflated("EPUB/book.opf", PACKAGE.as_bytes()),
        RawEntry::deflated(
            "EPUB/nav.xhtml",
            b"<html><!DOCTYPE is not looked at></html>",
        ),
        RawEntry::stored("EPUB/cover.png", b"\x89PNG"),
    ]
}

fn book_with(extra: RawEntry) -> Vec<RawEntry> {
    let mut entries = book();
    entries.push(extra);
    entries
}

/// The book with another content for one of its entries.
fn book_but(name: &str, content: &[u8]) -> Vec<RawEntry> {
    let mut entries = book();
    for entry in &mut entries {
        if entry.name == name.as_bytes() {
            *entry = RawEntry::deflated(name, content);
        }
    }
    entries
}

fn book_without(name: &str) -> Vec<RawEntry> {
    book()
        .into_iter()
        .filter(|entry| entry.name != name.as_bytes())
        .collect()
}

fn inspect(bytes: Vec<u8>) -> Result<Source<Cursor<Vec<u8>>>, SourceRefused> {
    Source::inspect(
        Cursor::new(bytes),
        &MediaType::epub(),
        "book.epub",
        &Limits::default(),
    )
}

fn accept(entries: &[RawEntry]) -> Source<Cursor<Vec<u8>>> {
    inspect(archive(entries)).unwrap()
}

fn check_refused(entries: &[RawEntry], reason: &str) {
    check_bytes_refused(archive(entries), reason);
}

fn check_bytes_refused(bytes: Vec<u8>, reason: &str) {
    match inspect(bytes) {
        Ok(_) => panic!("accepted, but should be refused: {reason}"),
        Err(refused) => assert_eq!(refused.reason(), reason, "{refused:?}"),
    }
}

fn read(source: &mut Source<Cursor<Vec<u8>>>, path: &str) -> std::io::Result<Vec<u8>> {
    let index = source
        .entries()
        .iter()
        .position(|entry| entry.path.as_str() == path)
        .unwrap();
    let mut content = Vec::new();
    source
        .open_entry(index)
        .unwrap()
        .read_to_end(&mut content)?;
    Ok(content)
}

#[test]
fn a_book_is_described_and_read() {
    let mut source = accept(&book());
    let description = source.description();
    assert_eq!(description.title, "On Books");
    assert_eq!(description.authors, ["A. Author"]);
    assert_eq!(description.identifier.as_deref(), Some("urn:x:1"));
    assert_eq!(
        description.cover.as_ref().unwrap().as_str(),
        "EPUB/cover.png"
    );
    assert_eq!(source.warnings(), []);
    let roles: Vec<_> = source.entries().iter().map(|entry| entry.role).collect();
    let expected = [
        EntryRole::Container,
        EntryRole::Package,
        EntryRole::Navigation,
        EntryRole::Cover,
    ];
    assert_eq!(roles, expected);
    assert_eq!(
        read(&mut source, "EPUB/book.opf").unwrap(),
        PACKAGE.as_bytes()
    );
    assert_eq!(read(&mut source, "EPUB/cover.png").unwrap(), b"\x89PNG");
    assert!(source.open_entry(99).is_err());
}

#[test]
fn what_real_books_get_wrong_is_let_pass() {
    let mut sloppy: Vec<RawEntry> = book().into_iter().map(RawEntry::with_descriptor).collect();
    sloppy[0].extra = b"UT\x05\0\x03abcd".to_vec();
    for entry in &mut sloppy {
        entry.flags &= !0x800;
    }
    sloppy.insert(1, RawEntry::folder("EPUB/"));
    sloppy.push(RawEntry::stored("EPUB/ü.png", b""));
    let mut bytes = archive(&sloppy);
    bytes.extend_from_slice(b"\r\n");
    let mut source = inspect(bytes).unwrap();
    assert_eq!(source.entries().len(), 5);
    assert_eq!(read(&mut source, "EPUB/ü.png").unwrap(), b"");
    assert_eq!(source.warnings(), []);

    let mut misplaced = book();
    misplaced.rotate_left(1);
    assert_eq!(accept(&misplaced).warnings(), [SourceWarning::Mimetype]);
    let deflated = book_but("mimetype", b"application/epub+zip\r\n");
    assert_eq!(accept(&deflated).warnings(), [SourceWarning::Mimetype]);
    let missing = SourceWarning::MissingItem {
        href: "cover.png".to_owned(),
    };
    assert_eq!(
        accept(&book_without("EPUB/cover.png")).warnings(),
        [missing]
    );
    let untitled = PACKAGE.replace("<dc:title>On Books</dc:title>", "");
    let untitled = accept(&book_but("EPUB/book.opf", untitled.as_bytes()));
    assert_eq!(untitled.warnings(), [SourceWarning::NoTitle]);
    assert_eq!(untitled.description().title, "book");
}

#[test]
fn a_name_that_is_no_utf_8_is_read_as_zip_has_it() {
    let mut entry = RawEntry::stored("EPUB/x.png", b"");
    entry.name = b"EPUB/\x81.png".to_vec();
    entry.local_name = entry.name.clone();
    entry.flags = 0;
    let source = accept(&book_with(entry));
    assert_eq!(source.entries().last().unwrap().path.as_str(), "EPUB/ü.png");
}

#[test]
fn unsafe_names_are_refused() {
    for name in [
        "../outside",
        "a/../../b",
        "/etc/passwd",
        "C:/windows",
        "a\\b",
        "a:b",
        "a\nb",
        "a\0b",
        "a//b",
        "./a",
        "..",
        "a/./b",
        "//a",
        "../",
        "/",
    ] {
        check_refused(&book_with(RawEntry::stored(name, b"")), "archive-path");
    }
    check_refused(
        &book_with(RawEntry::stored(&"a".repeat(1025), b"")),
        "archive-path",
    );
}

#[test]
fn twin_names_are_refused() {
    for name in [
        "EPUB/cover.png",
        "epub/COVER.PNG",
        "MIMETYPE",
        "META-INF/CONTAINER.XML",
        "EPUB",
        "EPUB/cover.png/",
        "EPUB/nav.xhtml/a",
    ] {
        check_refused(&book_with(RawEntry::stored(name, b"")), "archive-duplicate");
    }
    let mut composed = book_with(RawEntry::stored("caf\u{e9}", b""));
    composed.push(RawEntry::stored("cafe\u{301}", b""));
    check_refused(&composed, "archive-duplicate");
}

#[test]
fn links_and_devices_are_refused() {
    for kind in [0o120_777, 0o060_644, 0o020_644, 0o010_644, 0o140_644] {
        let mut entry = RawEntry::stored("EPUB/link", b"/etc/passwd");
        entry.attributes = kind << 16;
        check_refused(&book_with(entry), "archive-special-file");
    }
}

#[test]
fn encrypted_entries_and_other_methods_are_refused() {
    let entry = RawEntry::stored("EPUB/a", b"secret");
    check_refused(
        &book_with(RawEntry {
            flags: 1,
            ..entry.clone()
        }),
        "archive-encrypted",
    );
    check_refused(
        &book_with(RawEntry {
            flags: 0x41,
            ..entry.clone()
        }),
        "archive-encrypted",
    );
    for method in [1, 9, 12, 14, 93, 95, 97, 1234] {
        check_refused(
            &book_with(RawEntry {
                method,
                ..entry.clone()
            }),
            "archive-method",
        );
    }
}

#[test]
fn bombs_are_refused() {
    let zeros = vec![0; 4 << 20];
    check_refused(
        &book_with(RawEntry::deflated("EPUB/zeros", &zeros)),
        "archive-bomb",
    );
    // Each just below what is suspicious in one entry, all together far above.
    let mut many = book();
    let small = RawEntry::deflated("EPUB/a", &zeros[..1 << 20]);
    many.extend((0..100).map(|number| {
        let name = format!("EPUB/{number}").into_bytes();
        RawEntry {
            name: name.clone(),
            local_name: name,
            ..small.clone()
        }
    }));
    check_refused(&many, "archive-bomb");
    // A stored entry that claims more than there is.
    let claims = RawEntry {
        size: 1 << 30,
        ..RawEntry::stored("EPUB/a", b"a")
    };
    check_refused(&book_with(claims), "archive-size");
}

#[test]
fn entries_that_share_bytes_are_refused() {
    // All entries of the directory lead to one and the same content.
    let mut shared = book_with(RawEntry::stored("EPUB/a", b"content"));
    let offset = u32::try_from(archive(&book()).len()).unwrap();
    for number in 0..50 {
        let name = format!("EPUB/a{number}");
        let mut phantom = RawEntry::stored(&name, b"content");
        phantom.is_phantom = true;
        phantom.claimed_offset = Some(0);
        shared.push(phantom);
    }
    check_refused(&shared, "archive-overlap");
    // An entry whose content reaches into the next, or into the directory, or beyond the end.
    let mut long = book();
    long[4].stored_length += 10;
    long[4].size += 10;
    check_refused(&long, "archive-overlap");
    let mut into_next = book();
    into_next[3].stored_length += 1;
    check_refused(&into_next, "archive-overlap");
    let beyond = RawEntry {
        claimed_offset: Some(offset * 10),
        ..RawEntry::stored("EPUB/b", b"")
    };
    check_refused(&book_with(beyond), "archive-local-header");
}

#[test]
fn headers_must_say_what_the_directory_says() {
    let mut renamed = RawEntry::stored("EPUB/a", b"");
    renamed.local_name = b"EPUB/b".to_vec();
    check_refused(&book_with(renamed), "archive-local-header");
    let inside = RawEntry {
        claimed_offset: Some(5),
        is_phantom: true,
        ..RawEntry::stored("EPUB/a", b"")
    };
    check_refused(&book_with(inside), "archive-overlap");
}

#[test]
fn the_directory_must_be_where_and_what_it_says() {
    let good = archive(&book());
    for cut in [1, 21, 22, 23, 100, good.len() - 10] {
        check_bytes_refused(good[..good.len() - cut].to_vec(), "archive-directory");
    }
    let end = good.len() - 22;
    let changed = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[end + at] = value;
        bytes
    };
    check_bytes_refused(changed(10, 4), "archive-directory");
    check_bytes_refused(changed(10, 6), "archive-directory");
    check_bytes_refused(changed(11, 0xff), "archive-too-many-entries");
    check_bytes_refused(changed(12, 0), "archive-directory");
    check_bytes_refused(changed(16, 0), "archive-directory");
    // A second, empty archive behind the first.
    let mut twice = good.clone();
    let start = u32::try_from(good.len()).unwrap();
    end_record(&mut twice, 0, 0, start);
    check_bytes_refused(twice, "archive-junk-in-front");
    // Something in front, with and without corrected offsets.
    let in_front = [b"PK\x03\x04".as_slice(), &good].concat();
    check_bytes_refused(in_front, "archive-directory");
    let mut corrected = book();
    corrected[0].claimed_offset = Some(4);
    check_refused(&corrected[..1], "archive-junk-in-front");
}

#[test]
fn too_many_or_too_large_entries_are_refused() {
    let many: Vec<RawEntry> = (0..65_000)
        .map(|number| RawEntry::stored(&format!("EPUB/{number}"), b""))
        .collect();
    check_refused(&many, "archive-too-many-entries");
    let mut wide = book();
    wide.extend((0..100).map(|number| {
        let mut entry = RawEntry::stored(&format!("EPUB/{number}"), b"");
        entry.extra = b"xx\0\0".repeat(10_000);
        entry
    }));
    check_refused(&wide, "archive-directory-too-large");
    let limits = Limits {
        entry_bytes_max: 50,
        ..Limits::default()
    };
    let inspect = |limits: &Limits| {
        let bytes = Cursor::new(archive(&book()));
        Source::inspect(bytes, &MediaType::epub(), "book.epub", limits)
            .unwrap_err()
            .reason()
    };
    assert_eq!(inspect(&limits), "archive-entry-too-large");
    assert_eq!(
        inspect(&Limits {
            total_bytes_max: 600,
            ..Limits::default()
        }),
        "archive-too-large"
    );
    assert_eq!(
        inspect(&Limits {
            path_bytes_max: 20,
            ..Limits::default()
        }),
        "archive-path-too-long"
    );
    assert_eq!(
        inspect(&Limits {
            xml_bytes_max: 100,
            ..Limits::default()
        }),
        "document-caps"
    );
}

#[test]
fn content_is_held_to_what_was_declared() {
    let check = |change: fn(&mut RawEntry), expected: &str| {
        let mut entry = RawEntry::deflated("EPUB/a", &b"content ".repeat(20));
        change(&mut entry);
        let mut source = accept(&book_with(entry));
        let error = read(&mut source, "EPUB/a").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), expected);
    };
    check(
        |entry| entry.size -= 1,
        "the content is larger than declared",
    );
    check(
        |entry| entry.size += 1,
        "the content is smaller than declared",
    );
    check(
        |entry| entry.size = 0,
        "the content is larger than declared",
    );
    check(
        |entry| entry.crc ^= 1,
        "the content does not have its checksum",
    );
}

#[test]
fn an_archive_must_be_a_publication() {
    check_refused(&book_without("mimetype"), "no-mimetype");
    check_refused(&book_but("mimetype", b"application/zip"), "wrong-mimetype");
    check_refused(
        &book_but("mimetype", &b"application/epub+zip".repeat(9)),
        "wrong-mimetype",
    );
    check_refused(&book_without("META-INF/container.xml"), "no-container");
    check_refused(&book_without("EPUB/book.opf"), "no-package");
    let document = "META-INF/container.xml";
    check_refused(&book_but(document, b"<container/>"), "no-package-named");
    check_refused(&book_but(document, b"<html/>"), "other-document");
    check_refused(&book_but("EPUB/book.opf", b"<html/>"), "other-document");
    check_refused(
        &book_but("EPUB/book.opf", b"<package>"),
        "document-malformed",
    );
}

#[test]
fn documents_that_attack_their_reader_are_refused() {
    let laughs =
        "<!DOCTYPE package [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><package>&b;</package>";
    let external = "<!DOCTYPE package SYSTEM \"file:///etc/passwd\"><package>&xxe;</package>";
    let attributes: String = (0..800_000)
        .map(|number| format!(" a{number}=''"))
        .collect();
    let namespaces: String = (0..100_000)
        .map(|number| format!(" xmlns:a{number}='b'"))
        .collect();
    let cases = [
        (laughs.to_owned(), "document-internal-subset"),
        (external.to_owned(), "document-entity"),
        (format!("<package{attributes}/>"), "document-caps"),
        (format!("<package{namespaces}/>"), "document-caps"),
        ("<package>".repeat(100_000), "document-caps"),
        ("<a/>".repeat(1_000_000), "document-malformed"),
        (
            format!("<package>{}</package>", "<a/>".repeat(1_000_000)),
            "document-caps",
        ),
    ];
    for (document, reason) in cases {
        for name in ["EPUB/book.opf", "META-INF/container.xml"] {
            // Stored, so that it is the document that is refused and not the ratio.
            let mut entries = book_but(name, b"");
            for entry in &mut entries {
                if entry.name == name.as_bytes() {
                    *entry = RawEntry::stored(name, document.as_bytes());
                }
            }
            check_refused(&entries, reason);
        }
        let encryption = RawEntry::stored("META-INF/encryption.xml", document.as_bytes());
        check_refused(&book_with(encryption), reason);
    }
}

#[test]
fn a_doctype_that_declares_nothing_is_let_pass() {
    let doctype = "<?xml version='1.0'?><!DOCTYPE package PUBLIC \"+//ISBN 0-9673008-1-9//DTD OEB \
        1.2 Package//EN\" \"http://openebook.org/dtds/oeb-1.2/oebpkg12.dtd\">";
    let package = format!("{doctype}{PACKAGE}");
    let source = accept(&book_but("EPUB/book.opf", package.as_bytes()));
    assert_eq!(source.description().title, "On Books");
}

#[test]
fn obfuscated_fonts_are_the_only_encryption_let_pass() {
    let with = |algorithm: &str| {
        let encryption = ENCRYPTION.replace("ALGORITHM", algorithm);
        let mut entries = book_with(RawEntry::stored("EPUB/font.otf", b"obfuscated"));
        entries.push(RawEntry::deflated(
            "META-INF/encryption.xml",
            encryption.as_bytes(),
        ));
        entries
    };
    for algorithm in [
        "http://www.idpf.org/2008/embedding",
        "http://ns.adobe.com/pdf/enc#RC",
    ] {
        let source = accept(&with(algorithm));
        let [font] = source.obfuscated_fonts() else {
            panic!("one font")
        };
        assert_eq!(
            (font.path.as_str(), font.algorithm.as_str()),
            ("EPUB/font.otf", algorithm)
        );
        let roles = source.entries().iter().map(|entry| entry.role);
        assert_eq!(
            roles
                .filter(|role| *role == EntryRole::ObfuscatedFont)
                .count(),
            1
        );
    }
    check_refused(
        &with("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
        "foreign-encryption",
    );
    check_refused(&with(""), "foreign-encryption");
    let keys = ENCRYPTION.replace("e:EncryptedData", "e:EncryptedKey");
    let keys = RawEntry::deflated("META-INF/encryption.xml", keys.as_bytes());
    check_refused(&book_with(keys), "foreign-encryption");
}

#[test]
fn what_is_protected_already_is_refused() {
    for name in [
        "META-INF/rights.xml",
        "META-INF/signatures.xml",
        "META-INF/license.lcpl",
        "META-INF/colophon/validation.xml",
        "meta-inf/Colophon/seal",
        "META-INF/RIGHTS.XML",
    ] {
        check_refused(&book_with(RawEntry::stored(name, b"")), "already-protected");
    }
    let fine = accept(&book_with(RawEntry::stored("META-INF/colophon.xml", b"")));
    assert_eq!(fine.entries().last().unwrap().role, EntryRole::Meta);
    let claimed = MediaType::container();
    let other = [RawEntry::stored("mimetype", claimed.as_str().as_bytes())];
    for claimed in [claimed.as_str(), "application/octet-stream"] {
        let claimed = MediaType::parse(claimed).unwrap();
        let bytes = Cursor::new(archive(&other));
        let refused = Source::inspect(bytes, &claimed, "a.colophon", &Limits::default());
        assert_eq!(refused.unwrap_err().reason(), "already-protected");
    }
}

#[test]
fn any_other_file_is_one_entry() {
    let content = b"%PDF-1.7 and so on";
    let pdf = MediaType::parse("application/pdf").unwrap();
    let inspect = |limits: &Limits| {
        let name = "C:\\Books\\On Books.pdf";
        Source::inspect(Cursor::new(content.to_vec()), &pdf, name, limits)
    };
    let mut source = inspect(&Limits::default()).unwrap();
    assert_eq!(source.media_type(), &pdf);
    assert_eq!(source.description().title, "On Books");
    assert_eq!(source.entries().len(), 1);
    assert_eq!(read(&mut source, "On Books.pdf").unwrap(), content);
    // Twice, because a failed upload is begun again.
    assert_eq!(read(&mut source, "On Books.pdf").unwrap(), content);
    let small = Limits {
        total_bytes_max: 5,
        ..Limits::default()
    };
    assert_eq!(inspect(&small).unwrap_err().reason(), "source-too-large");
    check_bytes_refused(Vec::new(), "source-empty");
    check_bytes_refused(content.to_vec(), "not-what-it-claims");
}
