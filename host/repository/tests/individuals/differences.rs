//! What two repositories have in common: nothing that helps.

use std::collections::HashSet;

use colophon_activation::{FactKind, MachineId, PersonaId, SealedFor, open_key};
use colophon_crypto::{AgreementKey, Portable};
use colophon_individual::{TEMPLATE, Template, TemplateRefused};
use wasmparser::{Parser, Payload, Validator};

use crate::support::{Made, PERSONA, Seeded, facts, make, persona_key};

/// Long enough that two stretches of code are equal by design and not by chance.
const STRETCH: usize = 16;

fn individual(chance: &str) -> Made {
    make(chance, PERSONA, [1; 16], "abcdef")
}

/// The code section of the largest module in a component.
fn code(component: &[u8]) -> Vec<u8> {
    let sections = Parser::new(0)
        .parse_all(component)
        .filter_map(|payload| match payload {
            Ok(Payload::CodeSectionStart {
                unchecked_range, ..
            }) => Some(unchecked_range),
            _ => None,
        });
    let largest = sections
        .max_by_key(|range| range.end - range.start)
        .expect("code");
    let place = |position: u64| usize::try_from(position).expect("a position");
    component[place(largest.start)..place(largest.end)].to_vec()
}

fn stretches(bytes: &[u8]) -> HashSet<&[u8]> {
    bytes.windows(STRETCH).collect()
}

#[test]
fn equal_chance_makes_equal_repositories() {
    let (one, two) = (individual("a"), individual("a"));
    assert_eq!(one.individual, two.individual);
    assert_ne!(one.individual, individual("b").individual);
}

#[test]
fn every_individual_is_a_valid_component() {
    for chance in 0..12 {
        let made = individual(&chance.to_string());
        Validator::new()
            .validate_all(&made.individual.module)
            .expect("a valid component");
    }
}

#[test]
fn few_bytes_are_the_same_in_the_same_place() {
    let (one, two) = (individual("a"), individual("b"));
    let (one, two) = (code(&one.individual.module), code(&two.individual.module));
    let same = one.iter().zip(&two).filter(|(one, two)| one == two).count();
    let share = same as f64 / one.len().min(two.len()) as f64;
    println!("equal bytes in equal places: {:.1} %", share * 100.0);
    assert!(share < 0.15, "{share}");
}

#[test]
fn the_code_around_the_shares_has_nothing_in_common() {
    let template = code(TEMPLATE);
    let template = stretches(&template);
    let (one, two) = (individual("a"), individual("b"));
    let (one, two) = (code(&one.individual.module), code(&two.individual.module));
    let new = |code| -> HashSet<&[u8]> { stretches(code).difference(&template).copied().collect() };
    let (one, two) = (new(&one), new(&two));
    let common = one.intersection(&two).count();
    let share = common as f64 / one.len().min(two.len()) as f64;
    println!(
        "new stretches of code: {} and {}, {common} in both",
        one.len(),
        two.len()
    );
    assert!(one.len() > 5000);
    assert!(share < 0.05, "{share}");
}

#[test]
fn no_word_of_the_key_lies_open() {
    for chance in ["a", "b", "c"] {
        let made = individual(chance);
        let key = AgreementKey::generate(&mut Seeded::new(chance)).scalar();
        let mut needles: Vec<Vec<u8>> = Vec::new();
        for word in key.expose().chunks(8) {
            needles.push(word.to_vec());
            needles.push(word.iter().rev().copied().collect());
            // As a constant in code: seven bits in a byte.
            let number = u64::from_be_bytes(word.try_into().expect("a word")).cast_signed();
            let mut constant = Vec::new();
            wasm_encoder::Encode::encode(&number, &mut constant);
            needles.push(constant);
        }
        for needle in needles {
            let mut windows = made.individual.module.windows(needle.len());
            assert!(!windows.any(|window| window == needle));
        }
    }
}

#[test]
fn the_key_of_one_opens_nothing_of_another() {
    let key = |chance| AgreementKey::generate(&mut Seeded::new(chance));
    let (one, two) = (individual("a"), individual("b"));
    let persona: PersonaId = PERSONA.parse().expect("a persona");
    let (machine, facts) = (MachineId::from_bytes([1; 16]), facts("abcdef"));
    let to = SealedFor {
        persona: &persona,
        machine: &machine,
        facts: &facts,
    };
    let opens = |chance, made: &Made| {
        open_key(&Portable, &key(chance), to, &made.individual.sealed_key).map(|opened| {
            assert_eq!(opened.changed, None::<FactKind>);
            opened.private_key_pkcs8.to_vec()
        })
    };
    assert_eq!(opens("a", &one), Ok(persona_key()));
    assert_eq!(opens("b", &two), Ok(persona_key()));
    assert!(opens("a", &two).is_err());
    assert!(opens("b", &one).is_err());
}

#[test]
fn what_is_no_template_is_refused() {
    let refused = |bytes: &[u8]| Template::read(bytes).err();
    assert_eq!(refused(&[]), Some(TemplateRefused::NoComponent));
    assert_eq!(
        refused(b"\0asm\x01\0\0\0"),
        Some(TemplateRefused::NoComponent)
    );
    assert_eq!(
        refused(b"\0asm\x0d\0\x01\0"),
        Some(TemplateRefused::Places(0))
    );
    assert_eq!(
        refused(&TEMPLATE[..TEMPLATE.len() - 1]),
        Some(TemplateRefused::NoComponent)
    );
    // An individual has no place for a key any more.
    let made = individual("a");
    assert_eq!(
        refused(&made.individual.module),
        Some(TemplateRefused::Places(0))
    );
}
