//! A persona, a machine and a title at level 5, from the published vectors of the title file.

pub(crate) mod authority;
pub(crate) mod shop;

use std::io::Cursor;
use std::path::Path;

use base64ct::{Base64, Encoding};
use colophon_activation::{FactDigest, FactKind, MachineFacts, MachineId, PersonaId, PinnedRoots};
use colophon_crypto::{Engine, Portable, Randomness};
use colophon_individual::{Individual, Order, TEMPLATE, Template, individualize};
use colophon_reader::repository::{
    Circumstances, CountStore, Device, ProtectedTitle, Repository, RepositoryFailure, Trust,
};

/// Inside the validity of every certificate of the vectors.
pub(crate) const NOW: i64 = 1_767_323_045;

pub(crate) const PERSONA: &str = "ishmael";

/// Bytes that look random and depend on the seed only.
pub(crate) struct Seeded {
    seed: String,
    blocks: u64,
}

impl Seeded {
    pub(crate) fn new(seed: &str) -> Seeded {
        Seeded {
            seed: seed.to_owned(),
            blocks: 0,
        }
    }
}

impl Randomness for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let block = Portable.digest(&[self.seed.as_bytes(), &self.blocks.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
            self.blocks += 1;
        }
    }
}

/// A file of the title format's vectors.
pub(crate) fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/title/vectors");
    std::fs::read(folder.join(name)).expect(name)
}

/// The bytes of the one object in a PEM file, whatever is written above it.
fn der(name: &str) -> Vec<u8> {
    let text = String::from_utf8(vector(name)).expect("text");
    let lines = text.lines().skip_while(|line| !line.starts_with("-----"));
    let inside = lines.skip(1).take_while(|line| !line.starts_with("-----"));
    Base64::decode_vec(&inside.collect::<String>()).expect("base64")
}

pub(crate) fn persona_key() -> Vec<u8> {
    der("keys/persona.key")
}

pub(crate) fn trust() -> Trust {
    Trust {
        roots: vec![der("keys/root.crt")],
        revocation_lists: Vec::new(),
    }
}

/// The roots with these certificates, as a repository is made with them.
pub(crate) fn pinned(roots: &[Vec<u8>]) -> PinnedRoots {
    let digests = roots.iter().map(|root| Portable.digest(&[root]));
    PinnedRoots::new(digests).expect("roots")
}

/// Facts with one letter per kind, in their order; `-` is unknown.
pub(crate) fn facts(letters: &str) -> MachineFacts {
    let digests = FactKind::ALL.into_iter().zip(letters.bytes());
    let known = digests.filter(|(_, letter)| *letter != b'-');
    MachineFacts::new(known.map(|(kind, letter)| (kind, FactDigest::from_bytes([letter; 32]))))
        .expect("facts")
}

/// A repository with whom it was made for.
pub(crate) struct Made {
    pub(crate) individual: Individual,
    pub(crate) device: Device,
}

/// The repository of a persona on a machine, made with some chance, which believes licenses under
/// the root of the vectors.
pub(crate) fn make(chance: &str, persona: &str, machine: [u8; 16], letters: &str) -> Made {
    let roots = pinned(&trust().roots);
    make_with(chance, persona, machine, letters, &roots)
}

fn make_with(
    chance: &str,
    persona: &str,
    machine: [u8; 16],
    letters: &str,
    roots: &PinnedRoots,
) -> Made {
    let template = Template::read(TEMPLATE).expect("a template");
    let persona: PersonaId = persona.parse().expect("a persona");
    let machine = MachineId::from_bytes(machine);
    let facts = facts(letters);
    let order = Order {
        persona: &persona,
        persona_key_pkcs8: &persona_key(),
        machine: &machine,
        facts: &facts,
        roots,
    };
    let individual = individualize(&Portable, &mut Seeded::new(chance), &template, &order);
    let individual = individual.expect("an individual");
    Made {
        device: Device {
            persona: persona.to_string(),
            machine: machine.to_string(),
            facts_json: facts.to_json(),
            sealed_key: individual.sealed_key.clone(),
        },
        individual,
    }
}

/// The usual repository: that of the persona of the vectors on a machine with six facts.
pub(crate) fn usual() -> Made {
    make("usual", PERSONA, [1; 16], "abcdef")
}

/// The usual repository, but for the roots that it believes licenses under.
pub(crate) fn believing(roots: &PinnedRoots) -> Made {
    make_with("usual", PERSONA, [1; 16], "abcdef", roots)
}

pub(crate) fn compiled(individual: &Individual) -> Repository {
    Repository::compile(&individual.module).expect("a repository that compiles")
}

/// Counts in two folders of their own.
pub(crate) fn counts(folder: &Path) -> CountStore {
    CountStore::new(&folder.join("counts"), &folder.join("elsewhere/witness"))
}

pub(crate) fn open(
    repository: &Repository,
    device: &Device,
    counts: CountStore,
    file: &[u8],
) -> Result<ProtectedTitle, RepositoryFailure> {
    open_under(&trust(), repository, device, counts, file)
}

/// Opens a title in a reader that tells its repository to believe these roots and lists.
pub(crate) fn open_under(
    trust: &Trust,
    repository: &Repository,
    device: &Device,
    counts: CountStore,
    file: &[u8],
) -> Result<ProtectedTitle, RepositoryFailure> {
    repository.open(device, trust, counts, Cursor::new(file.to_vec()))
}

pub(crate) fn now() -> Circumstances {
    Circumstances {
        now_unix_s: NOW,
        ..Circumstances::default()
    }
}

/// The reason of a refusal, or `opened`.
pub(crate) fn reason<T>(result: Result<T, RepositoryFailure>) -> String {
    match result {
        Ok(_) => "opened".to_owned(),
        Err(failure) => failure.reason().to_owned(),
    }
}
