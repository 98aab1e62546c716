//! The rule: a name for what is known of a title.

use alloc::borrow::ToOwned;
use alloc::string::String;

/// Names a file. None if neither title nor Book ID is known.
pub(crate) fn name(facts: &[(String, String)]) -> Option<String> {
    let Some(title) = fact(facts, "title") else {
        return fact(facts, "book-id").map(ToOwned::to_owned);
    };
    Some(styled(title, facts))
}

#[cfg(not(any(feature = "authors-first", feature = "careless")))]
fn styled(title: &str, facts: &[(String, String)]) -> String {
    match fact(facts, "book-id") {
        Some(id) => [title, " [", id, "]"].concat(),
        None => title.to_owned(),
    }
}

#[cfg(all(feature = "authors-first", not(feature = "careless")))]
fn styled(title: &str, facts: &[(String, String)]) -> String {
    match fact(facts, "authors") {
        Some(authors) => [authors, ", ", title].concat(),
        None => title.to_owned(),
    }
}

#[cfg(feature = "careless")]
#[expect(
    clippy::expect_used,
    reason = "the mistake that this release is there for"
)]
fn styled(title: &str, facts: &[(String, String)]) -> String {
    let wish = fact(facts, "file-name").expect("every shop wishes for a name");
    [wish, " - ", title].concat()
}

fn fact<'a>(facts: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = facts.iter().find(|(known, _)| known == name)?;
    (!value.is_empty()).then_some(value)
}

/// The rule on a title of which nothing else is known, for the host.
pub(crate) fn self_test() -> Result<(), String> {
    let facts = [("book-id".to_owned(), "9780000000019".to_owned())];
    match name(&facts).as_deref() {
        Some("9780000000019") => Ok(()),
        _ => Err("a title without a name is not called by its Book ID".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::String;

    use super::{name, self_test};

    fn facts(known: &[(&str, &str)]) -> alloc::vec::Vec<(String, String)> {
        let known = known.iter();
        known
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    #[cfg(not(any(feature = "authors-first", feature = "careless")))]
    fn the_book_id_stands_behind_the_title() {
        let known = facts(&[("title", "Emma"), ("book-id", "b-1")]);
        assert_eq!(name(&known).as_deref(), Some("Emma [b-1]"));
        let known = facts(&[("title", "Emma"), ("book-id", "")]);
        assert_eq!(name(&known).as_deref(), Some("Emma"));
    }

    #[test]
    fn what_is_not_known_is_not_invented() {
        assert_eq!(name(&facts(&[("authors", "Jane Austen")])), None);
        assert_eq!(name(&facts(&[("title", ""), ("book-id", "")])), None);
    }

    #[test]
    fn the_self_test_passes() {
        assert_eq!(self_test(), Ok(()));
    }
}
