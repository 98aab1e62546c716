//! What a secure repository costs: the server that makes it, the reader that compiles it and reads
//! through it.

use std::io::{Cursor, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use colophon_activation::{FactDigest, FactKind, MachineFacts, MachineId, PersonaId, PinnedRoots};
use colophon_crypto::{Engine, Portable, Randomness};
use colophon_individual::{Individual, Order, TEMPLATE, Template, individualize};
use colophon_reader::repository::{Circumstances, CountStore, Device, Repository, Trust};
use colophon_title::license::RightKind;

use crate::figure::{Figure, Target};

const ROUNDS: u32 = 40;

/// Bytes that look random and depend on a number only.
struct Numbered(u64);

impl Randomness for Numbered {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            let block = Portable.digest(&[&self.0.to_be_bytes()]);
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}

struct Subject {
    persona: PersonaId,
    machine: MachineId,
    facts: MachineFacts,
    key: Vec<u8>,
    roots: PinnedRoots,
}

impl Subject {
    fn new() -> Subject {
        let digests = FactKind::ALL.map(|kind| (kind, FactDigest::from_bytes([7; 32])));
        Subject {
            persona: "ishmael".parse().expect("a persona"),
            machine: MachineId::from_bytes([1; 16]),
            facts: MachineFacts::new(digests).expect("facts"),
            key: der("keys/persona.key"),
            roots: PinnedRoots::new([Portable.digest(&[&der("keys/root.crt")])]).expect("a root"),
        }
    }

    fn individual(&self, template: &Template<'_>, number: u64) -> Individual {
        let order = Order {
            persona: &self.persona,
            persona_key_pkcs8: &self.key,
            machine: &self.machine,
            facts: &self.facts,
            roots: &self.roots,
        };
        let random = &mut Numbered(number << 32);
        individualize(&Portable, random, template, &order).expect("an individual")
    }
}

fn vector(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/title/vectors");
    std::fs::read(folder.join(name)).expect("a vector")
}

fn der(name: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding};

    let text = String::from_utf8(vector(name)).expect("text");
    let lines = text.lines().skip_while(|line| !line.starts_with("-----"));
    let inside = lines.skip(1).take_while(|line| !line.starts_with("-----"));
    Base64::decode_vec(&inside.collect::<String>()).expect("base64")
}

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let subject = Subject::new();
    let (template, reading) = timed(|| Template::read(TEMPLATE));
    let template = template.map_err(|error| error.to_string())?;
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| timed(|| subject.individual(&template, round.into())).1)
        .collect();
    times.sort();
    let individual = subject.individual(&template, 0);
    let (repository, compiling) = timed(|| Repository::compile(&individual.module));
    let repository = repository.map_err(|error| error.to_string())?;
    let device = Device {
        persona: subject.persona.to_string(),
        machine: subject.machine.to_string(),
        facts_json: subject.facts.to_json(),
        sealed_key: individual.sealed_key.clone(),
    };
    let trust = Trust {
        roots: vec![der("keys/root.crt")],
        revocation_lists: Vec::new(),
    };
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let counts = CountStore::new(
        &folder.path().join("counts"),
        &folder.path().join("witness"),
    );
    let file = Cursor::new(vector("whale.level-5.epub"));
    let (title, opening) = timed(|| repository.open(&device, &trust, counts, file));
    let mut title = title.map_err(|error| error.to_string())?;
    let circumstances = Circumstances {
        now_unix_s: 1_767_323_045,
        ..Circumstances::default()
    };
    let viewed = title.exercise(RightKind::View, &circumstances);
    viewed.map_err(|error| error.to_string())?;
    let entries = title.described().entries.clone();
    let (read, reading_all) = timed(|| {
        entries.iter().try_for_each(|(path, _)| {
            let mut content = Vec::new();
            let entry = title.entry_reader(path).map_err(|error| error.to_string());
            let read = entry?.read_to_end(&mut content);
            read.map(drop).map_err(|error| error.to_string())
        })
    });
    read?;
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let size = individual.module.len() as f64 / 1024.0;
    Ok(vec![
        figure("individualizing, p50", at(50), Target::AtMost(50.0)),
        figure("individualizing, p99", at(99), Target::AtMost(50.0)),
        figure("reading the template, once", reading, Target::None),
        figure("compiling it in a reader", compiling, Target::None),
        figure("opening a small title", opening, Target::None),
        figure("reading all of it", reading_all, Target::None),
        Figure {
            name: "size of a repository".to_owned(),
            ours: size,
            peer: None,
            unit: "KiB",
            target: Target::AtMost(8192.0),
        },
    ])
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = act();
    (done, start.elapsed())
}

fn figure(name: &str, time: Duration, target: Target) -> Figure {
    Figure {
        name: format!("secure repository: {name}"),
        ours: time.as_secs_f64() * 1000.0,
        peer: None,
        unit: "ms",
        target,
    }
}
