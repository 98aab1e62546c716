//! What a statement is given.

/// An argument of a statement. `None` is NULL of the type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Argument<'a> {
    Integer(Option<i64>),
    Text(Option<&'a str>),
    Bytes(Option<&'a [u8]>),
}

impl From<i64> for Argument<'_> {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Argument<'_> {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl<'a> From<&'a str> for Argument<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(value))
    }
}

impl<'a> From<Option<&'a str>> for Argument<'a> {
    fn from(value: Option<&'a str>) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Argument<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<&'a Vec<u8>> for Argument<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Argument<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(Some(value))
    }
}

impl<'a> From<Option<&'a [u8]>> for Argument<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        Self::Bytes(value)
    }
}

/// The arguments of a statement, in the order of `$1`, `$2` and so on.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {
        &[$($crate::database::Argument::from($value)),*]
    };
}
pub(crate) use arguments;

/// A query of one engine with its arguments.
macro_rules! bound {
    ($query:expr, $arguments:expr) => {{
        let mut query = $query;
        for argument in $arguments {
            query = match *argument {
                $crate::database::Argument::Integer(value) => query.bind(value),
                $crate::database::Argument::Text(value) => query.bind(value),
                $crate::database::Argument::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}
pub(crate) use bound;
