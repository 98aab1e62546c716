//! Errors as an operator reads them.

use std::error::Error;

/// An error and what it was caused by, in one line, the outermost first.
///
/// ```
/// use colophon_core::causes::causes;
///
/// let error = std::io::Error::other("the disk is full");
/// assert_eq!(causes(&error), "the disk is full");
/// ```
pub fn causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("the page cannot be shown")]
    struct Outer(#[source] Inner);

    #[derive(Debug, Error)]
    #[error("the database is away")]
    struct Inner;

    #[test]
    fn every_cause_is_told() {
        let line = causes(&Outer(Inner));
        assert_eq!(line, "the page cannot be shown: the database is away");
    }
}
