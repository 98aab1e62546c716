//! What is kept of an activation.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use colophon_activation::{ActivationPackage, FactSalt, PersonaId};
use colophon_reader::repository::Activated;
use colophon_reader::{ActivateError, ActivationUnusable, FolderError};
use colophon_title::TrustRoots;

use crate::platform::{PERSONA, Platform};
use crate::service::{Reply, Service};
use crate::{Reader, SALT, bystander, code, token};

/// Activates against a service that gives out this package.
fn receive(reader: &Reader, package: &ActivationPackage) -> Result<Activated, ActivateError> {
    let package = Reply::Full(200, "", package.to_json());
    reader.run(&Service::start(vec![code(), token(), package]))
}

#[test]
fn what_a_trusted_authority_sends_is_kept_and_judged_again() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let good = platform.package(&PERSONA.parse().unwrap(), SALT);
    let activated = receive(&reader, &good).unwrap();
    assert_eq!(activated.persona().as_str(), PERSONA);
    assert!(!reader.grant().exists(), "an approval is used up");
    let folder = reader.activation_folder();
    assert!(folder.activated(&reader.roots).unwrap().is_some());
    let [file] = reader.kept("package-").try_into().unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Trust can be withdrawn, and files can be changed.
    assert!(folder.activated(&TrustRoots::new()).is_err());
    for damage in [&b""[..], b"{}", b"{\"v\":1}"] {
        fs::write(&file, damage).unwrap();
        assert!(folder.activated(&reader.roots).is_err());
    }
}

/// Who the persona is, is told without the package, which is a thousand times as long.
#[test]
fn the_persona_is_known_without_its_package() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    let folder = reader.activation_folder();
    let told = || folder.persona(&reader.machine()).unwrap();
    assert_eq!(told(), None);
    let package = platform.package(&persona, SALT);
    receive(&reader, &package).unwrap();
    let [file] = reader.kept("package-").try_into().unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(told(), Some(persona));
    let gone = folder.activated(&reader.roots).unwrap_err();
    let gone_file =
        matches!(&gone, ActivationUnusable::Folder(FolderError::Damaged { path }) if *path == file);
    assert!(gone_file, "{gone:?}");
    // A name that is none is damaged, whatever path it would lead to.
    for damage in ["", "../machine/etc/ho", "0123456789abcdef\n"] {
        fs::write(reader.folder.path().join("activation/activation"), damage).unwrap();
        assert!(folder.persona(&reader.machine()).is_err(), "{damage:?}");
        assert!(folder.activated(&reader.roots).is_err(), "{damage:?}");
    }
    // Activated again, everything is as it should be.
    receive(&reader, &package).unwrap();
    assert!(told().is_some() && folder.activated(&reader.roots).unwrap().is_some());
}

#[test]
fn an_activation_leaves_nothing_of_the_one_before_but_its_counts() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let first = reader.kept("p");
    fs::write(reader.folder.path().join("activation/counts-0"), "counted").unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let second = reader.kept("p");
    assert_eq!((first.len(), second.len()), (2, 2));
    assert!(first.iter().all(|file| !second.contains(file)));
    assert_eq!(reader.kept("counts-").len(), 1);
}

/// Readers kept the package under one name once.
#[test]
fn an_activation_without_a_name_is_one_until_the_next() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona: PersonaId = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let [file] = reader.kept("package-").try_into().unwrap();
    let unnamed = reader.folder.path().join("activation/package.json");
    fs::rename(file, &unnamed).unwrap();
    fs::remove_file(reader.folder.path().join("activation/activation")).unwrap();
    let folder = reader.activation_folder();
    let told = || folder.persona(&reader.machine()).unwrap();
    assert_eq!(told(), Some(persona.clone()));
    assert!(folder.activated(&reader.roots).unwrap().is_some());
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    assert!(!unnamed.exists());
    assert_eq!(told(), Some(persona));
}

#[test]
fn what_nobody_trusted_has_signed_replaces_nothing() {
    let platform = Platform::new();
    let mut reader = Reader::new();
    reader.roots = platform.roots();
    let persona = PERSONA.parse().unwrap();
    receive(&reader, &platform.package(&persona, SALT)).unwrap();
    let refused = |package: &ActivationPackage| {
        let refused = receive(&reader, package).unwrap_err();
        let kept = reader.activation_folder().activated(&reader.roots).unwrap();
        assert_eq!(kept.unwrap().persona().as_str(), PERSONA);
        refused
    };
    let stranger = refused(&Platform::new().package(&persona, SALT));
    assert!(
        matches!(stranger, ActivateError::Refused(_)),
        "{stranger:?}"
    );
    let mut changed = platform.package(&persona, SALT);
    changed.module.push(0);
    let changed = refused(&changed);
    assert!(matches!(changed, ActivateError::Refused(_)), "{changed:?}");
    // Genuine, and not what was asked for.
    let bob = platform.package(&"bob@people.example".parse().unwrap(), SALT);
    assert!(matches!(refused(&bob), ActivateError::NotAskedFor));
    let salted = platform.package(&persona, FactSalt::from_bytes([8; 16]));
    assert!(matches!(refused(&salted), ActivateError::NotAskedFor));
}

#[test]
fn nobody_is_asked_where_it_would_be_in_vain() {
    // Nothing listens there: an attempt would fail in another way.
    let nowhere = "http://127.0.0.1:9/activation";
    let mut reader = Reader::new();
    fs::remove_file(reader.folder.path().join("machine/etc/hostname")).unwrap();
    let refused = reader.fetch_at(nowhere, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Machine(_)), "{refused:?}");
    reader.roots = TrustRoots::new();
    let refused = reader.fetch_at(nowhere, &mut bystander()).unwrap_err();
    assert!(
        matches!(refused, ActivateError::NobodyTrusted),
        "{refused:?}"
    );
}
