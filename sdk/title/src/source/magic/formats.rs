//! The formats that show in their first bytes.

use crate::MediaType;

/// A format with the media types that may claim it, the proper one first, separated by
/// spaces.
pub(super) struct Format(pub(super) &'static str, pub(super) Shows);

/// How a format shows.
pub(super) enum Shows {
    /// By these bytes at this offset.
    At(usize, &'static [u8]),
    /// By what a function finds in the first bytes.
    When(fn(&[u8]) -> bool),
}

use Shows::{At, When};

impl Format {
    pub(super) fn shows_in(&self, head: &[u8]) -> bool {
        match &self.1 {
            At(offset, magic) => at(head, *offset, magic),
            When(shows) => shows(head),
        }
    }

    pub(super) fn media_types(&self) -> impl Iterator<Item = &'static str> {
        self.0.split(' ')
    }
}

/// More particular formats stand before those they are made with.
#[rustfmt::skip]
pub(super) const FORMATS: &[Format] = &[
    // Documents.
    Format(MediaType::EPUB, When(is_epub)),
    Format(MediaType::CONTAINER, When(is_title_file)),
    Format("application/pdf", When(is_pdf)),
    Format("application/x-mobipocket-ebook application/vnd.amazon.ebook", At(60, b"BOOKMOBI")),
    Format("application/x-ms-reader", At(0, b"ITOLITLS")),
    Format("application/postscript", At(0, b"%!PS")),
    Format("application/rtf text/rtf", At(0, b"{\\rtf")),
    Format("image/vnd.djvu", At(0, b"AT&TFORM")),
    Format("application/msword application/vnd.ms-excel application/vnd.ms-powerpoint",
        At(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    // Images.
    Format("image/jpeg", At(0, b"\xff\xd8\xff")),
    Format("image/png", At(0, b"\x89PNG\r\n\x1a\n")),
    Format("image/gif", At(0, b"GIF87a")),
    Format("image/gif", At(0, b"GIF89a")),
    Format("image/webp", When(|head| riff(head, b"WEBP"))),
    Format("image/avif", When(|head| brand(head, &[b"avif", b"avis"]))),
    Format("image/heic image/heif", When(|head| brand(head, &[b"heic", b"heix", b"mif1"]))),
    Format("image/tiff", At(0, b"II*\0")),
    Format("image/tiff", At(0, b"MM\0*")),
    Format("image/bmp", When(|head| head.starts_with(b"BM") && at(head, 6, &[0; 4]))),
    // Audio and video.
    Format("audio/mp4 audio/x-m4a audio/x-m4b audio/aac",
        When(|head| brand(head, &[b"M4A ", b"M4B ", b"M4P "]))),
    Format("video/quicktime", When(|head| brand(head, &[b"qt  "]))),
    Format("video/mp4 audio/mp4 audio/x-m4a audio/x-m4b video/x-m4v video/3gpp audio/3gpp",
        At(4, b"ftyp")),
    Format("video/quicktime", At(4, b"moov")),
    Format("video/quicktime", At(4, b"mdat")),
    Format("video/quicktime", At(4, b"wide")),
    Format("video/webm audio/webm video/matroska video/x-matroska audio/x-matroska",
        At(0, b"\x1a\x45\xdf\xa3")),
    Format("audio/ogg video/ogg application/ogg audio/opus audio/vorbis", At(0, b"OggS")),
    Format("audio/flac audio/x-flac", At(0, b"fLaC")),
    Format("audio/wav audio/x-wav audio/wave audio/vnd.wave", When(|head| riff(head, b"WAVE"))),
    Format("video/x-msvideo", When(|head| riff(head, b"AVI "))),
    Format("audio/aiff audio/x-aiff", When(is_aiff)),
    Format("audio/midi audio/x-midi", At(0, b"MThd")),
    Format("video/mpeg", At(0, b"\0\0\x01\xba")),
    Format("video/mpeg", At(0, b"\0\0\x01\xb3")),
    Format("audio/mpeg audio/mp3", When(is_mpeg_audio)),
    Format("audio/aac audio/aacp", When(|head| matches!(head, [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..]))),
    // Fonts.
    Format("font/woff application/font-woff", At(0, b"wOFF")),
    Format("font/woff2", At(0, b"wOF2")),
    Format("font/otf font/sfnt application/vnd.ms-opentype", At(0, b"OTTO")),
    Format("font/ttf font/otf font/sfnt application/x-font-ttf application/vnd.ms-opentype",
        At(0, b"\0\x01\0\0\0")),
    // Programs.
    Format("application/vnd.microsoft.portable-executable application/x-msdownload \
        application/x-dosexec application/x-msdos-program", When(is_dos_program)),
    Format("application/x-elf application/x-executable application/x-pie-executable \
        application/x-sharedlib", At(0, b"\x7fELF")),
    Format("application/x-mach-binary", At(0, b"\xcf\xfa\xed\xfe")),
    Format("application/x-mach-binary", At(0, b"\xce\xfa\xed\xfe")),
    Format("application/x-mach-binary", At(0, b"\xca\xfe\xba\xbe")),
    Format("application/wasm", At(0, b"\0asm")),
    // Archives.
    Format("application/zip application/x-zip-compressed application/java-archive \
        application/vnd.android.package-archive application/vnd.comicbook+zip \
        application/x-cbz", When(is_zip)),
    Format("application/gzip application/x-gzip", At(0, b"\x1f\x8b")),
    Format("application/x-bzip2", When(|head| head.starts_with(b"BZh") && at(head, 4, b"1AY&SY"))),
    Format("application/x-xz", At(0, b"\xfd7zXZ\0")),
    Format("application/zstd", At(0, b"\x28\xb5\x2f\xfd")),
    Format("application/x-7z-compressed", At(0, b"7z\xbc\xaf\x27\x1c")),
    Format("application/vnd.rar application/x-rar-compressed application/vnd.comicbook-rar \
        application/x-cbr", At(0, b"Rar!\x1a\x07")),
    Format("application/x-tar", At(257, b"ustar")),
];

pub(super) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

fn at(head: &[u8], offset: usize, magic: &[u8]) -> bool {
    head.get(offset..)
        .is_some_and(|rest| rest.starts_with(magic))
}

fn is_epub(head: &[u8]) -> bool {
    has_mimetype(head, MediaType::EPUB)
}

fn is_title_file(head: &[u8]) -> bool {
    has_mimetype(head, MediaType::CONTAINER)
}

/// Whether an archive's first entry is a stored `mimetype` that says so, as OCF has it.
fn has_mimetype(head: &[u8], media_type: &str) -> bool {
    let Some([low, high]) = head.get(28..30) else {
        return false;
    };
    let content = 38 + usize::from(u16::from_le_bytes([*low, *high]));
    is_zip(head) && at(head, 30, b"mimetype") && at(head, content, media_type.as_bytes())
}

/// Readers look for it in the first kilobyte.
fn is_pdf(head: &[u8]) -> bool {
    head.windows(5).take(1024).any(|window| window == b"%PDF-")
}

fn is_aiff(head: &[u8]) -> bool {
    head.starts_with(b"FORM") && (at(head, 8, b"AIFF") || at(head, 8, b"AIFC"))
}

fn riff(head: &[u8], kind: &[u8; 4]) -> bool {
    head.starts_with(b"RIFF") && at(head, 8, kind)
}

fn brand(head: &[u8], brands: &[&[u8; 4]]) -> bool {
    at(head, 4, b"ftyp") && brands.iter().any(|brand| at(head, 8, *brand))
}

/// The two letters alone could begin a text, which has no zero bytes.
fn is_dos_program(head: &[u8]) -> bool {
    head.starts_with(b"MZ") && head.contains(&0)
}

/// An ID3 tag, or the header of a frame of layer II or III with possible rates.
fn is_mpeg_audio(head: &[u8]) -> bool {
    match head {
        [b'I', b'D', b'3', 2..=4, ..] => true,
        [0xff, second, third, ..] => {
            let (layer, bit_rate, sample_rate) = (second >> 1 & 3, third >> 4, third >> 2 & 3);
            second & 0xe0 == 0xe0 && matches!(layer, 1 | 2) && bit_rate != 15 && sample_rate != 3
        }
        _ => false,
    }
}
