//! Addresses that may be asked.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;

/// The longest address, in bytes.
const ADDRESS_BYTES_MAX: usize = 2000;

/// An absolute address of `https`, or of `http` on this machine: nobody between reads or changes
/// what is said. Without a name or password in it, a fragment, or a slash at its end.
///
/// ```
/// use colophon_reader::{Address, AddressRefused};
///
/// let service: Address = "https://books.example/activation/".parse()?;
/// assert_eq!(service.as_str(), "https://books.example/activation");
/// assert!("http://127.0.0.1:8480/main".parse::<Address>().is_ok());
/// let listened_to = "http://books.example/activation".parse::<Address>();
/// assert_eq!(listened_to, Err(AddressRefused::NotPrivate));
/// # Ok::<(), AddressRefused>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
    on_this_machine: bool,
}

/// Why a text is no address to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It cannot be read as an absolute address.
    #[error("not an address like https://books.example/activation")]
    Form,
    /// It is neither `https` nor on this machine.
    #[error("only https keeps what is said there private")]
    NotPrivate,
    /// There is a name or password in it.
    #[error("an address must not hold a name or password")]
    Credentials,
}

impl Address {
    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is on this machine.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        self.on_this_machine
    }

    /// The address one step below, where there is no query.
    pub(crate) fn below(&self, step: &'static str) -> Address {
        Address {
            text: format!("{}/{step}", self.text),
            on_this_machine: self.on_this_machine,
        }
    }

    /// The last step of the path, if there is any.
    pub(crate) fn last_step(&self) -> Option<&str> {
        let (_, after_scheme) = self.text.split_once("://")?;
        let (_, path) = after_scheme.split_once('/')?;
        path.rsplit('/').next().filter(|step| !step.is_empty())
    }
}

impl FromStr for Address {
    type Err = AddressRefused;

    fn from_str(text: &str) -> Result<Address, AddressRefused> {
        // What is opened in a browser or shown on a terminal must not hide anything.
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || text.len() > ADDRESS_BYTES_MAX || text.contains('#') {
            return Err(AddressRefused::Form);
        }
        let uri: Uri = text.parse().map_err(|_| AddressRefused::Form)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(AddressRefused::Form);
        };
        if authority.as_str().contains('@') {
            return Err(AddressRefused::Credentials);
        }
        let on_this_machine = is_this_machine(authority.host());
        match (scheme, on_this_machine) {
            ("https", _) | ("http", true) => Ok(Address {
                text: text.trim_end_matches('/').to_owned(),
                on_this_machine,
            }),
            _ => Err(AddressRefused::NotPrivate),
        }
    }
}

/// `localhost` counts as well (RFC 6761, section 6.3).
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let numeric = bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    numeric || host.eq_ignore_ascii_case("localhost")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, AddressRefused>) {
        let address = text.parse::<Address>();
        let text = address.as_ref().map(Address::as_str);
        assert_eq!(text.map_err(|refused| *refused), expected);
    }

    #[test]
    fn only_private_addresses_are_asked() {
        check("https://a.example", Ok("https://a.example"));
        check("https://a.example:8443/x/", Ok("https://a.example:8443/x"));
        check("http://localhost:1/x", Ok("http://localhost:1/x"));
        check("http://127.8.9.1/x", Ok("http://127.8.9.1/x"));
        check("http://[::1]:8480/x", Ok("http://[::1]:8480/x"));
        for text in [
            "http://a.example/",
            "http://10.0.0.1/",
            "http://127.0.0.1.a.example/",
            "http://localhost.a.example/",
            "ftp://a.example/",
            "file://localhost/etc/passwd",
        ] {
            let refused = text.parse::<Address>();
            assert!(
                matches!(refused, Err(AddressRefused::NotPrivate)) || text.starts_with("file"),
                "{text}"
            );
            assert!(refused.is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "a.example",
            "/activation",
            "https:",
            "https://",
            "https://a.example/x y",
            "https://a.example/\u{202e}",
            "https://a.example/#top",
            "javascript:alert(1)",
            "--help",
        ] {
            check(text, Err(AddressRefused::Form));
        }
        let long = format!("https://a.example/{}", "a".repeat(ADDRESS_BYTES_MAX));
        check(&long, Err(AddressRefused::Form));
        check("https://ada:x@a.example/", Err(AddressRefused::Credentials));
    }

    #[test]
    fn steps_of_a_path() {
        let step = |text: &str| {
            let address: Address = text.parse().unwrap();
            address.last_step().map(str::to_owned)
        };
        assert_eq!(step("https://a.example/main/"), Some("main".to_owned()));
        assert_eq!(step("https://a.example/x/main"), Some("main".to_owned()));
        assert_eq!(step("https://a.example"), None);
        let address: Address = "https://a.example/x/".parse().unwrap();
        assert_eq!(address.below("token").as_str(), "https://a.example/x/token");
    }
}
