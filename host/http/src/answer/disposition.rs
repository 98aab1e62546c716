//! `Content-Disposition` (RFC 6266) with names in any language (RFC 8187).
//!
//! The plain `filename` holds only characters that every client reads the same way; whatever else
//! the name holds is replaced there, and the whole name follows in `filename*`, which clients
//! prefer. So nothing ever has to be escaped inside the quotes.

use colophon_core::naming::FileName;
use http::HeaderValue;

/// The header's value for a file that is to be saved under `name`.
pub(crate) fn attachment(name: &FileName) -> HeaderValue {
    let text = encode(name.as_str());
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

fn encode(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        name.bytes().for_each(|byte| push_extended(&mut text, byte));
    }
    text
}

/// What needs no escape in a quoted string and is not taken for one: some clients decode `%41`
/// even there.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '%')
}

/// RFC 8187: `attr-char` stands for itself, every other byte is percent-encoded.
fn push_extended(text: &mut String, byte: u8) {
    if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
        text.push(char::from(byte));
    } else {
        text.push_str(&format!("%{byte:02X}"));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, expected: &str) {
        let name = FileName::from_text(name, "epub");
        assert_eq!(attachment(&name).to_str().unwrap(), expected);
    }

    #[test]
    fn plain_names_stand_alone() {
        check("Moby Dick", "attachment; filename=\"Moby Dick.epub\"");
        check("a;b=c,d", "attachment; filename=\"a;b=c,d.epub\"");
        check("it's (1)", "attachment; filename=\"it's (1).epub\"");
    }

    #[test]
    fn other_names_are_given_twice() {
        check(
            "Über Größe",
            "attachment; filename=\"_ber Gr__e.epub\"; filename*=UTF-8''%C3%9Cber%20Gr%C3%B6%C3%9Fe.epub",
        );
        check(
            "本",
            "attachment; filename=\"_.epub\"; filename*=UTF-8''%E6%9C%AC.epub",
        );
        check(
            "100%25",
            "attachment; filename=\"100_25.epub\"; filename*=UTF-8''100%2525.epub",
        );
    }

    /// Reads the header the way RFC 6266 tells clients to: `filename*` first.
    fn decode(value: &str) -> String {
        let parameters = value.strip_prefix("attachment; filename=\"").unwrap();
        let (plain, rest) = parameters.split_once('"').unwrap();
        let Some(extended) = rest.strip_prefix("; filename*=UTF-8''") else {
            assert_eq!(rest, "");
            return plain.to_owned();
        };
        let mut bytes = Vec::new();
        let mut pieces = extended.split('%');
        bytes.extend(pieces.next().unwrap().bytes());
        for piece in pieces {
            bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
            bytes.extend(piece[2..].bytes());
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn any_name_comes_back(text in any::<String>()) {
            let name = FileName::from_text(&text, "epub");
            let value = attachment(&name);
            prop_assert_eq!(decode(value.to_str().unwrap()), name.as_str());
        }

        /// Names that no [`FileName`] can hold do no harm either.
        #[test]
        fn nothing_ends_the_header(text in "[\r\n\t\0\"\\\\%;ü\u{7f}a]{0,40}") {
            let value = encode(&text);
            prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(value.matches('"').count(), 2);
            prop_assert!(!value.contains('\\'));
            prop_assert_eq!(decode(&value), text);
        }
    }
}
