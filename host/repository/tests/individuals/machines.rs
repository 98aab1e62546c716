//! On which machines, and for whom, a repository opens.

use std::io::Read;

use colophon_reader::repository::Device;
use colophon_title::license::RightKind;

use crate::support::{
    Made, PERSONA, compiled, counts, facts, make, now, open, reason, usual, vector,
};

const FILE: &str = "whale.level-5.epub";

/// What comes of opening the title with another device than it was made for.
fn with_devices(made: &Made, devices: &[(&str, Device)]) -> Vec<(String, String)> {
    let repository = compiled(&made.individual);
    let folder = tempfile::tempdir().expect("a folder");
    let file = vector(FILE);
    let outcome = |(name, device): &(&str, Device)| {
        let opened = open(&repository, device, counts(folder.path()), &file);
        let changed = opened.map(|title| title.described().changed_fact.clone());
        let outcome = match changed {
            Ok(None) => "opened".to_owned(),
            Ok(Some(kind)) => format!("opened, but for {kind}"),
            Err(failure) => failure.reason().to_owned(),
        };
        ((*name).to_owned(), outcome)
    };
    devices.iter().map(outcome).collect()
}

#[track_caller]
fn check_facts(made: &Made, expected: &[(&str, &str)]) {
    let device = |letters: &str| Device {
        facts_json: facts(letters).to_json(),
        ..made.device.clone()
    };
    let devices: Vec<_> = expected
        .iter()
        .map(|(letters, _)| (*letters, device(letters)))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(letters, outcome)| ((*letters).to_owned(), (*outcome).to_owned()))
        .collect();
    assert_eq!(with_devices(made, &devices), expected);
}

#[test]
fn a_title_opens_for_its_persona_on_its_machine() {
    let made = usual();
    let repository = compiled(&made.individual);
    let folder = tempfile::tempdir().expect("a folder");
    let file = vector(FILE);
    let mut title = open(&repository, &made.device, counts(folder.path()), &file).expect("a title");
    assert_eq!(title.described().changed_fact, None);
    title
        .exercise(RightKind::View, &now())
        .expect("the right to view");
    let entries = title.described().entries.clone();
    assert!(!entries.is_empty());
    for (path, size) in entries {
        let mut content = Vec::new();
        let mut reader = title.entry_reader(&path).expect("an entry");
        reader.read_to_end(&mut content).expect("content");
        assert_eq!(content.len() as u64, size, "{path}");
    }
}

#[test]
fn one_changed_fact_is_forgiven_and_two_are_not() {
    check_facts(
        &usual(),
        &[
            ("abcdef", "opened"),
            ("Xbcdef", "opened, but for board"),
            ("aXcdef", "opened, but for system"),
            ("abXdef", "opened, but for disk"),
            ("abcXef", "opened, but for network-card"),
            ("abcdXf", "opened, but for host-name"),
            ("abcdeX", "opened, but for processor"),
            ("abcde-", "opened, but for processor"),
            ("XXcdef", "not-sealed-for-this"),
            ("abcdXX", "not-sealed-for-this"),
            ("abcd--", "not-sealed-for-this"),
            ("abcdX-", "not-sealed-for-this"),
            ("bacdef", "not-sealed-for-this"),
            ("ABCDEF", "not-sealed-for-this"),
        ],
    );
}

#[test]
fn a_machine_of_few_facts_is_bound_to_them() {
    check_facts(
        &make("few", PERSONA, [1; 16], "a-c-e-"),
        &[
            ("a-c-e-", "opened"),
            ("abc-e-", "opened, but for system"),
            ("a-c-X-", "opened, but for host-name"),
            ("abcde-", "not-sealed-for-this"),
            ("a-X-X-", "not-sealed-for-this"),
            ("abc-X-", "not-sealed-for-this"),
        ],
    );
}

#[test]
fn another_persona_machine_or_repository_does_not_open_it() {
    let made = usual();
    let other_persona = make("other persona", "ahab", [1; 16], "abcdef");
    let other_machine = make("other machine", PERSONA, [2; 16], "ghijkl");
    // The same persona once more on the same machine: a repository of its own all the same.
    let again = make("again", PERSONA, [1; 16], "abcdef");
    let device = |persona: &str, machine: &str| Device {
        persona: persona.to_owned(),
        machine: machine.to_owned(),
        ..made.device.clone()
    };
    let key_of = |other: &Made| Device {
        sealed_key: other.device.sealed_key.clone(),
        ..made.device.clone()
    };
    let outcomes = with_devices(
        &made,
        &[
            ("as made", made.device.clone()),
            ("persona", device("ahab", &made.device.machine)),
            ("machine", device(PERSONA, &other_machine.device.machine)),
            ("key of another persona", other_persona.device.clone()),
            ("key of another machine", other_machine.device.clone()),
            ("key of another repository", key_of(&again)),
            ("no persona", device("", &made.device.machine)),
            ("no machine", device(PERSONA, "")),
        ],
    );
    let outcomes: Vec<(&str, &str)> = outcomes
        .iter()
        .map(|(name, outcome)| (name.as_str(), outcome.as_str()))
        .collect();
    let refused = "not-sealed-for-this";
    assert_eq!(
        outcomes,
        [
            ("as made", "opened"),
            ("persona", refused),
            ("machine", refused),
            ("key of another persona", refused),
            ("key of another machine", refused),
            ("key of another repository", refused),
            ("no persona", "name"),
            ("no machine", "name"),
        ]
    );
}

#[test]
fn no_byte_of_the_sealed_key_can_be_changed() {
    let made = usual();
    let repository = compiled(&made.individual);
    let folder = tempfile::tempdir().expect("a folder");
    let file = vector(FILE);
    let whole = made.device.sealed_key.clone();
    let opens = |sealed_key: Vec<u8>| {
        let device = Device {
            sealed_key,
            ..made.device.clone()
        };
        reason(open(&repository, &device, counts(folder.path()), &file))
    };
    for at in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        assert_eq!(opens(changed), "not-sealed-for-this", "byte {at}");
    }
    assert_eq!(opens(Vec::new()), "not-sealed-for-this");
    assert_eq!(
        opens(whole[..whole.len() - 1].to_vec()),
        "not-sealed-for-this"
    );
    assert_eq!(opens(whole), "opened");
}
