//! A copy's entity tag: 32 bytes, written as 64 hexadecimal digits in quotes, always strong.

use http::HeaderValue;

/// An entity tag as it stands in a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// The tag of a copy.
    pub(crate) fn of(bytes: &[u8; 32]) -> Self {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let digits = digits.filter_map(|digit| char::from_digit(u32::from(digit), 16));
        let quote = std::iter::once('"');
        Self(quote.clone().chain(digits).chain(quote).collect())
    }

    /// The tag with its quotes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag as a header's value.
    pub(crate) fn header_value(&self) -> HeaderValue {
        // Digits and quotes always make a header value.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }
}

/// Reads a strong tag of this server out of a header; anything else names no copy.
pub(crate) fn copy_named_by(value: &HeaderValue) -> Option<[u8; 32]> {
    let text = value.to_str().ok()?.strip_prefix('"')?.strip_suffix('"')?;
    let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

fn byte(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(high << 4 | low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_comes_back() {
        let bytes: [u8; 32] = std::array::from_fn(|n| (n * 37) as u8);
        let tag = EntityTag::of(&bytes);
        assert_eq!(tag.as_str().len(), 66);
        assert_eq!(copy_named_by(&tag.header_value()), Some(bytes));
    }

    #[test]
    fn other_tags_name_no_copy() {
        let digits = "0".repeat(64);
        let cases = [
            String::new(),
            "\"".to_owned(),
            "\"\"".to_owned(),
            digits.clone(),
            format!("W/\"{digits}\""),
            format!("\"{digits}00\""),
            format!("\"{}\"", &digits[2..]),
            format!("\"{}\"", &digits[1..]),
            format!("\"{}G\"", &digits[1..]),
            format!("\"{}A\"", &digits[1..]),
            "Tue, 15 Nov 1994 08:12:31 GMT".to_owned(),
        ];
        for case in cases {
            assert_eq!(copy_named_by(&case.parse().unwrap()), None, "{case}");
        }
    }
}
