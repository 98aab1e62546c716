//! Where a request comes from, seen through trusted proxies.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::FORWARDED;

use crate::address_range::AddressRange;

/// The header a proxy tells the client's address in. A proxy sets one of them and usually passes
/// the other on as the client sent it, so only the one it sets may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, the common one.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies in front of this host that are believed about client addresses.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    /// Their networks; empty means that no header is believed.
    pub ranges: Vec<AddressRange>,
    /// The header they set.
    pub header: ProxyHeader,
}

impl TrustedProxies {
    /// Whether the address is a trusted proxy's.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// The client's address: the peer's, or what trusted proxies say of it. The list in the header
    /// is read from its end, since everything before the last entry that a trusted proxy wrote may
    /// be the client's invention.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let entries = self.entries(headers);
        let mut nearest_first = entries.iter().rev();
        while self.contains(client) {
            match nearest_first.next().and_then(|entry| address(entry)) {
                Some(address) => client = address.to_canonical(),
                None => break,
            }
        }
        client
    }

    fn entries<'a>(&self, headers: &'a HeaderMap) -> Vec<&'a str> {
        if self.ranges.is_empty() {
            return Vec::new();
        }
        let lines = |name: &str| {
            let values = headers.get_all(name).into_iter();
            // An unreadable line stands as an entry that ends the walk.
            values.flat_map(|value| value.to_str().unwrap_or("?").split(','))
        };
        match self.header {
            ProxyHeader::XForwardedFor => lines("x-forwarded-for").map(str::trim).collect(),
            ProxyHeader::Forwarded => lines(FORWARDED.as_str()).map(forwarded_for).collect(),
        }
    }
}

/// The `for` parameter of one element of `Forwarded`.
fn forwarded_for(element: &str) -> &str {
    let mut pairs = element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(name, _)| name.eq_ignore_ascii_case("for"));
    value.map_or("", |(_, value)| value.trim_matches('"'))
}

/// An address with or without a port and brackets.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(entry);
    let with_port = || entry.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: ProxyHeader, peer: &str, lines: &[(&'static str, &str)], expected: &str) {
        let ranges = ["10.0.0.0/8", "fd00::/8"]
            .map(|range| range.parse().unwrap())
            .to_vec();
        let proxies = TrustedProxies { ranges, header };
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{lines:?}");
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let x = |peer, value, expected| {
            check(
                ProxyHeader::XForwardedFor,
                peer,
                &[("x-forwarded-for", value)],
                expected,
            );
        };
        x("192.0.2.1", "198.51.100.7", "192.0.2.1");
        x("10.0.0.1", "198.51.100.7", "198.51.100.7");
        x("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7");
        x("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7");
        x("10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7");
        x("10.0.0.1", "198.51.100.7:4711", "198.51.100.7");
        x("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7");
        x("fd00::1", "2001:db8::7", "2001:db8::7");
    }

    #[test]
    fn what_cannot_be_read_ends_the_walk() {
        let x = |value, expected| {
            check(
                ProxyHeader::XForwardedFor,
                "10.0.0.1",
                &[("x-forwarded-for", value)],
                expected,
            );
        };
        x("198.51.100.7, unknown", "10.0.0.1");
        x("", "10.0.0.1");
        x("10.0.0.3, 10.0.0.2", "10.0.0.3");
        x("unknown, 10.0.0.2", "10.0.0.2");
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "198.51.100.7"),
        ];
        check(
            ProxyHeader::XForwardedFor,
            "10.0.0.1",
            &lines,
            "198.51.100.7",
        );
    }

    #[test]
    fn the_other_header_is_the_clients_own_claim() {
        let lines = [
            ("forwarded", "for=203.0.113.9"),
            ("x-forwarded-for", "198.51.100.7"),
        ];
        check(
            ProxyHeader::XForwardedFor,
            "10.0.0.1",
            &lines,
            "198.51.100.7",
        );
        check(ProxyHeader::Forwarded, "10.0.0.1", &lines, "203.0.113.9");
        check(
            ProxyHeader::XForwardedFor,
            "10.0.0.1",
            &lines[..1],
            "10.0.0.1",
        );
    }

    #[test]
    fn the_standard_header() {
        let f = |value, expected| {
            check(
                ProxyHeader::Forwarded,
                "10.0.0.1",
                &[("forwarded", value)],
                expected,
            );
        };
        f("for=198.51.100.7;proto=https;by=10.0.0.1", "198.51.100.7");
        f("proto=https; For=\"[2001:db8::7]:4711\"", "2001:db8::7");
        f("for=203.0.113.9, for=198.51.100.7", "198.51.100.7");
        f("for=_hidden", "10.0.0.1");
    }
}
