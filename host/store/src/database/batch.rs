//! Statements over many rows at once: one trip to the database instead of one per row.

/// Numbers of rows that there is a statement for. A batch is cut into as few pieces as these
/// allow, so that a handful of prepared statements serves every length.
const PIECES: [usize; 4] = [64, 16, 4, 1];

/// One statement in a version for each piece: `head`, then `($1, …), ($n, …)`, then `tail`.
pub(crate) struct Batch {
    columns: usize,
    texts: [(usize, String); PIECES.len()],
}

impl Batch {
    /// `head (…), (…) tail` with `columns` arguments for each row.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let texts = PIECES.map(|rows| (rows, text(head, columns, rows, tail)));
        Self { columns, texts }
    }

    /// Cuts arguments into pieces with the statement for each.
    pub(crate) fn pieces<'a, A>(
        &'static self,
        arguments: &'a [A],
    ) -> impl Iterator<Item = (&'static str, &'a [A])> {
        let mut left = arguments;
        std::iter::from_fn(move || {
            let rows = left.len() / self.columns;
            let (size, text) = self.texts.iter().find(|(size, _)| *size <= rows)?;
            let (piece, rest) = left.split_at_checked(size * self.columns)?;
            left = rest;
            Some((text.as_str(), piece))
        })
    }
}

fn text(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let mut text = head.to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { " (" } else { ", (" });
        for column in 0..columns {
            let separator = if column == 0 { "$" } else { ", $" };
            text.push_str(separator);
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text.push(' ');
    text.push_str(tail);
    text
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static PAIRS: LazyLock<Batch> =
        LazyLock::new(|| Batch::new("INSERT INTO t VALUES", 2, "RETURNING a"));

    #[test]
    fn a_batch_is_cut_into_the_largest_pieces() {
        let arguments: Vec<usize> = (0..2 * 86).collect();
        let pieces: Vec<_> = PAIRS
            .pieces(&arguments)
            .map(|(_, piece)| piece.len() / 2)
            .collect();
        assert_eq!(pieces, [64, 16, 4, 1, 1]);
        let all: Vec<usize> = PAIRS
            .pieces(&arguments)
            .flat_map(|(_, piece)| piece.to_vec())
            .collect();
        assert_eq!(all, arguments);
    }

    #[test]
    fn arguments_are_numbered_through() {
        let (text, _) = PAIRS.pieces(&[1; 8]).next().unwrap();
        let expected = "INSERT INTO t VALUES ($1, $2), ($3, $4), ($5, $6), ($7, $8) RETURNING a";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert_eq!(PAIRS.pieces::<i64>(&[]).count(), 0);
    }
}
