//! A center's own mapping database, read by statements that were agreed on beforehand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// A type that a statement's parameter can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlType {
    /// True or false.
    Boolean,
    /// 64 bits.
    Integer,
    /// An exact number.
    Decimal,
    /// UTF-8.
    Text,
    /// Bytes.
    Bytes,
}

impl SqlType {
    /// The type of this name in a manifest.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "boolean" => Some(Self::Boolean),
            "integer" => Some(Self::Integer),
            "decimal" => Some(Self::Decimal),
            "text" => Some(Self::Text),
            "bytes" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// A parameter, or a value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlValue {
    /// Nothing, of any type.
    Null,
    /// True or false.
    Boolean(bool),
    /// 64 bits.
    Integer(i64),
    /// An exact number: digits with an optional sign and point.
    Decimal(String),
    /// UTF-8.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl SqlValue {
    /// Whether it may stand where this type is asked for.
    pub fn fits(&self, kind: SqlType) -> bool {
        match self {
            Self::Null => true,
            Self::Boolean(_) => kind == SqlType::Boolean,
            Self::Integer(_) => kind == SqlType::Integer,
            Self::Decimal(text) => kind == SqlType::Decimal && is_decimal(text),
            Self::Text(text) => kind == SqlType::Text && !text.contains('\0'),
            Self::Bytes(_) => kind == SqlType::Bytes,
        }
    }

    /// What it counts for when it is handed over: itself, and the bytes it holds.
    pub fn bytes(&self) -> usize {
        let held = match self {
            Self::Null | Self::Boolean(_) | Self::Integer(_) => 0,
            Self::Decimal(text) | Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
        };
        held + Self::BYTES_MIN
    }

    /// What every value counts for, whatever it holds.
    pub const BYTES_MIN: usize = 16;
}

/// Digits with an optional sign and point, as the contract has them; at most 64 bytes.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 64 && plain(whole) && plain(fraction)
}

/// The text of a statement that only reads, as far as a text can tell: one `SELECT`, `WITH` or
/// `VALUES`. The connection it is run over enforces the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementText {
    text: Arc<str>,
    parameters: usize,
}

/// Why a text is not one that may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StatementRefused {
    /// Empty, or longer than 8192 bytes.
    #[error("a statement has 1 to 8192 bytes")]
    Length,
    /// It begins with something else.
    #[error("a statement begins with SELECT, WITH or VALUES; the connection can only read")]
    Kind,
    /// It may be several statements.
    #[error("a statement is one statement, without a semicolon anywhere")]
    Several,
    /// It holds a character that no statement needs.
    #[error("a statement holds no control characters but line ends and tabs")]
    Character,
    /// A `$` that is no parameter, or parameters that are not numbered from 1 on.
    #[error(
        "parameters are $1, $2 and so on without a gap, and $ stands nowhere else, not in a text either"
    )]
    Parameter,
}

impl StatementText {
    /// Accepts a statement.
    ///
    /// # Errors
    /// [`StatementRefused`].
    pub fn parse(text: &str) -> Result<Self, StatementRefused> {
        let text = text.trim();
        if text.is_empty() || text.len() > 8192 {
            return Err(StatementRefused::Length);
        }
        if text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(StatementRefused::Character);
        }
        // A semicolon inside of a text constant is refused too: telling them apart would take the
        // grammar of each database.
        if text.contains(';') {
            return Err(StatementRefused::Several);
        }
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        let first = text.split(|c: char| !letter(c)).next().unwrap_or("");
        let reads = ["select", "with", "values"];
        if !reads.iter().any(|word| first.eq_ignore_ascii_case(word)) {
            return Err(StatementRefused::Kind);
        }
        Ok(Self {
            text: text.into(),
            parameters: parameters(text)?,
        })
    }

    /// The statement as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How many parameters stand in it: `$1` to this number.
    pub fn parameters(&self) -> usize {
        self.parameters
    }
}

/// Counts the parameters. Databases take a parameter that nobody gives a value for nothing at all,
/// so that a gap would be a value that is silently missing. As with semicolons, a `$` in a text
/// constant cannot be told from another without the grammar of each database.
fn parameters(text: &str) -> Result<usize, StatementRefused> {
    let mut numbers = BTreeSet::new();
    for after in text.split('$').skip(1) {
        let end = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (digits, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        let number: usize = digits.parse().map_err(|_| StatementRefused::Parameter)?;
        let name = |c: char| c.is_alphanumeric() || c == '_';
        if digits.starts_with('0') || rest.starts_with(name) {
            return Err(StatementRefused::Parameter);
        }
        numbers.insert(number);
    }
    if numbers.iter().copied().eq(1..=numbers.len()) {
        Ok(numbers.len())
    } else {
        Err(StatementRefused::Parameter)
    }
}

/// A statement that a plug-in may run by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlStatement {
    /// What is run.
    pub text: StatementText,
    /// Types of `$1`, `$2` and so on.
    pub parameters: Vec<SqlType>,
    /// How many rows are handed over; there may be more.
    pub rows_max: u32,
    /// How long it may run.
    pub time_max: Duration,
}

/// What a statement found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlRows {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows, each with one value a column.
    pub rows: Vec<Vec<SqlValue>>,
    /// Whether there were more.
    pub truncated: bool,
}

/// Why a statement gave no rows.
#[derive(Debug, Error)]
pub enum MappingFailure {
    /// There is no such statement.
    #[error("there is no statement of this name")]
    UnknownStatement,
    /// The rows hold more bytes than asked for.
    #[error("the rows hold too many bytes")]
    TooLarge,
    /// A value does not fit what the statement does with it: a text that is no number, a division by
    /// zero, a number too large.
    #[error("the database finds that a value does not fit the statement ({code})")]
    Unfit {
        /// What the database calls the reason.
        code: String,
    },
    /// The statement ran past its time.
    #[error("the statement did not end in time")]
    Timeout,
    /// A column holds what the contract has no type for.
    #[error("column {column} holds a value of the type {kind}, which no plug-in can be given")]
    ColumnType {
        /// The column's name.
        column: String,
        /// What the database calls the type.
        kind: String,
    },
    /// The database did not answer, or refused the statement.
    #[error("the mapping database did not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A mapping database with the statements that one plug-in may run there.
#[async_trait]
pub trait MappingDatabase: Send + Sync {
    /// Runs a statement. The parameters have been held against the statement's types; the rows
    /// hold at most `bytes_max` bytes.
    async fn run(
        &self,
        statement: &str,
        parameters: &[SqlValue],
        bytes_max: usize,
    ) -> Result<SqlRows, MappingFailure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: StatementRefused) {
        assert_eq!(StatementText::parse(text), Err(expected), "{text:?}");
    }

    #[test]
    fn statements_that_read() {
        for text in [
            "select root, path from books where id = $1",
            "  SELECT 1\n",
            "With a as (select 1) select * from a",
            "values (1)",
            "select(1)",
        ] {
            assert_eq!(StatementText::parse(text).unwrap().as_str(), text.trim());
        }
    }

    #[test]
    fn statements_that_could_do_more() {
        refused("", StatementRefused::Length);
        refused(" \n", StatementRefused::Length);
        refused(
            &format!("select {}", "1+".repeat(5000)),
            StatementRefused::Length,
        );
        for text in [
            "insert into books values (1)",
            "update books set a = 1",
            "delete from books",
            "drop table books",
            "attach database '/etc/x' as y",
            "pragma query_only = off",
            "copy books to program 'sh'",
            "set role postgres",
            "begin",
            "vacuum into '/tmp/x'",
            "explain select 1",
            "selectx",
            "-- select\ndelete from books",
            "/* select */ delete from books",
            "(select 1)",
            "ſelect 1",
        ] {
            refused(text, StatementRefused::Kind);
        }
        for text in ["select 1; drop table books", "select 1;", "select ';'"] {
            refused(text, StatementRefused::Several);
        }
        for text in [
            "select $2",
            "select $0",
            "select $01",
            "select $1, $3",
            "select $name",
            "select $1a",
            "select $",
            "select '$'",
            "select $$ body $$",
            "select $99999999999999999999999",
        ] {
            refused(text, StatementRefused::Parameter);
        }
        refused("select '\0'", StatementRefused::Character);
        refused("select '\u{1b}[2J'", StatementRefused::Character);
    }

    #[test]
    fn parameters_are_counted_once_each() {
        for (text, count) in [
            ("select 1", 0),
            ("select $1", 1),
            ("select $2, $1, $2 + $1", 2),
            ("select a from b where c=$1\nand d=$2", 2),
        ] {
            assert_eq!(StatementText::parse(text).unwrap().parameters(), count);
        }
    }

    #[test]
    fn a_value_counts_for_itself_and_for_what_it_holds() {
        assert_eq!(SqlValue::Null.bytes(), 16);
        assert_eq!(SqlValue::Integer(1).bytes(), 16);
        assert_eq!(SqlValue::Text("abc".to_owned()).bytes(), 19);
        assert_eq!(SqlValue::Bytes(vec![0; 5]).bytes(), 21);
    }

    #[test]
    fn values_fit_their_type_and_no_other() {
        let all = [
            (SqlValue::Boolean(true), SqlType::Boolean),
            (SqlValue::Integer(1), SqlType::Integer),
            (SqlValue::Decimal("-1.50".to_owned()), SqlType::Decimal),
            (SqlValue::Text("1".to_owned()), SqlType::Text),
            (SqlValue::Bytes(vec![1]), SqlType::Bytes),
        ];
        for (value, kind) in &all {
            for (_, other) in &all {
                assert_eq!(value.fits(*other), kind == other, "{value:?} {other:?}");
                assert!(SqlValue::Null.fits(*other));
            }
        }
    }

    #[test]
    fn decimals_are_digits() {
        for text in [
            "", "-", ".", "1.", ".5", "1e5", "1,5", "NaN", "inf", "1.2.3", "--1", " 1",
        ] {
            assert!(
                !SqlValue::Decimal(text.to_owned()).fits(SqlType::Decimal),
                "{text}"
            );
        }
        let long = "1".repeat(65);
        assert!(!SqlValue::Decimal(long).fits(SqlType::Decimal));
        for text in ["0", "-12.50", "+3", "0.001"] {
            assert!(
                SqlValue::Decimal(text.to_owned()).fits(SqlType::Decimal),
                "{text}"
            );
        }
    }

    #[test]
    fn a_text_with_a_nul_is_none_that_databases_agree_on() {
        assert!(!SqlValue::Text("a\0b".to_owned()).fits(SqlType::Text));
    }
}
