//! The usual spelling of ISBNs and DOIs.

use alloc::string::String;

/// Thirteen digits, from ten or thirteen with hyphens or spaces; none if the check digit is wrong.
pub(crate) fn isbn(text: &str) -> Option<String> {
    let signs = text.trim().bytes();
    let mut digits = signs.filter(|sign| !matches!(sign, b'-' | b' '));
    let mut read = [0; 13];
    let mut length = 0;
    for place in &mut read {
        let Some(sign) = digits.next() else { break };
        *place = sign.to_ascii_uppercase();
        length += 1;
    }
    if digits.next().is_some() {
        return None;
    }
    match length {
        10 => from_ten(read.first_chunk()?),
        13 => whole(&read).then(|| read.iter().copied().map(char::from).collect()),
        _ => None,
    }
}

/// An ISBN-10 within the numbers that began with it, 978.
fn from_ten(ten: &[u8; 10]) -> Option<String> {
    let mut sum = 0;
    for (weight, sign) in (1..=10).rev().zip(ten) {
        let value = match sign {
            b'0'..=b'9' => u32::from(sign - b'0'),
            // Ten is written X, and only as the check digit.
            b'X' if weight == 1 => 10,
            _ => return None,
        };
        sum += value * weight;
    }
    if sum % 11 != 0 {
        return None;
    }
    let mut thirteen = *b"9780000000000";
    for (place, sign) in thirteen.iter_mut().skip(3).zip(ten.iter().take(9)) {
        *place = *sign;
    }
    let missing = u8::try_from((10 - weighted(&thirteen) % 10) % 10).ok()?;
    if let Some(last) = thirteen.last_mut() {
        *last = b'0' + missing;
    }
    Some(thirteen.iter().copied().map(char::from).collect())
}

fn whole(thirteen: &[u8; 13]) -> bool {
    thirteen.iter().all(u8::is_ascii_digit) && weighted(thirteen) % 10 == 0
}

/// The sum that the last digit makes a multiple of ten.
fn weighted(thirteen: &[u8; 13]) -> u32 {
    let weights = [1, 3].into_iter().cycle();
    let digits = thirteen.iter().zip(weights);
    digits
        .map(|(digit, weight)| u32::from(digit.wrapping_sub(b'0')) * weight)
        .sum()
}

/// A DOI without the address it is often written as, in lower case; DOIs that differ in case alone are
/// the same.
pub(crate) fn doi(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let mut bare = lower.as_str();
    for before in ["https://", "http://", "dx.", "doi.org/", "doi:"] {
        bare = bare.strip_prefix(before).unwrap_or(bare);
    }
    let (registrant, item) = bare.trim_start().strip_prefix("10.")?.split_once('/')?;
    let known = |sign: u8| sign.is_ascii_digit() || sign == b'.';
    let fits = registrant.len() >= 4 && registrant.bytes().all(known) && !item.is_empty();
    fits.then(|| bare.trim_start().into())
}

/// Both rules on an example, for the host.
pub(crate) fn self_test() -> Result<(), String> {
    let isbn = isbn("0-306-40615-2");
    let doi = doi("https://doi.org/10.1000/ABC");
    if isbn.as_deref() == Some("9780306406157") && doi.as_deref() == Some("10.1000/abc") {
        return Ok(());
    }
    Err("an ISBN-10 or a DOI is not spelled as it should be".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isbns_have_one_spelling() {
        for (text, expected) in [
            ("9780306406157", Some("9780306406157")),
            ("978-0-306-40615-7", Some("9780306406157")),
            ("0-306-40615-2", Some("9780306406157")),
            ("0 8044 2957 X", Some("9780804429573")),
            ("080442957x", Some("9780804429573")),
            ("0-306-40615-3", None),
            ("9780306406158", None),
            ("X306406152", None),
            ("97803064061570", None),
            ("978030640615", None),
            ("", None),
            ("isbn 0306406152", None),
        ] {
            assert_eq!(isbn(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dois_have_one_spelling() {
        for (text, expected) in [
            ("10.1000/abc", Some("10.1000/abc")),
            ("DOI: 10.1000/ABC", Some("10.1000/abc")),
            ("https://doi.org/10.1000/ABC/d", Some("10.1000/abc/d")),
            ("http://dx.doi.org/10.1000.10/x", Some("10.1000.10/x")),
            ("10.1000", None),
            ("10.1/abc", None),
            ("10.1000/", None),
            ("https://elsewhere.example/10.1000/a", None),
        ] {
            assert_eq!(doi(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_self_test_passes() {
        assert_eq!(self_test(), Ok(()));
    }
}
