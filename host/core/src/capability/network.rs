//! Which IP addresses are out on the internet, and which are somebody's own.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text is no [`Network`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a network is an address and a number of bits, as 10.0.0.0/8, without bits beyond them")]
pub struct InvalidNetwork;

impl Network {
    /// Accepts `10.0.0.0/8`, `fd00::/8` and the like.
    ///
    /// # Errors
    /// [`InvalidNetwork`].
    pub fn parse(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) = text.split_once('/').ok_or(InvalidNetwork)?;
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let plain = bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u8 = bits.parse().map_err(|_| InvalidNetwork)?;
        let network = Self { address, bits };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let exact = plain && bits <= most && network.beginning(address) == Some(wide(address));
        // Written in the other family's clothes it would never match.
        if exact && address.to_canonical() == address {
            Ok(network)
        } else {
            Err(InvalidNetwork)
        }
    }

    /// Whether the address, in whatever clothes, is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && self.beginning(address) == self.beginning(self.address)
    }

    /// The leading bits of an address of its family, the others cleared.
    fn beginning(&self, address: IpAddr) -> Option<u128> {
        let length: u32 = if address.is_ipv4() { 32 } else { 128 };
        let cleared = length.checked_sub(u32::from(self.bits))?;
        let kept = wide(address).checked_shr(cleared).unwrap_or(0);
        Some(kept.checked_shl(cleared).unwrap_or(0))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Where clouds keep their machines' metadata and keys at an address that looks public. The other
/// such addresses lie in networks that are not.
const METADATA: [Ipv4Addr; 1] = [Ipv4Addr::new(168, 63, 129, 16)];

/// Whether an address is out on the internet: not this machine, not a private or link-local
/// network, not where clouds keep their metadata, not a group, and none of these in the clothes of
/// the other family.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let reserved = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !reserved && !METADATA.contains(&address)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Through a translator that many networks have, this is an IPv4 address.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        return is_public_v4(Ipv4Addr::from_bits(
            (u32::from(high) << 16) | u32::from(low),
        ));
    }
    match segments {
        // Tunnels and benchmarks; documentation; IPv4 addresses again.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] => false,
        [0x3fff, 0..=0xfff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_ones_own_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.253",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.0.0.1",
            "::ffff:168.63.129.16",
            "64:ff9b::a83f:8110",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.0.0.1",
            "128.0.0.1",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.0.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn networks_contain_their_addresses_in_any_clothes() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        let contains = |text: &str| network.contains(text.parse().unwrap());
        assert!(contains("10.1.0.0"));
        assert!(contains("10.1.255.255"));
        assert!(contains("::ffff:10.1.2.3"));
        assert!(!contains("10.2.0.0"));
        assert!(!contains("::a01:203"));
        assert!(
            Network::parse("0.0.0.0/0")
                .unwrap()
                .contains("1.2.3.4".parse().unwrap())
        );
        assert!(
            !Network::parse("0.0.0.0/0")
                .unwrap()
                .contains("::1".parse().unwrap())
        );
        assert!(
            Network::parse("::/0")
                .unwrap()
                .contains("::1".parse().unwrap())
        );
        assert!(
            Network::parse("::1/128")
                .unwrap()
                .contains("::1".parse().unwrap())
        );
        assert!(
            !Network::parse("127.0.0.1/32")
                .unwrap()
                .contains("127.0.0.2".parse().unwrap())
        );
    }

    #[test]
    fn what_is_no_network() {
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/08x",
            "10/8",
            "::ffff:10.0.0.0/104",
            "fe80::1/64",
            "/8",
            "a/8",
        ] {
            assert_eq!(Network::parse(text), Err(InvalidNetwork), "{text}");
        }
    }
}
