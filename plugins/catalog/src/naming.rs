//! What a file is called: the retailer's wish, else `Title - Authors (language)`.
//!
//! Texts are joined and not formatted: the machinery behind `format!` would be half the plug-in.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;

/// Longer lists of authors are cut to the first, so that the title stays readable.
const AUTHORS_BYTES_MAX: usize = 60;

/// Names a file by what is known of its title; none if nothing is.
pub(crate) fn file_name(facts: &[(String, String)]) -> Option<String> {
    if let Some(wished) = fact(facts, "file-name") {
        return Some(wished.to_owned());
    }
    let Some(title) = fact(facts, "title") else {
        return fact(facts, "book-id").map(ToOwned::to_owned);
    };
    let mut name = title.to_owned();
    if let Some(authors) = fact(facts, "authors") {
        name.push_str(" - ");
        name.push_str(&credited(authors));
    }
    if let Some(language) = fact(facts, "language").filter(|tag| tells_apart(tag)) {
        name.push_str(" (");
        name.push_str(language);
        name.push(')');
    }
    Some(name)
}

/// A fact that says something.
fn fact<'a>(facts: &'a [(String, String)], wanted: &str) -> Option<&'a str> {
    let (_, value) = facts.iter().find(|(name, _)| name == wanted)?;
    let value = value.trim();
    (!value.is_empty()).then_some(value)
}

fn credited(authors: &str) -> Cow<'_, str> {
    match authors.split_once(", ") {
        Some((first, _)) if authors.len() > AUTHORS_BYTES_MAX => [first, " et al"].concat().into(),
        Some(_) | None => authors.into(),
    }
}

/// Translations often keep the title of the original, which is why the language is named; English
/// ones are not marked because most catalogs hold little else under an English title. `und`,
/// `mul` and `zxx` say that there is no one language.
fn tells_apart(tag: &str) -> bool {
    let primary = tag.split('-').next().unwrap_or(tag);
    let silent = ["en", "eng", "und", "mul", "zxx"];
    !silent
        .iter()
        .any(|other| primary.eq_ignore_ascii_case(other))
}

/// The rule on the examples of its documentation.
pub(crate) fn self_test() -> Result<(), String> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let facts = [
        pair("title", "Der Prozess"),
        pair("authors", "Franz Kafka"),
        pair("language", "de"),
    ];
    match file_name(&facts) {
        Some(name) if name == "Der Prozess - Franz Kafka (de)" => Ok(()),
        Some(name) => Err(["the naming rule gave ", &name].concat()),
        None => Err("the naming rule gave no name".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: &[(&str, &str)], expected: Option<&str>) {
        let facts: Vec<_> = facts
            .iter()
            .map(|(name, value)| (String::from(*name), String::from(*value)))
            .collect();
        assert_eq!(file_name(&facts).as_deref(), expected);
    }

    #[test]
    fn the_retailers_wish_comes_first() {
        check(&[("title", "Emma"), ("file-name", "mine")], Some("mine"));
        check(&[("title", "Emma"), ("file-name", "  ")], Some("Emma"));
    }

    #[test]
    fn title_and_authors_make_a_name() {
        check(&[("title", "Emma"), ("authors", "")], Some("Emma"));
        check(
            &[("title", "Emma"), ("authors", "Jane Austen")],
            Some("Emma - Jane Austen"),
        );
        check(
            &[
                ("title", "Good Omens"),
                ("authors", "Terry Pratchett, Neil Gaiman"),
            ],
            Some("Good Omens - Terry Pratchett, Neil Gaiman"),
        );
        let many = "Osamu Aoki, Person Two, Person Three, Person Four, Person Five, Person Six";
        check(
            &[("title", "Guide"), ("authors", many)],
            Some("Guide - Osamu Aoki et al"),
        );
    }

    #[test]
    fn languages_but_english_are_told_apart() {
        check(&[("title", "Guide"), ("language", "en-GB")], Some("Guide"));
        check(
            &[("title", "Guide"), ("language", "zh-CN")],
            Some("Guide (zh-CN)"),
        );
        check(&[("title", "Guide"), ("language", "und")], Some("Guide"));
    }

    #[test]
    fn a_title_without_title_is_called_by_its_id() {
        check(&[("book-id", "9783161484100")], Some("9783161484100"));
        check(&[], None);
    }

    #[test]
    fn the_self_test_passes() {
        assert_eq!(self_test(), Ok(()));
    }
}
