//! Text that cannot command a terminal.

use std::borrow::Cow;

/// The text with every character that a terminal would obey instead of show replaced: control
/// characters, and overrides of the writing direction, which could make a name read as another.
///
/// ```
/// use colophon_reader::reading::printable;
///
/// assert_eq!(printable("Ann\u{1b}[2J"), "Ann\u{fffd}[2J");
/// assert_eq!(printable("Ann"), "Ann");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| c.is_control() || matches!(c, '\u{202D}' | '\u{202E}');
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .map(|c| if obeyed(c) { '\u{FFFD}' } else { c })
            .collect(),
    )
}
