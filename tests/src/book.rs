//! Small books of our own making.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A valid EPUB 3 with `chapters` chapters of about 4 KB each, a navigation document, a style sheet
/// and a picture that does not compress.
pub fn epub(title: &str, author: &str, chapters: usize) -> Vec<u8> {
    let mut book = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut add = |name: &str, bytes: &[u8], options: SimpleFileOptions| {
        book.start_file(name, options)
            .expect("an entry can be begun");
        book.write_all(bytes).expect("an entry can be written");
    };
    add("mimetype", b"application/epub+zip", stored);
    add("META-INF/container.xml", CONTAINER.as_bytes(), deflated);
    add(
        "OPS/package.opf",
        package(title, author, chapters).as_bytes(),
        deflated,
    );
    add(
        "OPS/nav.xhtml",
        navigation(title, chapters).as_bytes(),
        deflated,
    );
    add(
        "OPS/style.css",
        b"body { margin: 1em; line-height: 1.4; }\n",
        deflated,
    );
    add("OPS/noise.png", &picture(40_000), stored);
    for number in 1..=chapters {
        add(
            &format!("OPS/chapter{number}.xhtml"),
            chapter(number).as_bytes(),
            deflated,
        );
    }
    book.finish()
        .expect("the archive can be finished")
        .into_inner()
}

/// Bytes that no compressor shrinks, the same for the same seed.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| next().to_le_bytes())
        .take(length / 8 + 1)
        .flatten()
        .collect();
    bytes.truncate(length);
    bytes
}

const CONTAINER: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/package.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"#;

fn package(title: &str, author: &str, chapters: usize) -> String {
    let items: String = (1..=chapters)
        .map(|n| format!("<item id=\"c{n}\" href=\"chapter{n}.xhtml\" media-type=\"application/xhtml+xml\"/>\n"))
        .collect();
    let spine: String = (1..=chapters)
        .map(|n| format!("<itemref idref=\"c{n}\"/>"))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:6d0fb1f5-5a4e-4b1c-9c7e-0123456789ab</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>
<dc:rights>Copyright 2026 {author}</dc:rights>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="css" href="style.css" media-type="text/css"/>
<item id="noise" href="noise.png" media-type="image/png"/>
{items}</manifest>
<spine>{spine}</spine>
</package>
"#
    )
}

fn navigation(title: &str, chapters: usize) -> String {
    let list: String = (1..=chapters)
        .map(|n| format!("<li><a href=\"chapter{n}.xhtml\">Chapter {n}</a></li>"))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>{title}</title></head><body><nav epub:type="toc"><ol>{list}</ol></nav></body></html>
"#
    )
}

fn chapter(number: usize) -> String {
    let sentence = format!("This is a sentence of chapter {number}, told again and again. ");
    let paragraphs: String = (0..12)
        .map(|n| format!("<p>{n}. {}</p>\n", sentence.repeat(5)))
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Chapter {number}</title><link rel="stylesheet" type="text/css" href="style.css"/></head><body><h1>Chapter {number}</h1>
{paragraphs}</body></html>
"#
    )
}

/// Starts like a PNG and goes on as noise.
fn picture(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(noise(length, 7));
    bytes
}
