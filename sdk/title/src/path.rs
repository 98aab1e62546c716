//! Paths of entries.

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use crate::xml;

/// The path of an entry: relative, separated by `/`, and safe to extract on any system.
///
/// ```
/// use colophon_title::EntryPath;
///
/// let path: EntryPath = "OEBPS/chapter 1.xhtml".parse()?;
/// assert_eq!(path.file_name(), "chapter 1.xhtml");
/// assert!("../outside".parse::<EntryPath>().is_err());
/// assert!("C:\\windows".parse::<EntryPath>().is_err());
/// # Ok::<(), colophon_title::PathRefused>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(String);

/// Why a text is no [`EntryPath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRefused {
    /// Empty, or longer than [`EntryPath::BYTES_MAX`].
    #[error("a path has 1 to {max} bytes", max = EntryPath::BYTES_MAX)]
    Length,
    /// Begins or ends with `/`, or has an empty, `.` or `..` segment.
    #[error("a path has no empty, '.' or '..' segment")]
    Segment,
    /// A backslash, a colon, a control character, or a character XML cannot hold.
    #[error("a path holds no backslash, colon or control character")]
    Character,
}

impl EntryPath {
    /// The longest path, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 1024;

    /// Parses a path.
    ///
    /// # Errors
    ///
    /// [`PathRefused`], see its variants.
    pub fn parse(text: &str) -> Result<EntryPath, PathRefused> {
        if text.is_empty() || text.len() > EntryPath::BYTES_MAX {
            return Err(PathRefused::Length);
        }
        let forbidden = |c: char| c.is_control() || matches!(c, '\\' | ':');
        if text.chars().any(forbidden) || !xml::is_text(text) {
            return Err(PathRefused::Character);
        }
        if text
            .split('/')
            .any(|segment| matches!(segment, "" | "." | ".."))
        {
            return Err(PathRefused::Segment);
        }
        Ok(EntryPath(text.to_owned()))
    }

    /// A path the format itself gives.
    pub(crate) fn fixed(text: &'static str) -> EntryPath {
        EntryPath(text.to_owned())
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// What follows the last dot of the file name, in lower case; empty if there is none.
    #[must_use]
    pub fn extension(&self) -> String {
        self.file_name()
            .rsplit_once('.')
            .map(|(_, extension)| extension.to_ascii_lowercase())
            .unwrap_or_default()
    }

    /// The path with all differences removed that a file system might not see: two entries
    /// whose folded paths are equal cannot be in one container.
    ///
    /// This is NFC, then every character to upper case, then every character to lower case,
    /// then NFC again. Going through upper case makes one of characters that have a common
    /// upper case only, as full case folding does (`ß` and `ss`, `σ` and `ς`).
    #[must_use]
    pub fn folded(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        self.folded_characters().collect()
    }

    fn folded_characters(&self) -> impl Iterator<Item = char> {
        let composed = self.0.nfc();
        let upper = composed.flat_map(char::to_uppercase);
        upper.flat_map(char::to_lowercase).nfc()
    }

    /// Whether the path is, or begins with, an ASCII text once both are folded. It is asked of
    /// every entry there is and copies nothing for it.
    pub(crate) fn folds_to(&self, text: &str, extent: Extent) -> bool {
        if self.0.is_ascii() {
            let start = match extent {
                Extent::Whole => Some(self.0.as_str()),
                Extent::Start => self.0.get(..text.len()),
            };
            return start.is_some_and(|start| start.eq_ignore_ascii_case(text));
        }
        let mut folded = self.folded_characters();
        let mut text = text.chars().map(|c| c.to_ascii_lowercase());
        text.all(|c| folded.next() == Some(c))
            && (extent == Extent::Start || folded.next().is_none())
    }
}

/// How much of a path is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Start,
}

/// A folded path, in an order in which what is inside a path follows it at once: separators come
/// before all other characters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoldedPath(String);

impl FoldedPath {
    pub(crate) fn of(path: &EntryPath) -> FoldedPath {
        // No path holds a control character.
        FoldedPath(path.folded().replace('/', "\0"))
    }

    /// Whether another path is this one, or in the folder of this name.
    pub(crate) fn is_or_holds(&self, other: &FoldedPath) -> bool {
        let rest = other.0.strip_prefix(self.0.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\0'))
    }
}

impl FromStr for EntryPath {
    type Err = PathRefused;

    fn from_str(text: &str) -> Result<EntryPath, PathRefused> {
        EntryPath::parse(text)
    }
}

impl TryFrom<&str> for EntryPath {
    type Error = PathRefused;

    fn try_from(text: &str) -> Result<EntryPath, PathRefused> {
        EntryPath::parse(text)
    }
}

impl AsRef<str> for EntryPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_could_leave_the_folder_or_mean_another_file_are_refused() {
        let check = |text: &str, refused: PathRefused| {
            assert_eq!(EntryPath::parse(text), Err(refused), "{text:?}");
        };
        check("", PathRefused::Length);
        check(&"a".repeat(1025), PathRefused::Length);
        for text in [
            "/a", "a/", "a//b", ".", "./a", "a/./b", "..", "a/../b", "a/..",
        ] {
            check(text, PathRefused::Segment);
        }
        for text in [
            "a\\b",
            "C:a",
            "a\0",
            "a\nb",
            "a\u{7f}",
            "a\u{85}",
            "a\u{FFFF}",
        ] {
            check(text, PathRefused::Character);
        }
        for text in ["a", "...", "a/.b", "ü/ß.xhtml", &"a".repeat(1024)] {
            assert!(EntryPath::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn names_that_some_file_system_takes_for_one_fold_to_one() {
        let check = |a: &str, b: &str, same: bool| {
            let fold = |text: &str| EntryPath::parse(text).map(|path| path.folded());
            assert_eq!(fold(a) == fold(b), same, "{a:?} {b:?}");
        };
        check("A/B.xhtml", "a/b.XHTML", true);
        check("caf\u{e9}", "cafe\u{301}", true);
        check("CAF\u{c9}", "cafe\u{301}", true);
        check("stra\u{df}e", "STRASSE", true);
        check("\u{3c3}", "\u{3c2}", true);
        check("\u{212a}", "k", true);
        check("a", "b", false);
        check("cafe", "caf\u{e9}", false);
    }

    #[test]
    fn what_is_in_a_folder_follows_it_at_once() {
        let folded = |text: &str| FoldedPath::of(&EntryPath::parse(text).expect("a path"));
        let check = |path: &str, other: &str, holds: bool| {
            assert_eq!(
                folded(path).is_or_holds(&folded(other)),
                holds,
                "{path:?} {other:?}"
            );
        };
        check("a", "A", true);
        check("a", "A/b/c", true);
        check("stra\u{df}e", "STRASSE/b", true);
        check("a/b", "a", false);
        check("a", "ab", false);
        check("a", "a b/c", false);
        for between in ["a!", "a b/c", "a-b", "ab", "a\u{e4}"] {
            assert!(folded("a/\u{10fffd}") < folded(between), "{between:?}");
        }
    }

    #[test]
    fn a_path_is_compared_with_a_text_as_it_folds() {
        let check = |path: &str, text: &str, whole: bool, start: bool| {
            let parsed = EntryPath::parse(path).expect("a path");
            let found = [Extent::Whole, Extent::Start].map(|extent| parsed.folds_to(text, extent));
            assert_eq!(found, [whole, start], "{path:?} {text:?}");
            // The same in the words of the slow way.
            let text = text.to_ascii_lowercase();
            let folded = parsed.folded();
            assert_eq!(found, [folded == text, folded.starts_with(&text)]);
        };
        let (file, folder) = ("META-INF/rights.xml", "META-INF/colophon/");
        check("META-INF/Rights.XML", file, true, true);
        check("META-INF/right\u{17f}.xml", file, true, true);
        check("META-INF/rights.xm", file, false, false);
        check("META-INF/right\u{17f}.xm", file, false, false);
        check("META-INF/rights.xml2", file, false, true);
        check("META-INF/right\u{17f}.xml2", file, false, true);
        check("meta-inf/COLOPHON/u", folder, false, true);
        check("meta-inf/COLOPHON/\u{fc}", folder, false, true);
        check("\u{fc}", folder, false, false);
    }
}
