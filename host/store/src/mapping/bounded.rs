//! A statement as it is run: inside of another, which reads one row more than is handed over, and
//! leaves the values out of a row that holds too much, so that only its size arrives.

use std::fmt::Write as _;

use colophon_core::capability::SqlStatement;

/// A statement that fits the live schema.
pub(super) struct Bounded {
    /// As it was granted.
    pub(super) statement: SqlStatement,
    /// Its columns, as they were when it was prepared.
    pub(super) columns: Vec<Column>,
    /// What is run. Its last parameter is how many bytes a row may hold, its last column how many
    /// it holds.
    pub(super) text: String,
}

/// A column of a statement.
pub(super) struct Column {
    /// As the statement calls it.
    pub(super) name: String,
    /// Whether its whole numbers stand for true and false.
    pub(super) truth: bool,
    /// How the database tells what a value holds, with `{}` for the column; none where all values
    /// are small.
    pub(super) size: Option<&'static str>,
}

impl Bounded {
    pub(super) fn new(statement: &SqlStatement, columns: Vec<Column>) -> Self {
        Self {
            text: text(statement, &columns),
            statement: statement.clone(),
            columns,
        }
    }

    /// Names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        let all = self.columns.iter();
        all.map(|column| column.name.clone()).collect()
    }
}

/// The statement's own columns may have any names, and one name twice; here they have numbers. A
/// comment at its end ends with its line.
///
/// Rows come in the order of the statement's own `ORDER BY`, and those over the limit are its last.
/// SQL itself promises that of the outermost order alone. It holds because nothing around the
/// statement joins, groups or sorts: both engines hand on each row as the statement gives it, and
/// neither leaves out an order inside of a query that has no other.
fn text(statement: &SqlStatement, columns: &[Column]) -> String {
    let own = statement.text.as_str();
    let most = statement.parameters.len() + 1;
    let rows = u64::from(statement.rows_max) + 1;
    let mut shown = String::new();
    let mut size = String::from("CAST(0 AS BIGINT)");
    let all: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    for (name, column) in all.iter().zip(columns) {
        // Writing to a text cannot fail.
        let _ = match column.size {
            Some(held) => {
                let held = held.replace("{}", name);
                let _ = write!(size, " + COALESCE({held}, 0)");
                write!(shown, "CASE WHEN size <= ${most} THEN {name} END, ")
            }
            None => write!(shown, "{name}, "),
        };
    }
    let all = all.join(", ");
    format!(
        "WITH colophon_granted({all}) AS ({own}\n) SELECT {shown}size FROM \
         (SELECT {all}, {size} AS size FROM colophon_granted LIMIT {rows}) AS sized"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use colophon_core::capability::{SqlType, StatementText};

    use super::*;

    #[test]
    fn rows_are_cut_by_number_and_by_what_they_hold() {
        let column = |name: &str, size| Column {
            name: name.to_owned(),
            truth: false,
            size,
        };
        let statement = SqlStatement {
            text: StatementText::parse("select id, n from t where id = $1 -- all").unwrap(),
            parameters: vec![SqlType::Text],
            rows_max: 3,
            time_max: Duration::from_secs(1),
        };
        let columns = vec![column("id", Some("octet_length({})")), column("id", None)];
        assert_eq!(
            Bounded::new(&statement, columns).text,
            "WITH colophon_granted(c1, c2) AS (select id, n from t where id = $1 -- all\n) \
             SELECT CASE WHEN size <= $2 THEN c1 END, c2, size FROM \
             (SELECT c1, c2, CAST(0 AS BIGINT) + COALESCE(octet_length(c1), 0) AS size \
             FROM colophon_granted LIMIT 4) AS sized"
        );
    }
}
