//! What the first bytes of a file show it to be.

use std::io::{Read, Seek, SeekFrom};

mod formats;

use formats::{FORMATS, Format, is_zip};

use super::SourceRefused;
use crate::MediaType;

/// As much as the formats below need.
const HEAD_BYTES: u64 = 4096;

const NO_CLAIM: &str = "application/octet-stream";

/// The first bytes of a file; refuses an empty one.
pub(super) fn head<R: Read + Seek>(reader: &mut R, length: u64) -> Result<Vec<u8>, SourceRefused> {
    if length == 0 {
        return Err(SourceRefused::Empty);
    }
    reader.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    reader.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// The media type a file is taken for: what it claims, unless its bytes show something else.
pub(super) fn media_type(head: &[u8], claimed: &MediaType) -> Result<MediaType, SourceRefused> {
    let found = FORMATS
        .iter()
        .find(|format| format.shows_in(head))
        .and_then(|format| format.media_types().next())
        .and_then(|name| MediaType::parse(name).ok());
    if claimed.as_str() == NO_CLAIM {
        return Ok(found.unwrap_or_else(|| claimed.clone()));
    }
    if may_be(head, claimed, found.as_ref()) {
        Ok(claimed.clone())
    } else {
        Err(SourceRefused::NotWhatItClaims {
            claimed: claimed.clone(),
            found,
        })
    }
}

fn may_be(head: &[u8], claimed: &MediaType, found: Option<&MediaType>) -> bool {
    let name = claimed.as_str();
    if claimed.is_epub() {
        // Whether its `mimetype` says so is for the inspection of the archive to find.
        return is_zip(head);
    }
    let claims = |format: &&Format| format.media_types().any(|media_type| media_type == name);
    let mut known = FORMATS.iter().filter(claims).peekable();
    if known.peek().is_some() {
        return known.any(|format| format.shows_in(head));
    }
    if name.ends_with("+zip") {
        return is_zip(head);
    }
    if name.starts_with("text/") || name.ends_with("+xml") || name.ends_with("+json") {
        return found.is_none() && is_text(head);
    }
    // A format unknown here is believed, unless it is evidently one of another kind.
    let kind = |media_type: &MediaType| {
        media_type
            .as_str()
            .split_once('/')
            .map(|(kind, _)| kind.to_owned())
    };
    name.starts_with("application/") || found.is_none_or(|found| kind(found) == kind(claimed))
}

/// Text in UTF-8 or another superset of ASCII has no zero bytes; text in UTF-16 has a mark.
fn is_text(head: &[u8]) -> bool {
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    utf16 || !head.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], claimed: &str, expected: Result<&str, Option<&str>>) {
        let claimed = MediaType::parse(claimed).unwrap();
        let taken = media_type(head, &claimed).map_err(|refused| {
            let SourceRefused::NotWhatItClaims { found, .. } = refused else {
                panic!()
            };
            found
        });
        let parse = |name| MediaType::parse(name).unwrap();
        assert_eq!(
            taken,
            expected.map(parse).map_err(|name| name.map(parse)),
            "{head:?}"
        );
    }

    #[test]
    fn claims_are_held_against_the_bytes() {
        check(b"%PDF-1.7", "application/pdf", Ok("application/pdf"));
        check(b"\n\n%PDF-1.7", "application/pdf", Ok("application/pdf"));
        check(
            b"PK\x03\x04",
            "application/pdf",
            Err(Some("application/zip")),
        );
        check(
            b"%PDF-1.7",
            "application/epub+zip",
            Err(Some("application/pdf")),
        );
        check(
            b"PK\x03\x04",
            "application/epub+zip",
            Ok("application/epub+zip"),
        );
        check(b"\x7fELF", "image/png", Err(Some("application/x-elf")));
        check(
            b"\x7fELF",
            "application/x-executable",
            Ok("application/x-executable"),
        );
        check(b"hello", "image/png", Err(None));
        check(b"ID3\x04", "audio/mpeg", Ok("audio/mpeg"));
        check(b"\xff\xfb\x90\x00", "audio/mpeg", Ok("audio/mpeg"));
        check(b"\0\0\0\x20ftypM4B ", "audio/mp4", Ok("audio/mp4"));
        check(b"\0\0\0\x20ftypisom", "audio/mp4", Ok("audio/mp4"));
        check(b"\0\0\0\x20ftypisom", "video/mp4", Ok("video/mp4"));
        check(
            b"RIFF\0\0\0\0WAVE",
            "video/x-msvideo",
            Err(Some("audio/wav")),
        );
    }

    #[test]
    fn text_is_text() {
        check(b"<html>", "text/html", Ok("text/html"));
        check("\u{feff}hé".as_bytes(), "text/plain", Ok("text/plain"));
        check(b"\xff\xfeh\0", "text/plain", Ok("text/plain"));
        check(b"a\0b", "text/plain", Err(None));
        check(
            b"MZ\x90\0",
            "text/plain",
            Err(Some("application/vnd.microsoft.portable-executable")),
        );
        check(b"<svg/>", "image/svg+xml", Ok("image/svg+xml"));
    }

    #[test]
    fn unknown_formats_are_believed_within_reason() {
        check(
            b"????",
            "application/x-unheard-of",
            Ok("application/x-unheard-of"),
        );
        check(b"????", "audio/x-unheard-of", Ok("audio/x-unheard-of"));
        check(b"fLaC", "audio/x-unheard-of", Ok("audio/x-unheard-of"));
        check(
            b"MZ\x90\0",
            "audio/x-unheard-of",
            Err(Some("application/vnd.microsoft.portable-executable")),
        );
        check(
            b"PK\x03\x04",
            "application/lpf+zip",
            Ok("application/lpf+zip"),
        );
        check(b"????", "application/lpf+zip", Err(None));
    }

    #[test]
    fn no_claim_takes_what_the_bytes_show() {
        check(
            b"????",
            "application/octet-stream",
            Ok("application/octet-stream"),
        );
        check(b"fLaC", "application/octet-stream", Ok("audio/flac"));
        let mut epub = b"PK\x03\x04".to_vec();
        epub.resize(30, 0);
        epub.extend_from_slice(b"mimetypeapplication/epub+zip");
        check(
            &epub,
            "application/octet-stream",
            Ok("application/epub+zip"),
        );
    }
}
