//! Blocks as lines of a given width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::reading::{Block, BlockKind};

/// However narrow a terminal claims to be, lines of fewer columns cannot be read.
const WIDTH_MIN: usize = 20;

/// The lines of a text, with an empty one between blocks except between the items of a list.
#[must_use]
pub fn lines(blocks: &[Block], width: usize) -> Vec<String> {
    let width = width.max(WIDTH_MIN);
    let mut lines: Vec<String> = Vec::new();
    let mut previous: Option<&Block> = None;
    for block in blocks {
        let in_list = |block: &Block| block.indent > 0;
        if previous.is_some_and(|previous| !(in_list(previous) && in_list(block))) {
            lines.push(String::new());
        }
        push_block(&mut lines, block, width);
        previous = Some(block);
    }
    lines
}

fn push_block(lines: &mut Vec<String>, block: &Block, width: usize) {
    match block.kind {
        BlockKind::Rule => lines.push("─".repeat(width / 3)),
        BlockKind::Preformatted => {
            lines.extend(block.text.lines().map(|line| format!("    {line}")));
        }
        BlockKind::Heading(level) => {
            let heading = wrap(&block.text, width);
            let widest = heading
                .iter()
                .map(|line| line.width())
                .max()
                .unwrap_or_default();
            lines.extend(heading);
            match level {
                1 => lines.push("═".repeat(widest)),
                2 => lines.push("─".repeat(widest)),
                _ => {}
            }
        }
        BlockKind::Text => {
            // The marker of an item stands in the indent of its first line.
            let indent = " ".repeat(block.indent.min(width / 2));
            let mut first = match &block.marker {
                Some(marker) => {
                    let space = block.indent.saturating_sub(marker.width() + 1);
                    format!("{}{marker} ", " ".repeat(space))
                }
                None => indent.clone(),
            };
            for line in wrap(&block.text, width.saturating_sub(indent.len())) {
                lines.push(format!("{first}{line}"));
                first.clone_from(&indent);
            }
        }
    }
}

/// Breaks a text at spaces, and between wide characters, which need none. A word that is wider
/// than a line stays whole.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for hard_line in text.split('\n') {
        let mut line = String::new();
        let mut line_width = 0;
        for piece in pieces(hard_line) {
            let piece_width = piece.trim_end().width();
            if line_width > 0 && line_width + piece_width > width {
                lines.push(line.trim_end().to_owned());
                line.clear();
                line_width = 0;
            }
            line.push_str(piece);
            line_width += piece.width();
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// The smallest parts a line may be made of: words with the space after them, wide characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            let after = at + c.len_utf8();
            if c == ' ' || c.width().unwrap_or_default() > 1 {
                end = after;
                break;
            }
        }
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, width: usize, expected: &[&str]) {
        assert_eq!(wrap(text, width), expected);
    }

    #[test]
    fn lines_break_at_spaces() {
        check("a fine small book", 7, &["a fine", "small", "book"]);
        check("a fine small book", 100, &["a fine small book"]);
        check("", 10, &[""]);
    }

    #[test]
    fn hard_breaks_stay() {
        check("one\ntwo", 10, &["one", "two"]);
    }

    #[test]
    fn long_words_stay_whole() {
        check("an incomprehensibility", 5, &["an", "incomprehensibility"]);
    }

    #[test]
    fn wide_characters_break_anywhere_and_count_double() {
        check("日本語の本", 6, &["日本語", "の本"]);
    }
}
