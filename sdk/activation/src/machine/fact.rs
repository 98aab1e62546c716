//! One fact about a machine, and its digest.

use colophon_claims::bytes_id;
use colophon_crypto::{Engine, Randomness, frames};

use crate::PROFILE;

/// What is looked up about a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// The system board: its DMI product UUID, or the serial number in the device tree.
    Board,
    /// The installation of the operating system: its id, such as that in `/etc/machine-id`.
    System,
    /// The disk the system starts from: its serial number or id.
    Disk,
    /// The first built-in network card: its hardware address.
    NetworkCard,
    /// The name of the host.
    HostName,
    /// The processor: the name of its model.
    Processor,
}

impl FactKind {
    /// Every kind, in the order in which they are digested and written.
    pub const ALL: [FactKind; 6] = [
        FactKind::Board,
        FactKind::System,
        FactKind::Disk,
        FactKind::NetworkCard,
        FactKind::HostName,
        FactKind::Processor,
    ];

    /// The name of the kind, as in digests and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FactKind::Board => "board",
            FactKind::System => "system",
            FactKind::Disk => "disk",
            FactKind::NetworkCard => "network-card",
            FactKind::HostName => "host-name",
            FactKind::Processor => "processor",
        }
    }
}

/// 16 random bytes the server gives a reader, one salt per persona: the digests that two personas
/// send of one machine have nothing in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactSalt([u8; 16]);

impl FactSalt {
    /// A fresh salt.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> FactSalt {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        FactSalt(bytes)
    }
}

bytes_id!(FactSalt, 16, "16 bytes in base64url");

/// What is sent of a fact. It tells whether two facts are equal, and nothing to those who do not
/// know the salt. Whoever knows it can try values: a hardware address has few, a model fewer.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactDigest([u8; 32]);

bytes_id!(FactDigest, 32, "32 bytes in base64url");

impl FactDigest {
    /// The digest of a fact as the machine states it. There is none where the machine states
    /// nothing: an empty value, or what manufacturers write where they left out the true one.
    ///
    /// The value is normalized first. Each run of white space and control characters becomes one
    /// space, none stays at the ends, and ASCII letters become small: one fact reads differently
    /// from one firmware or system release to the next. From the address of a network card the
    /// colons, hyphens and points are left out, which is what its notations differ in.
    #[must_use]
    pub fn of(
        engine: &dyn Engine,
        salt: &FactSalt,
        kind: FactKind,
        value: &str,
    ) -> Option<FactDigest> {
        let value = normalized(kind, value)?;
        let digested = frames(&[
            PROFILE.as_bytes(),
            b"fact",
            salt.as_bytes(),
            kind.name().as_bytes(),
            value.as_bytes(),
        ]);
        Some(FactDigest(engine.digest(&[&digested])))
    }
}

/// What stands for "not set" in firmware, system files and host names, in normalized form.
const PLACEHOLDERS: [&str; 23] = [
    "(none)",
    "0123456789",
    "03000200-0400-0500-0006-000700080009",
    "123456789",
    "1234567890",
    "default string",
    "invalid",
    "localhost",
    "localhost.localdomain",
    "n/a",
    "none",
    "not applicable",
    "not available",
    "not present",
    "not specified",
    "o.e.m.",
    "oem",
    "serial number",
    "system serial number",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "uninitialized",
    "unknown",
];

/// The value that is digested, unless it says nothing.
fn normalized(kind: FactKind, value: &str) -> Option<String> {
    let words: Vec<&str> = value
        .split(|character: char| character.is_whitespace() || character.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let mut value = words.join(" ");
    value.make_ascii_lowercase();
    if PLACEHOLDERS.contains(&value.as_str()) || is_blank(&value) {
        return None;
    }
    if kind == FactKind::NetworkCard {
        value.retain(|character| !matches!(character, ':' | '-' | '.'));
    }
    Some(value)
}

/// Whether a normalized value is nothing but punctuation, zeros, or the largest digit.
fn is_blank(value: &str) -> bool {
    let mut digits = value.chars().filter(|character| {
        !matches!(
            character,
            ' ' | ':' | '-' | '.' | '_' | '/' | '{' | '}' | '(' | ')'
        )
    });
    match digits.next() {
        Some(first @ ('0' | 'f')) => digits.all(|digit| digit == first),
        Some(_) => false,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    const SALT: FactSalt = FactSalt::from_bytes([7; 16]);

    #[track_caller]
    fn check(kind: FactKind, value: &str, expected: Option<&str>) {
        assert_eq!(normalized(kind, value).as_deref(), expected, "{value:?}");
    }

    #[test]
    fn one_fact_in_several_notations() {
        let board = Some("4c4c4544-0051");
        check(FactKind::Board, "4C4C4544-0051", board);
        check(FactKind::Board, " 4c4c4544-0051\n", board);
        check(FactKind::Board, "4c4c4544-0051\0", board);
        let model = Some("some cpu @ 3 ghz");
        check(FactKind::Processor, "Some  CPU @\t3\u{a0}GHz ", model);
        let card = Some("525400a1b2c3");
        check(FactKind::NetworkCard, "52:54:00:A1:B2:C3", card);
        check(FactKind::NetworkCard, "52-54-00-a1-b2-c3", card);
        check(FactKind::NetworkCard, "5254.00a1.b2c3", card);
        check(FactKind::HostName, "Büro-1.example", Some("büro-1.example"));
    }

    #[test]
    fn what_says_nothing_is_no_fact() {
        for value in [
            "",
            " \n",
            "\0",
            "---",
            "0",
            "00:00:00:00:00:00",
            "ff-ff-ff-ff-ff-ff",
            "00000000-0000-0000-0000-000000000000",
            "{FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF}",
            "To Be Filled By O.E.M.",
            " Default  string",
            "LOCALHOST",
            "uninitialized\n",
        ] {
            for kind in FactKind::ALL {
                check(kind, value, None);
            }
        }
        check(FactKind::Disk, "0f0f", Some("0f0f"));
        check(FactKind::Disk, "00001", Some("00001"));
    }

    #[test]
    fn placeholders_are_in_normalized_form() {
        for value in PLACEHOLDERS {
            let words: Vec<&str> = value.split_whitespace().collect();
            assert_eq!(words.join(" ").to_ascii_lowercase(), value);
        }
        assert!(PLACEHOLDERS.is_sorted());
    }

    #[test]
    fn salt_kind_and_value_enter_the_digest() {
        let of = |salt, kind, value| FactDigest::of(&Portable, &salt, kind, value);
        let usual = of(SALT, FactKind::Board, "a1");
        assert!(usual.is_some());
        assert_eq!(usual, of(SALT, FactKind::Board, "A1 "));
        assert_ne!(usual, of(SALT, FactKind::Board, "a2"));
        assert_ne!(usual, of(SALT, FactKind::Disk, "a1"));
        assert_ne!(
            usual,
            of(FactSalt::from_bytes([8; 16]), FactKind::Board, "a1")
        );
    }
}
