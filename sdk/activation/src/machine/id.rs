//! The name the server gives a machine.

use std::fmt;

use colophon_claims::InvalidId;
use colophon_crypto::{Engine, frames};

use super::fact::FactSalt;
use super::facts::MachineFacts;
use crate::PROFILE;

/// What a persona's machine is known by, derived by the server from the facts it was first
/// registered with. It stays the machine's when a fact changes, so it is kept, not derived anew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId([u8; 16]);

impl MachineId {
    /// The id of a machine that is registered with these facts.
    #[must_use]
    pub fn of(engine: &dyn Engine, salt: &FactSalt, facts: &MachineFacts) -> MachineId {
        let mut parts: Vec<&[u8]> = vec![PROFILE.as_bytes(), b"machine", salt.as_bytes()];
        for (kind, digest) in facts.all() {
            parts.push(kind.name().as_bytes());
            parts.push(digest.map_or(&[], |digest| digest.as_bytes()));
        }
        let digest = engine.digest(&[&frames(&parts)]);
        let (half, _) = digest.split_at(16);
        let mut id = [0; 16];
        id.copy_from_slice(half);
        MachineId(id)
    }

    /// The id of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> MachineId {
        MachineId(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::str::FromStr for MachineId {
    type Err = InvalidId;

    /// Reads 32 hexadecimal digits in lower case.
    fn from_str(text: &str) -> Result<MachineId, InvalidId> {
        let digit = |character: char| {
            character
                .to_digit(16)
                .filter(|_| !character.is_ascii_uppercase())
        };
        let digits: Option<Vec<u32>> = text.chars().map(digit).collect();
        let digits = digits.filter(|digits| digits.len() == 32);
        let digits = digits.ok_or(InvalidId::Form {
            expected: "32 hexadecimal digits in lower case",
        })?;
        let number = digits
            .into_iter()
            .fold(0, |number, digit| number << 4 | u128::from(digit));
        Ok(MachineId(number.to_be_bytes()))
    }
}

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MachineId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text() {
        let id = MachineId::from_bytes(core::array::from_fn(|at| at as u8 * 17));
        let text = "00112233445566778899aabbccddeeff";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        for bad in [
            "",
            "0",
            &text[1..],
            &text.to_uppercase(),
            &format!("{text}0"),
        ] {
            assert!(bad.parse::<MachineId>().is_err(), "{bad:?}");
        }
        assert!(text.replace('0', "é").parse::<MachineId>().is_err());
        assert!(text.replacen('0', "+", 1).parse::<MachineId>().is_err());
    }
}
