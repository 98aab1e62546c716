//! What the files of one activation are called.

use std::fmt;

use colophon_crypto::{Engine, Portable};

/// The bytes of a name.
pub(super) const NAME_BYTES: usize = 16;

/// The start of a package's digest, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActivationName(String);

impl ActivationName {
    /// The name of the activation that a package is.
    pub(super) fn of(package: &[u8]) -> ActivationName {
        let digest = Portable.digest(&[package]);
        let start = digest.iter().take(NAME_BYTES / 2);
        ActivationName(start.map(|byte| format!("{byte:02x}")).collect())
    }

    /// A name as it is kept. It becomes part of a path, so nothing else will do.
    pub(super) fn parse(kept: &[u8]) -> Option<ActivationName> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_name = kept.len() == NAME_BYTES && kept.iter().all(is_digit);
        let name = std::str::from_utf8(kept).ok().filter(|_| is_name)?;
        Some(ActivationName(name.to_owned()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for ActivationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_is_read_as_one() {
        let name = ActivationName::of(b"a package");
        assert_eq!(ActivationName::parse(name.as_bytes()), Some(name));
        for other in [
            &b""[..],
            b"0123456789abcde",
            b"0123456789abcdef\n",
            b"0123456789ABCDEF",
            b"../../../etc/pas",
            b"0123456789abcd\xc3\xa9",
        ] {
            assert_eq!(ActivationName::parse(other), None, "{other:?}");
        }
    }
}
