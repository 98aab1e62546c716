//! What leaves a repository: content and what is said of it, and never a key.

use std::collections::HashSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};

use colophon_crypto::AgreementKey;
use colophon_title::license::RightKind;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use wasmtime::{Config, Engine};

use crate::support::shop::content_key;
use crate::support::{Seeded, compiled, counts, now, open, persona_key, reason, usual, vector};

const WINDOW: usize = 8;

/// Every stretch of eight bytes that is in a secret, in either order of bytes.
fn windows_of(secrets: &[Vec<u8>]) -> HashSet<Vec<u8>> {
    let reversed = secrets
        .iter()
        .map(|secret| secret.iter().rev().copied().collect());
    let all = secrets.iter().cloned().chain(reversed);
    all.flat_map(|secret: Vec<u8>| {
        secret
            .windows(WINDOW)
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    })
    .collect()
}

fn holds_any(bytes: &[u8], secrets: &HashSet<Vec<u8>>) -> bool {
    bytes.windows(WINDOW).any(|window| secrets.contains(window))
}

/// The keys that must stay within: the persona's, the content key, and the repository's own.
fn secrets() -> HashSet<Vec<u8>> {
    let key = RsaPrivateKey::from_pkcs8_der(&persona_key()).expect("a key");
    let mut secrets: Vec<Vec<u8>> = key
        .primes()
        .iter()
        .map(|prime| prime.to_bytes_be())
        .collect();
    secrets.push(key.d().to_bytes_be());
    secrets.push(content_key());
    // The first thing that is drawn for an individual is its key.
    let own = AgreementKey::generate(&mut Seeded::new("usual"));
    secrets.push(own.scalar().expose().to_vec());
    // What is public is in the license, among others.
    let public = windows_of(&[key.n().to_bytes_be()]);
    windows_of(&secrets).difference(&public).cloned().collect()
}

#[test]
fn no_key_is_in_anything_that_comes_out() {
    let secrets = secrets();
    // The search finds what it looks for.
    assert!(holds_any(&persona_key(), &secrets));
    assert!(holds_any(&content_key(), &secrets));
    let made = usual();
    assert!(!holds_any(&made.individual.module, &secrets));
    assert!(!holds_any(&made.individual.sealed_key, &secrets));

    let folder = tempfile::tempdir().expect("a folder");
    let file = vector("whale.level-5.epub");
    let repository = compiled(&made.individual);
    let mut title = open(&repository, &made.device, counts(folder.path()), &file).expect("a title");
    let described = title.described().clone();
    assert!(!holds_any(format!("{described:?}").as_bytes(), &secrets));
    assert!(!holds_any(&described.license_document, &secrets));
    for kind in RightKind::ALL {
        // Used or denied: what is kept of it is looked at.
        drop(title.exercise(kind, &now()));
    }
    for kept in ["counts", "elsewhere/witness"] {
        let kept = fs::read(folder.path().join(kept)).expect("what was kept");
        assert!(!holds_any(&kept, &secrets));
    }
    for (path, _) in described.entries {
        let mut content = Vec::new();
        let mut reader = title.entry_reader(&path).expect("an entry");
        reader.read_to_end(&mut content).expect("content");
        assert!(!holds_any(&content, &secrets), "{path}");
    }
}

#[test]
fn a_repository_can_be_asked_for_nothing_else() {
    let made = usual();
    let engine = Engine::new(&Config::new()).expect("an engine");
    let component = Component::from_binary(&engine, &made.individual.module).expect("a component");
    let mut found = Vec::new();
    for (name, item) in component.component_type().exports(&engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            panic!("{name} is not an interface");
        };
        let functions = interface
            .exports(&engine)
            .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
            .map(|(function, _)| format!("{name}#{function}"));
        found.extend(functions);
    }
    found.sort();
    let expected = ["exercise", "judge", "open", "read"]
        .map(|function| format!("colophon:repository/protected-title@0.1.0#{function}"));
    assert_eq!(found, expected);
}

#[test]
fn content_is_given_out_after_the_right_to_view_and_at_any_place() {
    let made = usual();
    let folder = tempfile::tempdir().expect("a folder");
    let file = vector("whale.level-5.epub");
    let repository = compiled(&made.individual);
    let mut title = open(&repository, &made.device, counts(folder.path()), &file).expect("a title");
    let entries = title.described().entries.clone();
    let (path, size) = entries.last().cloned().expect("an entry");
    let mut content = Vec::new();
    let before = title
        .entry_reader(&path)
        .expect("an entry")
        .read_to_end(&mut content);
    assert!(before.is_err());
    assert!(content.is_empty());
    assert_eq!(reason(title.exercise(RightKind::Print, &now())), "opened");
    let printed = title
        .entry_reader(&path)
        .expect("an entry")
        .read_to_end(&mut content);
    assert!(printed.is_err(), "a print is no view");

    assert_eq!(reason(title.exercise(RightKind::View, &now())), "opened");
    title
        .entry_reader(&path)
        .expect("an entry")
        .read_to_end(&mut content)
        .expect("content");
    assert_eq!(content.len() as u64, size);
    for offset in [0, 1, size / 2, size - 1, size, size + 9] {
        let mut reader = title.entry_reader(&path).expect("an entry");
        reader.seek(SeekFrom::Start(offset)).expect("a position");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).expect("content");
        let from = usize::try_from(offset.min(size)).expect("an offset");
        assert_eq!(rest, content[from..]);
    }
}

#[test]
fn a_damaged_title_is_refused_with_its_reason() {
    let made = usual();
    let folder = tempfile::tempdir().expect("a folder");
    let repository = compiled(&made.individual);
    let reasons = String::from_utf8(vector("refused-level-5/reasons.txt")).expect("text");
    let mut checked = 0;
    for line in reasons.lines() {
        let (name, expected) = line.split_once(": ").expect("a name and a reason");
        let file = vector(&format!("refused-level-5/{name}.epub"));
        let opened = open(&repository, &made.device, counts(folder.path()), &file);
        assert_eq!(reason(opened), expected, "{name}");
        checked += 1;
    }
    assert!(checked >= 10);
    let truncated = &vector("whale.level-5.epub")[..5000];
    let opened = open(&repository, &made.device, counts(folder.path()), truncated);
    assert_eq!(reason(opened), "container-end");
    let sealed = vector("whale.level-3.epub");
    let opened = open(&repository, &made.device, counts(folder.path()), &sealed);
    assert_eq!(reason(opened), "not-licensed");
}
