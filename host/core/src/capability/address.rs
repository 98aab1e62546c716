//! Addresses on the web: one spelling for each, so that they can be compared.
//!
//! What is sent is what was compared: a request goes to the spelling made here, never to the text
//! that came in.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// The longest address.
const ADDRESS_BYTES_MAX: usize = 2048;

/// How an address is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In clear text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn usual_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An absolute address in its one spelling: host in lower case, port without leading zeros, a path
/// from `/` on without dot segments, escapes of plain characters undone and the others in capitals,
/// no user and no fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress {
    scheme: Scheme,
    /// A name, or an IP address; IPv6 in brackets.
    host: String,
    port: u16,
    path: String,
    query: Option<String>,
}

/// Why a text is no address that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressRefused {
    /// Longer than 2048 bytes.
    #[error("an address has at most 2048 bytes")]
    Length,
    /// A space, a control character, a backslash or one that is not ASCII.
    #[error("an address holds no space, control character or backslash, and only ASCII")]
    Character,
    /// Not absolute, or of another scheme.
    #[error("an address begins with https:// or http://")]
    Scheme,
    /// A user before the host.
    #[error("an address names no user")]
    User,
    /// No host, or a text that is no host, or a number in one of its many spellings.
    #[error("an address names a host, or an IP address in its usual spelling")]
    Host,
    /// Not a number from 1 on.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// An escape that is none, or one in the path of a backslash or a control character, or of a
    /// slash beside dots.
    #[error("an escape is % and two hexadecimal digits, and hides no segment of the path")]
    Escape,
    /// A fragment, which is never sent.
    #[error("an address that is asked has no fragment")]
    Fragment,
}

impl WebAddress {
    /// Accepts an absolute address and spells it.
    ///
    /// # Errors
    /// [`AddressRefused`].
    pub fn parse(text: &str) -> Result<Self, AddressRefused> {
        if text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressRefused::Length);
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
        {
            return Err(AddressRefused::Character);
        }
        if text.contains('#') {
            return Err(AddressRefused::Fragment);
        }
        let (scheme, rest) = text.split_once("://").ok_or(AddressRefused::Scheme)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(AddressRefused::Scheme),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end).ok_or(AddressRefused::Host)?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(spelled(query, |_| false)?)),
            None => (target, None),
        };
        let (host, port) = authority_parts(authority, scheme)?;
        let path = spelled(path, |byte| byte.is_ascii_control() || byte == b'\\')?;
        Ok(Self {
            scheme,
            host,
            port,
            path: without_dots(&path)?,
            query,
        })
    }

    /// Where a redirect leads that answers a request to this address. A fragment is for browsers
    /// and passed over.
    ///
    /// # Errors
    /// [`AddressRefused`] if it leads to no address.
    pub fn redirected(&self, location: &str) -> Result<Self, AddressRefused> {
        let location = location.split('#').next().unwrap_or("");
        let scheme = self.scheme.as_str();
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let before_path = location.split(['/', '?']).next().unwrap_or("");
        if before_path.contains(':') {
            return Self::parse(location);
        }
        let origin = self.origin();
        if location.starts_with('/') {
            return Self::parse(&format!("{origin}{location}"));
        }
        if location.is_empty() || location.starts_with('?') {
            return Self::parse(&format!("{origin}{}{location}", self.path));
        }
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Self::parse(&format!("{origin}{folder}/{location}"))
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, IPv6 without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether both are at the same server.
    pub fn same_origin(&self, other: &Self) -> bool {
        (self.scheme, &self.host, self.port) == (other.scheme, &other.host, other.port)
    }

    fn origin(&self) -> String {
        let scheme = self.scheme.as_str();
        if self.port == self.scheme.usual_port() {
            format!("{scheme}://{}", self.host)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// The addresses that a plug-in may ask: those that begin with this one. The path ends at a
/// segment, so that `/v1` allows `/v1/books` and not `/v12`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedAddress(WebAddress);

impl AllowedAddress {
    /// Accepts an address without a query.
    ///
    /// # Errors
    /// [`AddressRefused`].
    pub fn parse(text: &str) -> Result<Self, AddressRefused> {
        let address = WebAddress::parse(text)?;
        match address.query {
            // It would look like a limit and be none.
            Some(_) => Err(AddressRefused::Character),
            None => Ok(Self(address)),
        }
    }

    /// Whether the address begins with this one.
    pub fn allows(&self, address: &WebAddress) -> bool {
        self.0.same_origin(address) && is_below(&self.0.path, &address.path)
    }

    /// Whether everything that the other allows is allowed by this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.allows(&other.0)
    }
}

impl fmt::Display for AllowedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_below(prefix: &str, path: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}

fn authority_parts(authority: &str, scheme: Scheme) -> Result<(String, u16), AddressRefused> {
    if authority.contains('@') {
        return Err(AddressRefused::User);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (inside, after) = rest.split_once(']').ok_or(AddressRefused::Host)?;
            let address: Ipv6Addr = inside.parse().map_err(|_| AddressRefused::Host)?;
            let port = match after {
                "" => None,
                after => Some(after.strip_prefix(':').ok_or(AddressRefused::Port)?),
            };
            (format!("[{address}]"), port)
        }
        None => {
            let (host, port) = match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            };
            (host_name(host)?, port)
        }
    };
    let port = match port {
        Some(digits) => port_number(digits)?,
        None => scheme.usual_port(),
    };
    Ok((host, port))
}

fn port_number(digits: &str) -> Result<u16, AddressRefused> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if plain && port != 0 => Ok(port),
        Ok(_) | Err(_) => Err(AddressRefused::Port),
    }
}

/// A name of labels, or an IPv4 address. Resolvers take a last label of digits for a part of an
/// address, in octal and hexadecimal too; only the usual spelling is accepted.
fn host_name(text: &str) -> Result<String, AddressRefused> {
    let host = text.to_ascii_lowercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(label) {
        return Err(AddressRefused::Host);
    }
    let last = host.rsplit('.').next().unwrap_or("");
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        let address: Ipv4Addr = host.parse().map_err(|_| AddressRefused::Host)?;
        return Ok(address.to_string());
    }
    Ok(host)
}

/// Escapes in one spelling, none of them of a forbidden byte.
fn spelled(text: &str, forbidden: impl Fn(u8) -> bool) -> Result<String, AddressRefused> {
    let mut spelled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        spelled.push_str(before);
        let (digits, left) = after.split_at_checked(2).ok_or(AddressRefused::Escape)?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).map_err(|_| AddressRefused::Escape)?;
        if !hexadecimal || forbidden(byte) {
            return Err(AddressRefused::Escape);
        }
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            spelled.push(char::from(byte));
        } else {
            spelled.push('%');
            spelled.push_str(&digits.to_ascii_uppercase());
        }
        rest = left;
    }
    spelled.push_str(rest);
    Ok(spelled)
}

/// A path from `/` on, in which `.` and `..` have been followed. An escaped slash is a character of
/// its segment, as identifiers have them; between dots it could be followed by a server that takes
/// it for more.
fn without_dots(path: &str) -> Result<String, AddressRefused> {
    let is_dots = |part: &str| matches!(part, "." | "..");
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut ends_open = false;
    for segment in segments {
        ends_open = is_dots(segment);
        if !ends_open && segment.split("%2F").any(is_dots) {
            return Err(AddressRefused::Escape);
        }
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_open && !kept.is_empty() {
        kept.push("");
    }
    Ok(format!("/{}", kept.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn spells(text: &str, expected: &str) {
        assert_eq!(
            WebAddress::parse(text).unwrap().to_string(),
            expected,
            "{text}"
        );
    }

    #[track_caller]
    fn refused(text: &str, expected: AddressRefused) {
        assert_eq!(WebAddress::parse(text), Err(expected), "{text}");
    }

    #[test]
    fn every_address_has_one_spelling() {
        spells("https://API.example", "https://api.example/");
        spells("HTTPS://api.example:443/v1", "https://api.example/v1");
        spells("http://api.example:080/", "http://api.example/");
        spells(
            "https://api.example:8443?a=b",
            "https://api.example:8443/?a=b",
        );
        spells(
            "https://a.example/%7euser/%61%2d%c3%bc",
            "https://a.example/~user/a-%C3%BC",
        );
        spells("https://a.example/v1/../secret", "https://a.example/secret");
        spells(
            "https://a.example/v1/%2e%2e/secret",
            "https://a.example/secret",
        );
        spells("https://a.example/../../x", "https://a.example/x");
        spells("https://a.example/v1/..", "https://a.example/");
        spells("https://a.example/v1/x/.", "https://a.example/v1/x/");
        spells("https://a.example/v1//x", "https://a.example/v1//x");
        spells(
            "https://a.example/works/10.1000%2f182?doi=10.1000%2f182%0a",
            "https://a.example/works/10.1000%2F182?doi=10.1000%2F182%0A",
        );
        spells("https://[0:0:0:0:0:0:0:1]/", "https://[::1]/");
        spells("https://[::FFFF:127.0.0.1]/", "https://[::ffff:127.0.0.1]/");
        spells("http://127.0.0.1:8480/x", "http://127.0.0.1:8480/x");
    }

    #[test]
    fn spelling_again_changes_nothing() {
        for text in [
            "https://a.example/%25%2E/./b/../c?x=%2e",
            "http://[::1]:81/%41/..",
        ] {
            let once = WebAddress::parse(text).unwrap();
            assert_eq!(WebAddress::parse(&once.to_string()), Ok(once));
        }
    }

    #[test]
    fn what_is_no_address() {
        refused("", AddressRefused::Scheme);
        refused("/v1", AddressRefused::Scheme);
        refused("ftp://a.example/", AddressRefused::Scheme);
        refused("javascript:alert(1)", AddressRefused::Scheme);
        refused("https:/a.example/", AddressRefused::Scheme);
        refused("https://", AddressRefused::Host);
        refused("https:///etc", AddressRefused::Host);
        refused("https://a@b.example/", AddressRefused::User);
        refused("https://a:b@c.example/", AddressRefused::User);
        refused("https://a.example:/", AddressRefused::Port);
        refused("https://a.example:0/", AddressRefused::Port);
        refused("https://a.example:65536/", AddressRefused::Port);
        refused("https://a.example:+80/", AddressRefused::Port);
        refused("https://a.example/#x", AddressRefused::Fragment);
        refused("https://a.example/a b", AddressRefused::Character);
        refused(
            "https://a.example\\@evil.example/",
            AddressRefused::Character,
        );
        refused("https://a.example/\r\nhost: x", AddressRefused::Character);
        refused("https://ä.example/", AddressRefused::Character);
        refused("https://a.example/v1/..%2fx", AddressRefused::Escape);
        refused("https://a.example/v1/x%2f%2e%2e", AddressRefused::Escape);
        refused("https://a.example/%5cx", AddressRefused::Escape);
        refused("https://a.example/%00", AddressRefused::Escape);
        refused("https://a.example/%+1", AddressRefused::Escape);
        refused("https://a.example/%4", AddressRefused::Escape);
        refused("https://a.example/?%", AddressRefused::Escape);
        refused(
            &format!("https://a.example/{}", "a".repeat(2048)),
            AddressRefused::Length,
        );
    }

    #[test]
    fn hosts_have_no_second_spelling() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "127.0.0.01",
            "0177.0.0.1",
            "1.2.3.4.5",
            "256.0.0.1",
            "a..example",
            ".example",
            "a.example.",
            "-a.example",
            "a-.example",
            "a_b.example",
            "%61.example",
            "[::1",
            "[::1]x",
            "[fe80::1%25eth0]",
            "[1.2.3.4]",
            "::1",
        ] {
            let refused = WebAddress::parse(&format!("https://{host}/"));
            assert!(
                matches!(refused, Err(AddressRefused::Host | AddressRefused::Port)),
                "{host}: {refused:?}"
            );
        }
    }

    #[test]
    fn an_address_is_allowed_by_its_beginning() {
        let allowed = AllowedAddress::parse("https://api.example/v1").unwrap();
        let check = |text: &str, expected: bool| {
            let address = WebAddress::parse(text).unwrap();
            assert_eq!(allowed.allows(&address), expected, "{text}");
        };
        check("https://api.example/v1", true);
        check("https://API.example:443/v1/books?x=1", true);
        check("https://api.example/v1?x=1", true);
        check("https://api.example/v12", false);
        check("https://api.example/V1", false);
        check("https://api.example/", false);
        check("https://api.example/v1/../v2", false);
        check("https://api.example/v1/%2e%2e/v2", false);
        check("http://api.example/v1", false);
        check("https://api.example:8443/v1", false);
        check("https://api.example.evil.example/v1", false);
        check("https://evil.example/https://api.example/v1", false);
    }

    #[test]
    fn a_grant_covers_what_lies_below_it() {
        let allowed = |text| AllowedAddress::parse(text).unwrap();
        let grant = allowed("https://api.example/v1/");
        assert!(grant.covers(&allowed("https://api.example/v1/books/")));
        assert!(grant.covers(&grant));
        assert!(!grant.covers(&allowed("https://api.example/v1")));
        assert!(!grant.covers(&allowed("https://api.example/")));
        assert!(AllowedAddress::parse("https://api.example/?x").is_err());
    }

    #[test]
    fn redirects_lead_where_a_browser_would_go() {
        let from = WebAddress::parse("https://a.example/v1/books/1?x=2").unwrap();
        let check = |location: &str, expected: Result<&str, AddressRefused>| {
            let to = from.redirected(location).map(|to| to.to_string());
            assert_eq!(to, expected.map(str::to_owned), "{location}");
        };
        check("https://b.example/", Ok("https://b.example/"));
        check("//b.example/x", Ok("https://b.example/x"));
        check("/x#y", Ok("https://a.example/x"));
        check("2?z", Ok("https://a.example/v1/books/2?z"));
        check("../../x", Ok("https://a.example/x"));
        check("?z", Ok("https://a.example/v1/books/1?z"));
        check("", Ok("https://a.example/v1/books/1"));
        check("file:///etc/passwd", Err(AddressRefused::Scheme));
        check("javascript:alert(1)", Err(AddressRefused::Scheme));
        check("//a@b.example/", Err(AddressRefused::User));
        check("/a\\b", Err(AddressRefused::Character));
    }
}
