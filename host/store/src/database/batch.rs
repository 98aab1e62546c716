//! Statements over many rows at once: one trip to the database instead of one per row.

/// Numbers of rows that there is a statement for, the largest first. A batch is cut into as few
/// pieces as these allow: one for most, so that a few writes at once are one trip and need no
/// transaction around them.
const PIECES: [usize; 19] = [
    128, 64, 32, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
];

/// How arguments stand in a statement's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholders {
    /// As `$1`, `$2` and so on.
    Numbered,
    /// As `?`, one after the other. SQLite keeps numbered ones in a list that it walks from the
    /// start for each of them, which is felt with thousands.
    InOrder,
}

/// One statement in a version for each piece: `head`, then `($1, …), ($n, …)`, then `tail`, which
/// has no arguments.
pub(crate) struct Batch {
    columns: usize,
    texts: [Text; PIECES.len()],
}

struct Text {
    rows: usize,
    numbered: String,
    in_order: String,
}

impl Batch {
    /// `head (…), (…) tail` with `columns` arguments for each row.
    pub(crate) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let texts = PIECES.map(|rows| Text {
            rows,
            numbered: text(head, columns, rows, tail, Placeholders::Numbered),
            in_order: text(head, columns, rows, tail, Placeholders::InOrder),
        });
        Self { columns, texts }
    }

    /// Cuts arguments into pieces with the statement for each.
    pub(crate) fn pieces<'a, A>(
        &'static self,
        placeholders: Placeholders,
        arguments: &'a [A],
    ) -> impl Iterator<Item = (&'static str, &'a [A])> {
        let mut left = arguments;
        std::iter::from_fn(move || {
            let rows = left.len() / self.columns;
            let text = self.texts.iter().find(|text| text.rows <= rows)?;
            let (piece, rest) = left.split_at_checked(text.rows * self.columns)?;
            left = rest;
            let sql = match placeholders {
                Placeholders::Numbered => &text.numbered,
                Placeholders::InOrder => &text.in_order,
            };
            Some((sql.as_str(), piece))
        })
    }
}

fn text(head: &str, columns: usize, rows: usize, tail: &str, placeholders: Placeholders) -> String {
    let mut text = head.to_owned();
    for row in 0..rows {
        text.push_str(if row == 0 { " (" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            match placeholders {
                Placeholders::Numbered => {
                    text.push('$');
                    text.push_str(&(row * columns + column + 1).to_string());
                }
                Placeholders::InOrder => text.push('?'),
            }
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
        let arguments: Vec<usize> = (0..2 * 187).collect();
        let pieces: Vec<_> = PAIRS
            .pieces(Placeholders::Numbered, &arguments)
            .map(|(_, piece)| piece.len() / 2)
            .collect();
        assert_eq!(pieces, [128, 32, 16, 11]);
        let all: Vec<usize> = PAIRS
            .pieces(Placeholders::Numbered, &arguments)
            .flat_map(|(_, piece)| piece.to_vec())
            .collect();
        assert_eq!(all, arguments);
    }

    #[test]
    fn arguments_stand_as_the_engine_likes_them() {
        let text = |placeholders| PAIRS.pieces(placeholders, &[1; 6]).next().unwrap().0;
        let expected = "INSERT INTO t VALUES ($1, $2), ($3, $4), ($5, $6) RETURNING a";
        assert_eq!(text(Placeholders::Numbered), expected);
        let expected = "INSERT INTO t VALUES (?, ?), (?, ?), (?, ?) RETURNING a";
        assert_eq!(text(Placeholders::InOrder), expected);
    }

    #[test]
    fn nothing_is_no_statement() {
        assert_eq!(PAIRS.pieces::<i64>(Placeholders::InOrder, &[]).count(), 0);
    }
}
