//! What commands print: tables for people, JSON for programs; data on standard output, talk on
//! standard error.

use std::borrow::Cow;
use std::io::Write as _;

use anyhow::Result;
use serde::Serialize;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Tables and sentences.
    Text,
    /// One JSON document.
    Json,
}

impl Output {
    /// Prints a result: as JSON, or as the text that `text` makes of it.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<()> {
        let rendered = match self {
            Self::Json => serde_json::to_string_pretty(value)?,
            Self::Text => plain(&text(value)),
        };
        let mut out = std::io::stdout().lock();
        // A closed pipe (`| head`) is no failure of the command.
        match writeln!(out, "{}", rendered.trim_end()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => Ok(other?),
        }
    }
}

/// A text as a terminal may have it. Names come from files and people of whom nothing is known, and
/// could hold orders to a terminal, or turn what follows around.
pub(crate) fn plain(text: &str) -> String {
    let orders = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(orders, "\u{fffd}")
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The longest text that a cell of a table shows, and a line that stands for a longer one.
const SHOWN_CHARS_MAX: usize = 160;

/// As much of a text as a table or a list shows. What is longer is shown whole in a place of its own,
/// where nothing stands beside it: what an interpreter tells of its own end has hundreds of characters.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(SHOWN_CHARS_MAX - 1).collect();
            Cow::Owned(kept + "…")
        }
    }
}

/// A table of text cells, without blanks behind its lines.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(headings.iter().copied());
    table.add_rows(rows);
    let table = table.to_string();
    let lines: Vec<&str> = table.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Asks before something is destroyed. Where nobody can answer, the answer is no, and no is an
/// error: what comes after the question does not happen.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<()> {
    use std::io::IsTerminal as _;
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        anyhow::bail!("{question} Nobody is here to answer; repeat the command with --yes.");
    }
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !answer.trim().eq_ignore_ascii_case("y") {
        anyhow::bail!("nothing was changed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_widens_no_other_line() {
        let long = "x".repeat(600);
        let rows = [["a", "b"], ["a", &long]].map(|row| row.map(str::to_owned).to_vec());
        let table = table(&["", ""], rows);
        assert!(table.lines().all(|line| line.trim_end() == line), "{table}");
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ü".repeat(160)), "ü".repeat(160));
        assert_eq!(cut(&"ü".repeat(161)), "ü".repeat(159) + "…");
    }

    #[test]
    fn a_terminal_is_given_no_orders() {
        assert_eq!(plain("a\tb\nc"), "a\tb\nc");
        assert_eq!(
            plain("\u{1b}[2J\u{9b}1m\r\u{202e}x\u{7f}"),
            "\u{fffd}[2J\u{fffd}1m\u{fffd}\u{fffd}x\u{fffd}"
        );
    }
}
