//! Facts of machines: how they are digested, and texts of them.

use std::collections::BTreeMap;

use colophon_activation::{FactKind, FactSalt, MachineFacts, MachineId};
use colophon_crypto::Portable;
use serde::Serialize;

/// Facts, or a text of them, and what must come of it.
#[derive(Clone, Default, Serialize)]
pub(crate) struct MachineVector {
    /// The file is named after it.
    #[serde(skip)]
    pub(crate) name: String,
    /// What the vector shows, in a sentence.
    about: String,
    /// What must come of it: `valid`, or the reason of the refusal.
    expect: String,
    /// The salt, in base64url.
    salt: String,
    /// What the machine states, by kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<BTreeMap<String, String>>,
    /// The facts as they are sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<String>,
    /// The id of a machine that is registered with these facts.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

const SALT: FactSalt = FactSalt::from_bytes(*b"sixteen bytes 01");

const USUAL: [(FactKind, &str); 6] = [
    (FactKind::Board, "4c4c4544-0051-3510-8052-b4c04f4a3132"),
    (FactKind::System, "08a0d5ab5c4a4e0f9bd4a9e5e22ca6b1"),
    (FactKind::Disk, "S3Z9NB0K123456A"),
    (FactKind::NetworkCard, "52:54:00:a1:b2:c3"),
    (FactKind::HostName, "desk.example"),
    (FactKind::Processor, "Some CPU 9 @ 3.00GHz"),
];

pub(crate) fn vectors() -> Vec<MachineVector> {
    let mut vectors = digested();
    vectors.extend(texts());
    vectors
}

/// The usual values with some of them changed.
fn usual_but(changes: &[(FactKind, &'static str)]) -> Vec<(FactKind, &'static str)> {
    let mut values = USUAL.to_vec();
    for (kind, value) in changes {
        for place in values.iter_mut().filter(|(of, _)| of == kind) {
            place.1 = value;
        }
    }
    values
}

fn read(name: &str, about: &str, salt: &FactSalt, values: &[(FactKind, &str)]) -> MachineVector {
    let by_kind = values
        .iter()
        .map(|(kind, value)| (kind.name().to_owned(), (*value).to_owned()));
    let vector = MachineVector {
        name: name.to_owned(),
        about: about.to_owned(),
        salt: salt.to_string(),
        values: Some(by_kind.collect()),
        ..MachineVector::default()
    };
    match MachineFacts::read(&Portable, salt, values.iter().copied()) {
        Ok(facts) => MachineVector {
            expect: "valid".to_owned(),
            facts: Some(facts.to_json()),
            machine: Some(MachineId::of(&Portable, salt, &facts).to_string()),
            ..vector
        },
        Err(refused) => MachineVector {
            expect: refused.reason().to_owned(),
            ..vector
        },
    }
}

fn digested() -> Vec<MachineVector> {
    let usual = |name, about, changes: &[_]| read(name, about, &SALT, &usual_but(changes));
    vec![
        usual("all-facts", "a machine of which everything is known", &[]),
        usual(
            "other-notations",
            "the same machine, stated by another system release",
            &[
                (FactKind::Board, "4C4C4544-0051-3510-8052-B4C04F4A3132\n"),
                (FactKind::Disk, " S3Z9NB0K123456A\u{0}"),
                (FactKind::NetworkCard, "52-54-00-A1-B2-C3"),
                (FactKind::HostName, "DESK.EXAMPLE"),
                (FactKind::Processor, "Some  CPU 9\t@ 3.00GHz   "),
            ],
        ),
        usual(
            "renamed-host",
            "the same machine with another host name",
            &[(FactKind::HostName, "tisch.example")],
        ),
        usual(
            "placeholders",
            "firmware that states nothing counts as unknown",
            &[
                (FactKind::Board, "To Be Filled By O.E.M."),
                (FactKind::NetworkCard, "00:00:00:00:00:00"),
                (FactKind::HostName, "localhost"),
            ],
        ),
        read(
            "another-persona",
            "the same machine under another persona's salt",
            &FactSalt::from_bytes(*b"sixteen bytes 02"),
            &USUAL,
        ),
        read(
            "three-facts",
            "as few facts as there may be",
            &SALT,
            &[USUAL[1], USUAL[3], USUAL[4]],
        ),
        read(
            "two-facts",
            "too few facts to tell a machine from others",
            &SALT,
            &[USUAL[1], USUAL[4]],
        ),
        usual(
            "two-facts-and-placeholders",
            "placeholders do not help",
            &[
                (FactKind::Board, "Default string"),
                (FactKind::Disk, ""),
                (FactKind::NetworkCard, "ff:ff:ff:ff:ff:ff"),
                (FactKind::HostName, "localhost.localdomain"),
            ],
        ),
    ]
}

fn texts() -> Vec<MachineVector> {
    let usual = MachineFacts::read(&Portable, &SALT, USUAL).expect("facts");
    let json = usual.to_json();
    let text = |name: &str, expect: &str, about: &str, facts: String| MachineVector {
        name: name.to_owned(),
        about: about.to_owned(),
        expect: expect.to_owned(),
        salt: SALT.to_string(),
        facts: Some(facts),
        ..MachineVector::default()
    };
    let with = |from: &str, to: &str| json.replacen(from, to, 1);
    let first = |member: &str| with("{", &format!("{{{member},"));
    let (before, host_name) = json.split_once("\"host-name\":\"").expect("a host name");
    let digest = &host_name[..43];
    let host_name = |value: &str| format!("{before}\"host-name\":{value}}}");
    let mut other_order = text(
        "text-in-another-order",
        "valid",
        "another order and white space",
        format!(
            " {{ {},\n\"v\": 1}}",
            json.trim_start_matches("{\"v\":1,").trim_end_matches('}')
        ),
    );
    other_order.machine = Some(MachineId::of(&Portable, &SALT, &usual).to_string());
    vec![
        other_order,
        text("text-empty", "facts-form", "nothing", String::new()),
        text("text-an-array", "facts-form", "a list", format!("[{json}]")),
        text(
            "text-cut",
            "facts-form",
            "cut short",
            json[..json.len() - 1].to_owned(),
        ),
        text(
            "text-two-objects",
            "facts-form",
            "a second object",
            format!("{json}{{}}"),
        ),
        text(
            "text-too-long",
            "too-long",
            "4097 bytes",
            format!("{json:4097}"),
        ),
        text(
            "text-without-v",
            "facts-version",
            "no version",
            with("\"v\":1,", ""),
        ),
        text(
            "text-v-2",
            "facts-version",
            "a later version",
            with("\"v\":1", "\"v\":2"),
        ),
        text(
            "text-v-a-string",
            "facts-version",
            "a version that is a string",
            with("\"v\":1", "\"v\":\"1\""),
        ),
        text(
            "text-v-twice",
            "fact-duplicate",
            "the version twice",
            first("\"v\":1"),
        ),
        text(
            "fact-unknown",
            "fact-unknown",
            "a fact nobody knows",
            first("\"colour\":\"blue\""),
        ),
        text(
            "fact-in-the-clear",
            "fact-digest",
            "a fact itself",
            host_name("\"desk.example\""),
        ),
        text(
            "fact-twice",
            "fact-duplicate",
            "one fact twice, different",
            first(&format!("\"host-name\":\"{}\"", "A".repeat(43))),
        ),
        text(
            "fact-twice-alike",
            "fact-duplicate",
            "one fact twice, alike",
            first(&format!("\"host-name\":\"{digest}\"")),
        ),
        text(
            "fact-twice-escaped",
            "fact-duplicate",
            "one fact twice, once escaped",
            first(r#""host\u002dname":"AAAA""#),
        ),
        text(
            "digest-empty",
            "fact-digest",
            "an empty digest",
            host_name("\"\""),
        ),
        text(
            "digest-padded",
            "fact-digest",
            "padding after a digest",
            host_name(&format!("\"{digest}=\"")),
        ),
        text(
            "digest-non-canonical",
            "fact-digest",
            "spare bits that are not zero",
            host_name(&format!("\"{}B\"", "A".repeat(42))),
        ),
        text(
            "digest-31-bytes",
            "fact-digest",
            "a digest just too short",
            host_name(&format!("\"{}\"", "A".repeat(42))),
        ),
        text(
            "digest-33-bytes",
            "fact-digest",
            "a digest just too long",
            host_name(&format!("\"{}\"", "A".repeat(44))),
        ),
        text(
            "digest-in-hexadecimal",
            "fact-digest",
            "a digest in hexadecimal digits",
            host_name(&format!("\"{}\"", "ab".repeat(32))),
        ),
        text(
            "digest-a-number",
            "fact-digest",
            "a digest that is a number",
            host_name("1"),
        ),
        text(
            "digest-null",
            "facts-form",
            "a null for what is unknown",
            host_name("null"),
        ),
        text(
            "text-of-two-facts",
            "too-few-facts",
            "two facts only",
            format!("{{\"v\":1,\"disk\":\"{digest}\",\"host-name\":\"{digest}\"}}"),
        ),
        text(
            "text-of-no-facts",
            "too-few-facts",
            "no facts at all",
            "{\"v\":1}".to_owned(),
        ),
    ]
}
