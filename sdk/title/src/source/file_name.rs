//! What a file name becomes: a path in the title file, and a title where nothing better is
//! known.

use crate::{EntryPath, PathRefused};

const BYTES_MAX: usize = 200;

/// A path of one segment that resembles the file name. What is no part of a path (folders,
/// colons, control characters) goes.
pub(super) fn safe(file_name: &str) -> Result<EntryPath, PathRefused> {
    let kept: String = last_segment(file_name)
        .chars()
        .map(|c| if c == ':' || c.is_control() { '_' } else { c })
        .filter(|c| crate::xml::is_text(c.encode_utf8(&mut [0; 4])))
        .collect();
    // The end is what has the extension, so too long a name loses its beginning.
    let cut = kept.len().saturating_sub(BYTES_MAX);
    let start = (cut..=kept.len())
        .find(|at| kept.is_char_boundary(*at))
        .unwrap_or_default();
    let kept = kept.get(start..).unwrap_or_default().trim();
    EntryPath::parse(if kept.trim_matches('.').is_empty() {
        "content"
    } else {
        kept
    })
}

/// The file name without folders and extension.
pub(super) fn title(file_name: &str) -> String {
    let name = last_segment(file_name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim();
    let title = if stem.is_empty() { name } else { stem };
    title.chars().filter(|c| !c.is_control()).collect()
}

fn last_segment(file_name: &str) -> &str {
    file_name.rsplit(['/', '\\']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_file_name_becomes_a_path() {
        let check = |name: &str, path: &str| assert_eq!(safe(name).unwrap().as_str(), path);
        check("Book.pdf", "Book.pdf");
        check("C:\\Books\\Book.pdf", "Book.pdf");
        check("../../etc/passwd", "passwd");
        check("a:b\nc.pdf", "a_b_c.pdf");
        check(" .. ", "content");
        check("", "content");
        check("dir/", "content");
        check(
            &format!("{}.pdf", "ü".repeat(300)),
            &format!("{}.pdf", "ü".repeat(98)),
        );
    }

    #[test]
    fn a_title_is_the_name_without_folder_and_extension() {
        let check = |name: &str, expected: &str| assert_eq!(title(name), expected);
        check("/books/On Books, 2nd ed..pdf", "On Books, 2nd ed.");
        check("README", "README");
        check(".profile", ".profile");
    }
}
