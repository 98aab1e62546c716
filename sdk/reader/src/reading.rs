//! Chapters as text for a terminal.
//!
//! XHTML becomes a list of [`Block`]s, and those become lines of a given width. Pictures are
//! named, not shown; scripts and styles are left out; nothing is ever executed or fetched.

mod blocks;
mod lines;
mod printable;

pub use blocks::{Block, BlockKind, blocks};
pub use lines::{lines, wrap};
pub use printable::printable;

/// A chapter's XHTML as lines no wider than `width` columns.
///
/// ```
/// let text = colophon_reader::reading::text("<h1>One</h1><p>It was <em>late</em>.</p>", 40);
/// assert_eq!(text, "One\n═══\n\nIt was late.\n");
/// ```
#[must_use]
pub fn text(xhtml: &str, width: usize) -> String {
    let mut text = String::new();
    for line in lines(&blocks(xhtml), width) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}
