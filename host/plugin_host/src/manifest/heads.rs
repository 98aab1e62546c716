//! Heads of tables in a paper: below one, TOML takes a key for the table's that its author meant for the
//! paper itself.

use std::fmt;

/// The head of a table, as it stands in a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableHead {
    text: Box<str>,
    line: usize,
}

impl fmt::Display for TableHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in line {}", self.text, self.line)
    }
}

/// Where the first table of a paper begins: a key that belongs to no table stands above it.
pub fn first_table(text: &str) -> Option<TableHead> {
    let mut lines = lines(text);
    lines.find_map(|line| line.head(text))
}

/// The table that a byte of a paper stands in.
pub(super) fn table_around(text: &str, at: usize) -> Option<TableHead> {
    let above: Vec<Line<'_>> = lines(text).take_while(|line| line.begins <= at).collect();
    above.iter().rev().find_map(|line| line.head(text))
}

/// The line that a byte of a paper stands in.
pub(super) fn line_at(text: &str, at: usize) -> Option<&str> {
    let above = lines(text).take_while(|line| line.begins <= at);
    above.last().map(|line| line.text)
}

/// The paper with the line that a byte of it stands in above all others, and how long that line is.
pub(super) fn with_line_first(text: &str, at: usize) -> Option<(String, usize)> {
    let line = lines(text).take_while(|line| line.begins <= at).last()?;
    let (above, rest) = text.split_at_checked(line.begins)?;
    let below = rest.split_once('\n').map_or("", |(_, below)| below);
    Some((format!("{}\n{above}{below}", line.text), line.text.len()))
}

struct Line<'a> {
    number: usize,
    begins: usize,
    text: &'a str,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut next = 0;
    (1..)
        .zip(text.split_inclusive('\n'))
        .map(move |(number, text)| {
            let begins = next;
            next += text.len();
            Line {
                number,
                begins,
                text: text.trim(),
            }
        })
}

impl Line<'_> {
    /// The head that this line of the paper is, if it is one. A list, and a text of many lines, can go on
    /// in a line that begins as one; what stands above it is no whole paper then.
    fn head(&self, paper: &str) -> Option<TableHead> {
        if !self.text.starts_with('[') {
            return None;
        }
        let above = paper.get(..self.begins)?;
        toml::from_str::<toml::Table>(above).ok()?;
        let ends = self.text.rfind(']')?;
        Some(TableHead {
            text: self.text.get(..=ends)?.into(),
            line: self.number,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: &str = "a = [\n  1,\n]\nb = [\n[1],\n[2]\n]\nc = \"\"\"\n[no]\n\"\"\"\n\n [one.two] # here\nd = 1\n\n[[three]]\ne = [\n[2]]\nf = 1\n";

    #[test]
    fn only_heads_of_tables_are_taken_for_such() {
        let first = first_table(PAPER).map(|head| head.to_string());
        assert_eq!(first.as_deref(), Some("[one.two] in line 12"));
        let around = |what: &str| {
            let at = PAPER.find(what).unwrap();
            table_around(PAPER, at).map(|head| head.to_string())
        };
        assert_eq!(around("[2]\n"), None);
        assert_eq!(around("[no]"), None);
        assert_eq!(around("d = 1").as_deref(), Some("[one.two] in line 12"));
        assert_eq!(around("[[three]]").as_deref(), Some("[[three]] in line 15"));
        assert_eq!(around("f = 1").as_deref(), Some("[[three]] in line 15"));
        assert_eq!(
            line_at(PAPER, PAPER.find("= 1\n\n").unwrap()),
            Some("d = 1")
        );
        assert_eq!(first_table("a = 1\n"), None);
    }
}
