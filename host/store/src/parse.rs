//! Stored text back into the types it was made of.

use std::fmt::Display;
use std::str::FromStr;

use colophon_core::time::Timestamp;
use colophon_title::license::RightsTemplate;

use crate::failure::Damaged;

/// Parses a text column.
pub(crate) fn parsed<T>(table: &'static str, column: &'static str, text: &str) -> Result<T, Damaged>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error: T::Err| Damaged::new(table, column, error.to_string()))
}

/// Takes a column of a fixed number of bytes.
pub(crate) fn sized<const N: usize>(
    table: &'static str,
    column: &'static str,
    bytes: &[u8],
) -> Result<[u8; N], Damaged> {
    bytes
        .try_into()
        .map_err(|error| Damaged::new(table, column, Box::new(error) as Box<_>))
}

/// Takes a column whose numbers are smaller than the database's.
pub(crate) fn counted<T>(
    table: &'static str,
    column: &'static str,
    number: i64,
) -> Result<T, Damaged>
where
    T: TryFrom<i64>,
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(number).map_err(|error| Damaged::new(table, column, error))
}

/// Reads a column `rights`, which may be empty.
pub(crate) fn rights(
    table: &'static str,
    text: Option<&str>,
) -> Result<Option<RightsTemplate>, Damaged> {
    let template = text.map(|text| RightsTemplate::read(text.as_bytes()));
    let template = template.transpose();
    template.map_err(|error| Damaged::new(table, "rights", error))
}

/// What stands in a column `rights`.
pub(crate) fn rights_text(template: &RightsTemplate) -> String {
    String::from_utf8_lossy(&template.to_xml()).into_owned()
}

/// A number for a column; what is larger than any real one becomes the largest.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn moment(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}
