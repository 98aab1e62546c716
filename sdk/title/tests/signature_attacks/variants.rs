//! Documents that are the same, or nearly, and written differently.

mod replacements;
mod wrappings;

use colophon_crypto::Portable;
use colophon_title::signature::{SignedState, assemble, sign_all, split};

use self::replacements::TWISTS;
use self::wrappings::wrappings;
use crate::authority::EcdsaP256Sha256;
use crate::signed::{Signers, state, terms};
use crate::verify;

/// Every way to write the same or nearly the same document differently. A variant is the
/// honest document with the `at`-th occurrence of a text replaced.
#[test]
fn no_variant_of_the_document_is_accepted() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let roots = signers.root.roots();
    let honest = String::from_utf8(signers.document(&state)).unwrap();
    let parts = split(honest.as_bytes()).unwrap();
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| std::str::from_utf8(part.octets()).unwrap())
        .collect();
    let mut variants: Vec<(String, String)> = Vec::new();
    for (name, from, twist) in TWISTS {
        let to = &twist.of(from);
        let occurrences = honest.match_indices(from).count();
        assert!(occurrences > 0, "{name} replaces nothing");
        for at in 0..occurrences {
            variants.push((format!("{name} {at}"), replace_nth(&honest, from, to, at)));
        }
        variants.push((format!("{name} everywhere"), honest.replace(from, to)));
    }
    for (first, part) in parts.iter().enumerate() {
        for (name, wrapped) in wrappings(part) {
            variants.push((format!("{name} {first}"), honest.replace(part, &wrapped)));
        }
        for (second, other) in parts
            .iter()
            .enumerate()
            .filter(|(second, _)| *second != first)
        {
            for element in [
                "ds:SignedInfo",
                "ds:SignatureValue",
                "ds:KeyInfo",
                "ds:Object",
            ] {
                let swapped = part.replace(inner(part, element), inner(other, element));
                let name = format!("{element} of {second} in {first}");
                if swapped != *part {
                    variants.push((name, honest.replace(part, &swapped)));
                }
            }
        }
    }
    assert!(variants.len() >= 300, "{}", variants.len());
    for (name, variant) in &variants {
        assert_ne!(*variant, honest, "{name}");
        let verified = verify(variant.as_bytes(), &state, &roots);
        assert!(verified.is_err(), "accepted: {name}");
    }
    println!("{} variants, none accepted", variants.len());
}

fn replace_nth(text: &str, from: &str, to: &str, nth: usize) -> String {
    let (at, _) = text.match_indices(from).nth(nth).unwrap();
    format!("{}{to}{}", &text[..at], &text[at + from.len()..])
}

/// An element of a signature, with its tags.
fn inner<'p>(part: &'p str, element: &str) -> &'p str {
    let start = part.find(&format!("<{element}")).unwrap();
    let end_tag = format!("</{element}>");
    let end = part.find(&end_tag).unwrap() + end_tag.len();
    &part[start..end]
}

#[test]
fn every_changed_byte_is_noticed() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let roots = signers.root.roots();
    // The copy's signature has an issuer between: everything that a file can have.
    let version = SignedState {
        copy_hash: None,
        ..state
    };
    let tool = sign_all(&Portable, &[], &[&signers.tool], &terms(&version)).unwrap();
    let honest = sign_all(&Portable, &tool, &[&signers.provider], &terms(&state)).unwrap();
    let honest = assemble(&honest);
    assert!(verify(&honest, &state, &roots).is_ok());
    for at in 0..honest.len() {
        let mut changed = honest.clone();
        changed[at] ^= 1;
        assert!(verify(&changed, &state, &roots).is_err(), "byte {at}");
        assert!(
            verify(&honest[..at], &state, &roots).is_err(),
            "first {at} bytes"
        );
    }
}
