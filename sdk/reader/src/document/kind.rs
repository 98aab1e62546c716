//! What a file is, told from its opening bytes; and what its name claims it to be.

use std::io::{self, Read, Seek};

use colophon_title::MediaType;
use zip::ZipArchive;

/// What the opening bytes say.
pub(super) enum Kind {
    /// A title file that holds anything but an EPUB.
    TitleFile,
    /// An EPUB, protected or not.
    Epub,
    /// Neither.
    Other,
}

/// The longest name and media type at the front of an archive that are of interest.
const OPENING_BYTES: u64 = 128;

impl Kind {
    /// Looks at the front and goes back to it.
    pub(super) fn of<R: Read + Seek>(reader: &mut R) -> io::Result<Kind> {
        let mut opening = Vec::new();
        reader
            .by_ref()
            .take(OPENING_BYTES)
            .read_to_end(&mut opening)?;
        reader.rewind()?;
        Ok(match stored_mimetype(&opening) {
            Some(text) if text.starts_with(MediaType::CONTAINER.as_bytes()) => Kind::TitleFile,
            Some(text) if text.starts_with(MediaType::EPUB.as_bytes()) => Kind::Epub,
            Some(_) | None => Kind::Other,
        })
    }
}

/// What follows the header of an archive's first entry, if that is a `mimetype`.
fn stored_mimetype(opening: &[u8]) -> Option<&[u8]> {
    let rest = opening.strip_prefix(b"PK\x03\x04")?;
    let extra_length = rest.get(24..26)?;
    let after_name = rest.get(26..)?.strip_prefix(b"mimetype")?;
    let extra_length = u16::from_le_bytes(extra_length.try_into().ok()?);
    after_name.get(usize::from(extra_length)..)
}

/// Whether an archive holds anything that only title files have, or cannot be listed at all.
pub(super) fn has_traces_of_a_title<R: Read + Seek>(reader: R) -> bool {
    let Ok(archive) = ZipArchive::new(reader) else {
        return true;
    };
    archive
        .file_names()
        .any(|name| name.is_ok_and(|name| name.starts_with("META-INF/colophon/")))
}

/// The media type a file name claims, for the kinds of goods that are sold most.
pub(super) fn claimed_media_type(name: &str) -> MediaType {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let text = match extension.as_deref() {
        Some("epub") => MediaType::EPUB,
        Some("pdf") => "application/pdf",
        Some("mp3") => "audio/mpeg",
        Some("m4a" | "m4b") => "audio/mp4",
        Some("ogg" | "opus") => "audio/ogg",
        Some("flac") => "audio/flac",
        Some("mp4") => "video/mp4",
        Some("webm") => "video/webm",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("zip") => "application/zip",
        Some(_) | None => "application/octet-stream",
    };
    MediaType::parse(text).unwrap_or_else(|_| MediaType::container())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn opening(name: &[u8], extra: &[u8], text: &[u8]) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend([0; 22]);
        bytes.extend(
            u16::try_from(name.len())
                .expect("a short name")
                .to_le_bytes(),
        );
        bytes.extend(
            u16::try_from(extra.len())
                .expect("a short field")
                .to_le_bytes(),
        );
        bytes.extend([name, extra, text].concat());
        bytes
    }

    fn check(bytes: &[u8], expected: &str) {
        let found = match Kind::of(&mut Cursor::new(bytes)).expect("readable") {
            Kind::TitleFile => "title",
            Kind::Epub => "epub",
            Kind::Other => "other",
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn an_archive_is_told_by_its_first_entry() {
        check(
            &opening(b"mimetype", b"", b"application/epub+zipPK"),
            "epub",
        );
        check(
            &opening(b"mimetype", b"", b"application/vnd.colophon.title+zipPK"),
            "title",
        );
        check(
            &opening(b"mimetype", b"extra", b"application/epub+zipPK"),
            "epub",
        );
        check(
            &opening(b"document", b"", b"application/epub+zipPK"),
            "other",
        );
    }

    #[test]
    fn short_and_foreign_files_are_other() {
        check(b"", "other");
        check(b"PK\x03\x04", "other");
        check(b"%PDF-1.7", "other");
        check(&opening(b"mimetype", b"", b"")[..30], "other");
    }
}
