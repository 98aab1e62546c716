//! Facts in JSON, as a reader sends them.

use colophon_claims::{InvalidId, InvalidMember, InvalidObject, Members};

use super::fact::{FactDigest, FactKind};
use super::facts::{InvalidFacts, MachineFacts};

/// The longest text of facts, in bytes; what [`MachineFacts::to_json`] writes is far shorter.
pub const FACTS_BYTES_MAX: usize = 4096;

const NAMES: &[&str] = &[
    "v",
    FactKind::Board.name(),
    FactKind::System.name(),
    FactKind::Disk.name(),
    FactKind::NetworkCard.name(),
    FactKind::HostName.name(),
    FactKind::Processor.name(),
];

impl From<InvalidObject> for InvalidFacts {
    fn from(invalid: InvalidObject) -> InvalidFacts {
        match invalid {
            InvalidObject::Form => InvalidFacts::Form,
            InvalidObject::Unknown(name) => InvalidFacts::Unknown(name),
            InvalidObject::Duplicate(name) => InvalidFacts::Duplicate(name),
        }
    }
}

impl MachineFacts {
    /// Reads the facts a reader has sent.
    ///
    /// # Errors
    ///
    /// [`InvalidFacts`] if the text breaks the specification, or too few facts are known.
    pub fn parse(json: &[u8]) -> Result<MachineFacts, InvalidFacts> {
        if json.len() > FACTS_BYTES_MAX {
            return Err(InvalidFacts::TooLong);
        }
        let mut members = Members::parse_with_lists(json, NAMES)?;
        if members.integer("v") != Ok(Some(1)) {
            return Err(InvalidFacts::Version);
        }
        let mut digests = Vec::new();
        for kind in FactKind::ALL {
            let name = kind.name();
            match members.text::<FactDigest>(name) {
                Ok(digest) => digests.extend(digest.map(|digest| (kind, digest))),
                Err(InvalidMember::Text { cause, .. }) => {
                    return Err(InvalidFacts::Digest { name, cause });
                }
                Err(_) => {
                    let expected = "a string";
                    let cause = InvalidId::Form { expected };
                    return Err(InvalidFacts::Digest { name, cause });
                }
            }
        }
        MachineFacts::new(digests)
    }

    /// Writes the facts for the server: one line, the known kinds in the order of
    /// [`FactKind::ALL`].
    #[must_use]
    pub fn to_json(&self) -> String {
        // Names and digests need no escapes.
        let mut json = String::from("{\"v\":1");
        for (kind, digest) in self.known() {
            json.push_str(&format!(",\"{}\":\"{digest}\"", kind.name()));
        }
        json.push('}');
        json
    }
}
