//! The rule: where a publisher's books stand.

use alloc::string::String;

/// The folder of an ISBN that begins with the publisher's prefix: `isbn/978316/9783161484100`. None
/// if it is another publisher's, or no ISBN at all.
pub(crate) fn path(id_type: &str, id: &str, prefix: &str) -> Option<String> {
    if !id_type.eq_ignore_ascii_case("ISBN") {
        return None;
    }
    let isbn: String = id.chars().filter(|sign| !matches!(sign, '-' | ' ')).collect();
    if !is_isbn(&isbn) || !isbn.starts_with(prefix) {
        return None;
    }
    // Texts are joined and not formatted: the machinery behind `format!` would double the plug-in.
    Some(["isbn/", prefix, "/", &isbn].concat())
}

/// Thirteen digits, of which the last is right for the others.
fn is_isbn(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let weighted = text.bytes().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum();
    digits == 13 && text.len() == 13 && sum % 10 == 0
}

/// The rule on an example, for the host.
pub(crate) fn self_test() -> Result<(), String> {
    match path("ISBN", "978-3-16-148410-0", "978316").as_deref() {
        Some("isbn/978316/9783161484100") => Ok(()),
        Some(other) => Err(["an ISBN led to ", other].concat()),
        None => Err("an ISBN of the publisher was not known".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, expected: Option<&str>) {
        assert_eq!(path("ISBN", id, "978316").as_deref(), expected);
    }

    #[test]
    fn an_isbn_of_the_publisher_has_a_folder() {
        check("9783161484100", Some("isbn/978316/9783161484100"));
        check("978-3-16-148410-0", Some("isbn/978316/9783161484100"));
    }

    #[test]
    fn others_have_none() {
        check("9780306406157", None);
        check("9783161484109", None);
        check("", None);
        check("../../etc/passwd", None);
        assert_eq!(path("DOI", "9783161484100", "978316"), None);
    }

    #[test]
    fn the_self_test_passes() {
        assert_eq!(self_test(), Ok(()));
    }
}
