//! Where a buyer is sent when a download fails.

use core::net::{Ipv4Addr, Ipv6Addr};

use colophon_claims::{InvalidId, check_characters, text_id};

const EXPECTED: InvalidId = InvalidId::Form {
    expected: "an absolute https address without user and fragment (http for this machine only)",
};

/// An absolute `https` address without user information and fragment, at most 1024 bytes.
/// Plain `http` is allowed for the machine itself (`localhost`, `127.0.0.0/8`, `[::1]`).
///
/// The grammar is narrower than that of browsers, so that every program sees the same host:
/// ASCII only, schemes in lower case, names of letters, digits, hyphens and points, IPv4
/// addresses as four decimal numbers, no empty port.
///
/// ```
/// use colophon_receipt::ErrorUrl;
/// assert!("https://shop.example/sorry?lang=de".parse::<ErrorUrl>().is_ok());
/// assert!("http://shop.example/sorry".parse::<ErrorUrl>().is_err());
/// assert!("https://shop.example@evil.example/".parse::<ErrorUrl>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorUrl(String);

impl ErrorUrl {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_characters(text, 1024, is_url_character)?;
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(EXPECTED),
        };
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(authority_end);
        if !has_whole_escapes(path) || path.contains(['[', ']']) {
            return Err(EXPECTED);
        }
        let host = Host::parse(without_port(authority)?)?;
        if secure || host.is_loopback() {
            Ok(())
        } else {
            Err(EXPECTED)
        }
    }
}

text_id!(ErrorUrl);

/// RFC 3986 characters except `#`, which would start a fragment.
fn is_url_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~:/?[]@!$&'()*+,;=%".contains(character)
}

fn has_whole_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(|after| {
        let mut digits = after.bytes();
        let mut hex = || digits.next().is_some_and(|digit| digit.is_ascii_hexdigit());
        hex() && hex()
    })
}

/// Cuts `:port` off, which must be a decimal number from 1 to 65535 if it is there.
fn without_port(authority: &str) -> Result<&str, InvalidId> {
    let host_end = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    if port.is_empty() {
        return Ok(host);
    }
    let digits = port.strip_prefix(':').ok_or(EXPECTED)?;
    let number: u16 = digits.parse().map_err(|_| EXPECTED)?;
    if number > 0 && number.to_string() == digits {
        Ok(host)
    } else {
        Err(EXPECTED)
    }
}

enum Host<'a> {
    Name(&'a str),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host<'_> {
    fn parse(text: &str) -> Result<Host<'_>, InvalidId> {
        if let Some(inner) = text.strip_prefix('[') {
            let address = inner.strip_suffix(']').and_then(|inner| inner.parse().ok());
            return address.map(Host::V6).ok_or(EXPECTED);
        }
        if text.len() > 253 || !text.split('.').all(is_label) {
            return Err(EXPECTED);
        }
        // Browsers take a host whose last label starts like a number for an IPv4 address, also in
        // octal, hexadecimal or one single number; of these only the plain form is let through.
        let last = text.rsplit('.').next().unwrap_or(text);
        if last.starts_with(|c: char| c.is_ascii_digit()) {
            return text.parse().map(Host::V4).map_err(|_| EXPECTED);
        }
        Ok(Host::Name(text))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.is_loopback(),
        }
    }
}

fn is_label(label: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&label.len())
        && label.chars().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, good: bool) {
        assert_eq!(url.parse::<ErrorUrl>().is_ok(), good, "{url:?}");
    }

    #[test]
    fn ordinary_addresses() {
        check("https://shop.example", true);
        check("https://shop.example/", true);
        check("https://shop.example:8443/sorry?a=b&c=%C3%A9", true);
        check("https://shop.example?code", true);
        check("https://xn--bcher-kva.example/", true);
        check("https://192.0.2.1/", true);
        check("https://[2001:db8::1]:443/", true);
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        check("http://localhost/", true);
        check("http://localhost:8080/x", true);
        check("http://127.0.0.1:8080/", true);
        check("http://127.9.9.9/", true);
        check("http://[::1]/", true);
        check("http://shop.example/", false);
        check("http://192.0.2.1/", false);
        check("http://localhost.example/", false);
        check("http://[2001:db8::1]/", false);
    }

    #[test]
    fn what_programs_read_differently_is_refused() {
        check("", false);
        check("shop.example", false);
        check("//shop.example/", false);
        check("/sorry", false);
        check("HTTPS://shop.example/", false);
        check("javascript:alert(1)", false);
        check("data:text/html,x", false);
        check("https:/shop.example", false);
        check("https:///sorry", false);
        check("https://", false);
        check("https://user@shop.example/", false);
        check("https://user:word@shop.example/", false);
        check("https://shop.example#part", false);
        check("https://shop.example/#part", false);
        check("https://shop.example\\@evil.example/", false);
        check("https://shop.example/a b", false);
        check("https://shop.example/\r\nSet-Cookie:a", false);
        check("https://bücher.example/", false);
        check("https://shop.example/ü", false);
        check("https://shop%2eexample/", false);
        check("https://shop..example/", false);
        check("https://shop.example./", false);
        check("https://-shop.example/", false);
        check("https://shop.example:/", false);
        check("https://shop.example:0/", false);
        check("https://shop.example:065/", false);
        check("https://shop.example:65536/", false);
        check("https://shop.example:+80/", false);
        check("https://2130706433/", false);
        check("https://0x7f.1/", false);
        check("https://127.1/", false);
        check("https://0177.0.0.1/", false);
        check("https://[::1/", false);
        check("https://::1]/", false);
        check("https://[::1]x/", false);
        check("https://shop.example/%", false);
        check("https://shop.example/%4", false);
        check("https://shop.example/%4g", false);
        check("https://shop.example/[x]", false);
        check(
            &format!("https://shop.example/{}", "a".repeat(1024 - 21)),
            true,
        );
        check(
            &format!("https://shop.example/{}", "a".repeat(1025 - 21)),
            false,
        );
    }
}
