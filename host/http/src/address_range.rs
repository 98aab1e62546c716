//! Networks in CIDR notation.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

/// A network of addresses, such as `10.0.0.0/8`, `2001:db8::/32` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    base: u128,
    mask: u128,
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not an address or a network such as 10.0.0.0/8")]
pub struct NotARange {
    text: String,
}

impl AddressRange {
    /// Whether the address lies in the network. An IPv4 address and its IPv6 mapping are one.
    pub fn contains(&self, address: IpAddr) -> bool {
        number(address) & self.mask == self.base
    }
}

impl FromStr for AddressRange {
    type Err = NotARange;

    /// Reads an address with or without a prefix length; the bits after the prefix must be zero,
    /// since a network that says more than it means is usually a slip.
    fn from_str(text: &str) -> Result<Self, NotARange> {
        parse(text).ok_or_else(|| NotARange {
            text: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<AddressRange> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length: u32 = length.map_or(Some(bits), |length| length.parse().ok())?;
    let host_bits = bits.checked_sub(length)?;
    let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
    let base = number(address);
    (base & mask == base).then_some(AddressRange { base, mask })
}

/// The address as IPv6, so that one comparison serves both families.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => Ipv6Addr::to_bits(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(range: &str, address: &str, inside: bool) {
        let range: AddressRange = range.parse().unwrap();
        assert_eq!(
            range.contains(address.parse().unwrap()),
            inside,
            "{address}"
        );
    }

    #[test]
    fn networks_and_addresses() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.0/8", "::ffff:10.1.1.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "10.0.0.1", true);
        check("::1", "::1", true);
    }

    #[test]
    fn slips_are_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "::/129",
            "host/8",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<AddressRange>().is_err(), "{text}");
        }
    }
}
