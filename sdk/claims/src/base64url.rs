//! Base64url without padding, in its one canonical form (RFC 4648, section 5).

use base64ct::{Base64UrlUnpadded, Encoding};

/// The text of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Decodes canonical base64url: without padding, white space, characters of other alphabets or
/// bits that stand for nothing.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Decodes canonical base64url that stands for exactly `N` bytes.
#[must_use]
pub fn decode_exactly<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
    (decoded.len() == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<[u8; 2]>) {
        assert_eq!(decode_exactly(text), expected, "{text:?}");
    }

    #[test]
    fn bytes_have_one_text() {
        check("AAE", Some([0, 1]));
        check("-_8", Some([0xfb, 0xff]));
        check("AAF", None);
        check("AAE=", None);
        check("+_8", None);
        check("AA", None);
        check("AAEC", None);
        check("AAE ", None);
        check("", None);
        check(&"A".repeat(100), None);
    }

    #[test]
    fn no_second_text_is_read() {
        for text in [
            "A", "AAF", "AAAAB", "AA=", "AA==", "AAE=", "=", " ", "AA AE", "AAE\n", "\nAAE",
            "+_8A", "-/8A", "AA.E", "AAÉ", "AA\0E", "%41A",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn bytes_go_through_text_unchanged(bytes: Vec<u8>) {
            proptest::prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }

        /// Were there two texts for some bytes, a form could be changed and still be genuine.
        #[test]
        fn a_text_that_is_read_is_the_one_that_is_written(text in "[A-Za-z0-9_=+/ -]{0,12}") {
            if let Some(bytes) = decode(&text) {
                proptest::prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
