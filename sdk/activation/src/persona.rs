//! Who activates readers.

use colophon_claims::{InvalidId, check_text, text_id};

/// The longest persona id, in bytes of UTF-8.
const PERSONA_BYTES_MAX: usize = 255;

/// The identifier of a persona in its namespace authority: 1 to 255 bytes in any script, legal in
/// XML 1.0 and without control characters. Nothing is normalized: two personas are the same if
/// their bytes are.
///
/// ```
/// use colophon_activation::PersonaId;
/// let persona: PersonaId = "ægir@people.example".parse()?;
/// assert_eq!(persona.to_string(), "ægir@people.example");
/// assert!("two\nlines".parse::<PersonaId>().is_err());
/// # Ok::<(), colophon_activation::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonaId(String);

impl PersonaId {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_text(text, PERSONA_BYTES_MAX)
    }
}

text_id!(PersonaId);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<PersonaId>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn any_script_and_no_controls() {
        check("a", true);
        check("https://people.example#1", true);
        check("ספר 📚", true);
        check("", false);
        check("a\0", false);
        check("a\tb", false);
        check("a\r\n", false);
        check("a\u{7f}", false);
        check("a\u{85}", false);
        check("a\u{FFFE}", false);
        check("a\u{FFFF}", false);
        check("a\u{FFFD}", true);
    }

    #[test]
    fn length_is_counted_in_bytes() {
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        check(&"é".repeat(127), true);
        check(&"é".repeat(128), false);
    }
}
