//! The name of the downloaded file.

use colophon_title::MediaType;

use crate::catalog::TitleFacts;

/// A file name that is safe on the systems readers use: one segment, no control or reserved
/// characters, at most 200 bytes, never empty and never hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

/// Bytes a name may have, extension included; file systems allow 255.
const NAME_BYTES_MAX: usize = 200;

impl FileName {
    /// Makes a safe name out of any text and an extension, replacing what cannot stand in a name.
    pub fn from_text(text: &str, extension: &str) -> Self {
        let ending = format!(".{extension}");
        let stem = text.strip_suffix(&ending).unwrap_or(text);
        let mut name = cut(&plain(stem), NAME_BYTES_MAX.saturating_sub(ending.len())).to_owned();
        if name.is_empty() || is_reserved(&name) {
            name.insert_str(0, "title");
        }
        name.push_str(&ending);
        Self(name)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The rule used where the naming plug-in gives no answer: the retailer's wish, else the title.
pub fn default_text<'a>(facts: &'a TitleFacts, wished: Option<&'a str>) -> &'a str {
    wished.unwrap_or(&facts.title)
}

/// The extension a delivered file has. Sealed copies of anything but EPUB are Colophon containers.
pub fn extension(media_type: &MediaType, sealed: bool) -> &'static str {
    if media_type.is_epub() {
        return "epub";
    }
    if sealed {
        return "colophon";
    }
    match media_type.as_str() {
        "application/pdf" => "pdf",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/ogg" => "ogg",
        "audio/flac" => "flac",
        "audio/wav" => "wav",
        "video/mp4" => "mp4",
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "text/plain" => "txt",
        "text/html" => "html",
        "application/zip" => "zip",
        _ => "bin",
    }
}

/// Replaces what no file name should hold. Bidirectional controls could make `gpj.exe` read as
/// `exe.jpg`, so they go like other controls.
fn plain(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() || is_format_control(c) => ' ',
            c => c,
        })
        .collect();
    let words: Vec<&str> = kept.split_whitespace().collect();
    words.join(" ").trim_matches(['.', ' ']).to_owned()
}

fn is_format_control(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Windows gives these names to devices, with any extension.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    let device = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| matches!(rest.as_bytes(), [b'1'..=b'9']))
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || device("COM") || device("LPT")
}

fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or("").trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(FileName::from_text(text, "epub").as_str(), expected);
    }

    #[test]
    fn names_are_one_safe_segment() {
        check("Moby Dick", "Moby Dick.epub");
        check("Moby Dick.epub", "Moby Dick.epub");
        check("../../etc/passwd", "_.._etc_passwd.epub");
        check("a\r\nSet-Cookie: x", "a Set-Cookie_ x.epub");
        check("", "title.epub");
        check("...", "title.epub");
        check("CON", "titleCON.epub");
        check("com7.x", "titlecom7.x.epub");
        check("rev\u{202e}cod.exe", "rev cod.exe.epub");
        check("本のなまえ", "本のなまえ.epub");
        check("  spaced   out  ", "spaced out.epub");
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        let name = FileName::from_text(&"ü".repeat(300), "epub");
        assert!(name.as_str().len() <= NAME_BYTES_MAX);
        assert!(name.as_str().ends_with("ü.epub"));
    }
}
