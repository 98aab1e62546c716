//! What commands print: tables for people, JSON for programs; data on standard output, talk on
//! standard error.

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

/// A table of text cells.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(headings.iter().copied());
    table.add_rows(rows);
    table.to_string()
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
    use super::plain;

    #[test]
    fn a_terminal_is_given_no_orders() {
        assert_eq!(plain("a\tb\nc"), "a\tb\nc");
        assert_eq!(
            plain("\u{1b}[2J\u{9b}1m\r\u{202e}x\u{7f}"),
            "\u{fffd}[2J\u{fffd}1m\u{fffd}\u{fffd}x\u{fffd}"
        );
    }
}
