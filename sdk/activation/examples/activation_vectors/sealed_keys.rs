//! Private keys sealed to a repository on a machine.

use base64ct::{Base64, Encoding};
use colophon_activation::{
    FactDigest, FactKind, MachineFacts, MachineId, PersonaId, SealedFor, seal_key,
};
use colophon_crypto::{AgreementKey, Engine, Key32, Portable, Randomness};
use serde::Serialize;

/// A sealed key and what must come of opening it.
#[derive(Clone, Serialize)]
pub(crate) struct SealedKeyVector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    about: String,
    /// `valid`, or `not-sealed-for-this`.
    expect: String,
    /// The private key of the repository: base64 of 32 bytes.
    repository_key: String,
    persona: String,
    machine: String,
    /// What the machine says of itself when the key is opened.
    facts: String,
    /// The sealed key in base64.
    sealed: String,
    /// The private key in base64, if it opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    opened: Option<String>,
    /// The kind of the fact that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<String>,
}

/// Bytes that look random and are the same each time.
struct Numbered(u64);

impl Randomness for Numbered {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = Portable.digest(&[b"sealed key", &self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

const PERSONA: &str = "ada@people.example";
const PRIVATE_KEY: &[u8] = b"this stands for a private key in PKCS#8";

/// Facts with one letter per kind, in their order; `-` is unknown.
fn facts(letters: &str) -> MachineFacts {
    let digests = FactKind::ALL.into_iter().zip(letters.bytes());
    let known = digests.filter(|(_, letter)| *letter != b'-');
    MachineFacts::new(known.map(|(kind, letter)| (kind, FactDigest::from_bytes([letter; 32]))))
        .expect("facts")
}

fn repository(seed: u8) -> AgreementKey {
    AgreementKey::from_scalar(&Key32::new([seed; 32])).expect("a key")
}

fn sealed(letters: &str) -> Vec<u8> {
    let persona: PersonaId = PERSONA.parse().expect("a persona");
    let to = SealedFor {
        persona: &persona,
        machine: &MachineId::from_bytes([0x5a; 16]),
        facts: &facts(letters),
    };
    let public = repository(1).public_key();
    seal_key(&Portable, &mut Numbered(0), &public, to, PRIVATE_KEY).expect("sealed")
}

/// The usual sealed key, opened as usual, and refused.
fn refused(name: &str, about: &str) -> SealedKeyVector {
    SealedKeyVector {
        name: name.to_owned(),
        about: about.to_owned(),
        expect: "not-sealed-for-this".to_owned(),
        repository_key: Base64::encode_string(repository(1).scalar().expose()),
        persona: PERSONA.to_owned(),
        machine: MachineId::from_bytes([0x5a; 16]).to_string(),
        facts: facts("abcdef").to_json(),
        sealed: Base64::encode_string(&sealed("abcdef")),
        opened: None,
        changed: None,
    }
}

fn valid(name: &str, about: &str, letters: &str, changed: Option<FactKind>) -> SealedKeyVector {
    SealedKeyVector {
        expect: "valid".to_owned(),
        facts: facts(letters).to_json(),
        opened: Some(Base64::encode_string(PRIVATE_KEY)),
        changed: changed.map(|kind| kind.name().to_owned()),
        ..refused(name, about)
    }
}

pub(crate) fn vectors() -> Vec<SealedKeyVector> {
    let with_facts = |name, about, letters| SealedKeyVector {
        facts: facts(letters).to_json(),
        ..refused(name, about)
    };
    let with_bytes = |name, about, bytes: Vec<u8>| SealedKeyVector {
        sealed: Base64::encode_string(&bytes),
        ..refused(name, about)
    };
    let usual = sealed("abcdef");
    let flipped = |at: usize| {
        let mut bytes = usual.clone();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        valid("as-sealed", "all facts as they were", "abcdef", None),
        valid(
            "renamed-host",
            "one fact changed",
            "abcdXf",
            Some(FactKind::HostName),
        ),
        valid(
            "disk-unknown",
            "one fact not known any more",
            "ab-def",
            Some(FactKind::Disk),
        ),
        SealedKeyVector {
            sealed: Base64::encode_string(&sealed("a-c-e-")),
            ..valid(
                "few-facts",
                "three facts known, one of them new",
                "abc-e-",
                Some(FactKind::System),
            )
        },
        with_facts("two-facts", "two facts changed", "abcdXX"),
        with_facts("facts-exchanged", "two facts exchanged", "bacdef"),
        SealedKeyVector {
            persona: "eve@people.example".to_owned(),
            ..refused("another-persona", "another persona")
        },
        SealedKeyVector {
            machine: MachineId::from_bytes([0x5b; 16]).to_string(),
            ..refused("another-machine", "another machine's id")
        },
        SealedKeyVector {
            repository_key: Base64::encode_string(repository(2).scalar().expose()),
            ..refused("another-repository", "another repository")
        },
        with_bytes("version-2", "another version", flipped(0)),
        with_bytes("point-changed", "no point of the curve", flipped(30)),
        with_bytes(
            "share-changed",
            "a share is bound though it is not needed",
            flipped(70),
        ),
        with_bytes(
            "content-changed",
            "another content",
            flipped(usual.len() - 20),
        ),
        with_bytes("tag-changed", "another tag", flipped(usual.len() - 1)),
        with_bytes("cut", "cut off", usual[..usual.len() - 1].to_vec()),
        with_bytes("empty", "nothing", Vec::new()),
    ]
}
