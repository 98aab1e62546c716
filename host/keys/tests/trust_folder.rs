//! The folder of trusted roots: what is believed, from when on, and until when.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use colophon_activation::{CertificateChain, InvalidPinnedRoots, PINNED_ROOTS_MAX, PinnedRoots};
use colophon_core::activation::ports::LicenseRoots as _;
use colophon_core::principal::{CertificateRefused, Trust as _};
use colophon_crypto::Engine as _;
use colophon_keys::{
    Authority, AwsLc, KeyKind, Leaf, Revocation, Subject, SystemRandom, TrustFolder,
    TrustFolderError, Validity, serial_number,
};
use colophon_receipt::UnixSeconds;
use colophon_title::trust::{CertificateRole, ChainRefused};

const NOW: i64 = 1_800_000_000;
const ROLE: CertificateRole = CertificateRole::Activation;

fn subject(name: &str) -> Subject {
    Subject {
        common_name: name.to_owned(),
        organization: None,
    }
}

fn around(seconds: i64) -> Validity {
    Validity {
        from_unix_s: NOW - seconds,
        until_unix_s: NOW + seconds,
    }
}

fn root(name: &str) -> Authority {
    let kind = KeyKind::P256;
    let root = Authority::create_root(&subject(name), kind, around(1 << 30), &mut SystemRandom);
    root.expect("a root")
}

fn persona(authority: &Authority, validity: Validity) -> Leaf {
    let name = subject("ada@people.example");
    let leaf = authority.issue(ROLE, &name, KeyKind::Rsa2048, validity, &mut SystemRandom);
    leaf.expect("a certificate")
}

fn revoking(authority: &Authority, leaf: &Leaf, number: u64) -> Vec<u8> {
    let revoked = [Revocation {
        serial: serial_number(&leaf.chain()[0]).expect("a number"),
        at_unix_s: NOW,
    }];
    let list = authority.revocation_list(&revoked, number, around(1000));
    list.expect("a list")
}

fn open(folder: &Path) -> Result<TrustFolder, TrustFolderError> {
    TrustFolder::open(folder, Arc::new(AwsLc))
}

fn judge(trust: &TrustFolder, leaf: &Leaf, at: i64) -> Result<(), ChainRefused> {
    let judged = trust.judge(leaf.chain(), ROLE, UnixSeconds::new(at));
    judged.map(|certificate| {
        assert_eq!(
            certificate.common_name.as_deref(),
            Some("ada@people.example")
        );
    })
}

/// Puts a file there whole, as whoever replaces one should.
fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let beside = folder.join("beside");
    fs::write(&beside, bytes).expect("a file");
    fs::rename(&beside, folder.join(name)).expect("a file in place");
}

#[test]
fn roots_and_lists_are_read_again_when_they_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (one, other) = (root("one"), root("other"));
    let (ada, bea) = (persona(&one, around(500)), persona(&other, around(500)));
    put(folder, "one.pem", one.certificate_pem().as_bytes());
    put(folder, "notes.txt", b"no certificate");
    let trust = open(folder).expect("a folder");
    assert!(!trust.refresh().expect("nothing new"));
    assert_eq!(judge(&trust, &ada, NOW), Ok(()));
    assert_eq!(judge(&trust, &bea, NOW), Err(ChainRefused::Untrusted));

    put(folder, "other.crt", other.certificate_der());
    assert!(trust.refresh().expect("a new root"));
    assert_eq!(judge(&trust, &bea, NOW), Ok(()));

    put(folder, "one.crl", &revoking(&one, &ada, 1));
    assert_eq!(judge(&trust, &ada, NOW), Ok(()), "not read yet");
    assert!(trust.refresh().expect("a list"));
    assert_eq!(judge(&trust, &ada, NOW), Err(ChainRefused::Revoked));
    assert_eq!(judge(&trust, &bea, NOW), Ok(()));

    fs::remove_file(folder.join("one.crl")).expect("it was there");
    assert!(trust.refresh().expect("a list less"));
    assert_eq!(judge(&trust, &ada, NOW), Ok(()));
    fs::remove_file(folder.join("other.crt")).expect("it was there");
    assert!(trust.refresh().expect("a root less"));
    assert_eq!(judge(&trust, &bea, NOW), Err(ChainRefused::Untrusted));
}

#[test]
fn a_root_for_licensors_activates_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (own, publisher) = (root("own"), root("publisher"));
    put(folder, "roots.pem", own.certificate_pem().as_bytes());
    put(
        folder,
        "publisher.licensor.pem",
        publisher.certificate_pem().as_bytes(),
    );
    let trust = open(folder).expect("a folder");
    let ada = persona(&publisher, around(500));
    assert_eq!(judge(&trust, &ada, NOW), Err(ChainRefused::Untrusted));
    let role = CertificateRole::Licensor;
    let name = subject("licensor");
    let licensor = publisher.issue(role, &name, KeyKind::P256, around(500), &mut SystemRandom);
    let licensor = licensor.expect("a certificate");
    let judged = trust.judge(licensor.chain(), role, UnixSeconds::new(NOW));
    assert!(judged.is_ok());
    assert_eq!(trust.roots().len(), 2);
}

/// The persona's certificate is read once for as long as it is believed, and judged each time.
#[test]
fn a_certificate_that_was_read_is_judged_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let one = root("one");
    let ada = persona(&one, around(500));
    put(folder, "one.pem", one.certificate_pem().as_bytes());
    let trust = open(folder).expect("a folder");
    let chain = CertificateChain::new(ada.chain().to_vec()).expect("a chain");
    let judge = |at| trust.judge_activation(&chain, UnixSeconds::new(at));
    let first = judge(NOW).expect("believed");
    assert_eq!(first.common_name(), Some("ada@people.example"));
    assert_eq!(first.der(), ada.chain()[0]);
    assert!(Arc::ptr_eq(&first, &judge(NOW + 1).expect("believed")));
    let refused = |at| judge(at).expect_err("refused");
    assert_eq!(
        refused(NOW + 501),
        CertificateRefused::Chain(ChainRefused::Time)
    );

    put(folder, "one.crl", &revoking(&one, &ada, 1));
    assert!(trust.refresh().expect("a list"));
    assert_eq!(
        refused(NOW),
        CertificateRefused::Chain(ChainRefused::Revoked)
    );

    let name = subject("ada@people.example");
    for (role, kind, cause) in [
        (ROLE, KeyKind::P256, CertificateRefused::Key),
        (
            CertificateRole::Licensor,
            KeyKind::Rsa2048,
            CertificateRefused::Chain(ChainRefused::Role),
        ),
    ] {
        let leaf = one.issue(role, &name, kind, around(500), &mut SystemRandom);
        let chain = leaf.expect("a certificate").chain().to_vec();
        let chain = CertificateChain::new(chain).expect("a chain");
        for _ in 0..2 {
            let judged = trust.judge_activation(&chain, UnixSeconds::new(NOW));
            assert_eq!(judged.expect_err("refused"), cause);
        }
    }
}

#[test]
fn repositories_are_made_for_the_roots_that_are_believed_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (one, other) = (root("one"), root("other"));
    let digest = |root: &Authority| AwsLc.digest(&[root.certificate_der()]);
    let pinned = |roots: &[&Authority]| PinnedRoots::new(roots.iter().map(|root| digest(root)));
    put(folder, "one.pem", one.certificate_pem().as_bytes());
    let trust = open(folder).expect("a folder");
    assert_eq!(trust.pinned(), pinned(&[&one]));
    // Two in one file, one of them for the second time.
    let both = one.certificate_pem() + &other.certificate_pem();
    put(folder, "both.pem", both.as_bytes());
    assert_eq!(trust.pinned(), pinned(&[&one]), "not read yet");
    assert!(trust.refresh().expect("a new root"));
    assert_eq!(trust.pinned(), pinned(&[&one, &other]));

    let many: Vec<String> = (0..PINNED_ROOTS_MAX)
        .map(|number| root(&number.to_string()).certificate_pem())
        .collect();
    put(folder, "many.pem", many.concat().as_bytes());
    assert!(trust.refresh().expect("new roots"));
    let too_many = InvalidPinnedRoots::TooMany(PINNED_ROOTS_MAX + 2);
    assert_eq!(trust.pinned(), Err(too_many));
}

#[test]
fn what_cannot_be_read_leaves_the_old_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    assert!(matches!(open(folder), Err(TrustFolderError::NoRoot { .. })));
    let absent = open(&folder.join("absent"));
    assert!(matches!(absent, Err(TrustFolderError::Read { .. })));
    let one = root("one");
    let ada = persona(&one, around(500));
    put(folder, "one.pem", one.certificate_pem().as_bytes());
    let trust = open(folder).expect("a folder");
    for (name, bytes) in [
        ("x.crl", &b"no list"[..]),
        ("x.pem", b""),
        ("x.crt", ada.chain()[0].as_slice()),
    ] {
        put(folder, name, bytes);
        let refused = trust.refresh();
        assert!(
            matches!(refused, Err(TrustFolderError::Content { .. })),
            "{name}"
        );
        assert!(trust.refresh().is_err(), "{name}: it is tried again");
        assert_eq!(judge(&trust, &ada, NOW), Ok(()));
        fs::remove_file(folder.join(name)).expect("it was there");
        assert!(!trust.refresh().expect("as before"));
    }
}

#[test]
fn a_verdict_is_for_its_chain_its_role_and_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let one = root("one");
    put(folder.path(), "one.pem", one.certificate_pem().as_bytes());
    let trust = open(folder.path()).expect("a folder");
    let ada = persona(&one, around(500));
    for _ in 0..2 {
        for (at, expected) in [
            (NOW, Ok(())),
            (NOW - 500, Ok(())),
            (NOW + 500, Ok(())),
            (NOW - 501, Err(ChainRefused::Time)),
            (NOW + 501, Err(ChainRefused::Time)),
        ] {
            assert_eq!(judge(&trust, &ada, at), expected, "{at}");
        }
        let at = UnixSeconds::new(NOW);
        let as_licensor = trust.judge(ada.chain(), CertificateRole::Licensor, at);
        assert_eq!(as_licensor.err(), Some(ChainRefused::Role));
        let mut longer = ada.chain().to_vec();
        longer.push(ada.chain()[0].clone());
        assert!(trust.judge(&longer, ROLE, at).is_err());
    }
}

#[test]
fn the_latest_list_of_each_issuer_says_how_old_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (one, other) = (root("one"), root("other"));
    put(folder, "one.pem", one.certificate_pem().as_bytes());
    let trust = open(folder).expect("a folder");
    let lists = || {
        let lists = trust.revocation_lists().expect("lists");
        let short = |(file, list): &(std::path::PathBuf, _)| {
            let list: &colophon_keys::RevocationListAge = list;
            let name = file.file_name().expect("a name").to_string_lossy();
            let until = list.next_by_unix_s.expect("a next one") - NOW;
            (name.into_owned(), list.issuer.clone(), until)
        };
        lists.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(lists(), []);
    let list = |authority: &Authority, from: i64, until: i64| {
        let validity = Validity {
            from_unix_s: NOW + from,
            until_unix_s: NOW + until,
        };
        authority.revocation_list(&[], 1, validity).expect("a list")
    };
    put(folder, "a.crl", &list(&one, -50, -10));
    put(folder, "b.crl", &list(&one, -90, -20));
    put(folder, "c.crl", &list(&other, -30, 30));
    assert_eq!(lists(), [], "not read yet");
    assert!(trust.refresh().expect("lists"));
    let [old, new] = [
        ("a.crl".to_owned(), "CN=one".to_owned(), -10),
        ("c.crl".to_owned(), "CN=other".to_owned(), 30),
    ];
    assert_eq!(lists(), [old, new.clone()]);
    let overdue = |at: i64| {
        let lists = trust.revocation_lists().expect("lists");
        let overdue = lists.iter().filter(|(_, list)| list.is_overdue(at));
        overdue.count()
    };
    assert_eq!([overdue(NOW - 10), overdue(NOW - 9)], [0, 1]);
    // A later one of the same issuer takes its place, wherever it stands.
    put(folder, "d.crl", &list(&one, -5, 60));
    assert!(trust.refresh().expect("lists"));
    assert_eq!(
        lists(),
        [("d.crl".to_owned(), "CN=one".to_owned(), 60), new]
    );
    assert_eq!(overdue(NOW), 0);
    // Under another key of the same name it takes nothing's place, later or not.
    let renewed = root("one");
    put(folder, "e.crl", &list(&renewed, -1, 70));
    assert!(trust.refresh().expect("lists"));
    let mut files: Vec<_> = lists().into_iter().map(|(file, ..)| file).collect();
    files.sort();
    assert_eq!(files, ["c.crl", "d.crl", "e.crl"]);
}
