//! Base64url without padding, in its one canonical form (RFC 4648, section 5).

use base64ct::{Base64UrlUnpadded, Encoding};

/// The text of these bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
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
}
