//! Addresses on the web: one spelling for each, so that they can be compared.
//!
//! What is sent is what was compared: a request goes to the spelling made here, never to the text
//! that came in.

mod spelling;
#[cfg(test)]
mod tests;

use std::fmt;

use thiserror::Error;

use self::spelling::{authority_parts, spelled, without_dots};

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
