//! Fulfillment centers.

use crate::ids::{InvalidId, check_characters};
use crate::text_id;

/// A fulfillment center: 1 to 63 of `a-z 0-9 -`.
///
/// ```
/// use colophon_claims::CenterId;
/// assert!("main".parse::<CenterId>().is_ok());
/// assert!("Main".parse::<CenterId>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CenterId(String);

impl CenterId {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_characters(text, 63, |c| matches!(c, 'a'..='z' | '0'..='9' | '-'))
    }
}

text_id!(CenterId);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<CenterId>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn centers_are_slugs() {
        check("main", true);
        check("a-1", true);
        check(&"a".repeat(63), true);
        check(&"a".repeat(64), false);
        check("", false);
        check("Main", false);
        check("a/b", false);
        check("a.b", false);
        check("é", false);
    }
}
