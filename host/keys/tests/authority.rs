//! What the authority issues, as those who trust its root see it.

#![cfg(test)]

use colophon_core::ports::SignerFactory;
use colophon_crypto::{Engine, Portable, PublicKey};
use colophon_keys::{
    Authority, AuthorityError, AwsLc, KeyKind, Leaf, LeafError, PrivateKey, Revocation,
    StoredSigners, Subject, SystemRandom, Validity, certificates_to_pem, serial_number,
};
use colophon_title::trust::{CertificateRole, ChainRefused};
use colophon_title::{Signer, SignerRole, TrustRoots};

const NOW: i64 = 1_800_000_000;
const YEAR: i64 = 365 * 86_400;
const VALIDITY: Validity = Validity {
    from_unix_s: NOW - 60,
    until_unix_s: NOW + YEAR,
};

fn subject(common_name: &str) -> Subject {
    Subject {
        common_name: common_name.to_owned(),
        organization: Some("Verlag Žofie".to_owned()),
    }
}

fn root_of(kind: KeyKind) -> Authority {
    let validity = Validity {
        from_unix_s: NOW - 60,
        until_unix_s: NOW + 20 * YEAR,
    };
    Authority::create_root(&subject("Root"), kind, validity, &mut SystemRandom).expect("a root")
}

fn root() -> Authority {
    root_of(KeyKind::P256)
}

fn issue(root: &Authority, role: CertificateRole, kind: KeyKind) -> Leaf {
    root.issue(role, &subject("Leaf"), kind, VALIDITY, &mut SystemRandom)
        .expect("a certificate")
}

fn trusting(root: &Authority) -> TrustRoots {
    let mut roots = TrustRoots::new();
    roots.add_roots(root.certificate_der()).expect("a root");
    roots
}

fn judge(
    roots: &TrustRoots,
    leaf: &Leaf,
    role: CertificateRole,
    at: i64,
) -> Result<(), ChainRefused> {
    let engines: [&dyn Engine; 2] = [&AwsLc, &Portable];
    let [one, other] =
        engines.map(|engine| roots.judge(engine, leaf.chain(), role, at).map(|_| ()));
    assert_eq!(one, other, "the engines disagree");
    one
}

#[test]
fn every_role_under_every_kind_of_root_is_believed() {
    for root_kind in [KeyKind::Rsa3072, KeyKind::P256] {
        let root = root_of(root_kind);
        let roots = trusting(&root);
        for role in CertificateRole::ALL {
            for kind in [KeyKind::Rsa2048, KeyKind::P256] {
                let leaf = issue(&root, role, kind);
                assert_eq!(leaf.role(), role);
                assert_eq!(judge(&roots, &leaf, role, NOW), Ok(()), "{role:?} {kind:?}");
                for other in CertificateRole::ALL
                    .into_iter()
                    .filter(|other| *other != role)
                {
                    assert_eq!(judge(&roots, &leaf, other, NOW), Err(ChainRefused::Role));
                }
            }
        }
    }
}

#[test]
fn certificates_count_within_their_validity_only() {
    let root = root();
    let roots = trusting(&root);
    let leaf = issue(&root, CertificateRole::Tool, KeyKind::P256);
    let at = |at| judge(&roots, &leaf, CertificateRole::Tool, at);
    assert_eq!(at(VALIDITY.from_unix_s), Ok(()));
    assert_eq!(at(VALIDITY.until_unix_s), Ok(()));
    assert_eq!(at(VALIDITY.from_unix_s - 1), Err(ChainRefused::Time));
    assert_eq!(at(VALIDITY.until_unix_s + 1), Err(ChainRefused::Time));
}

#[test]
fn another_root_is_no_root() {
    let leaf = issue(&root(), CertificateRole::Provider, KeyKind::P256);
    // Its name is the same; its key is not.
    let roots = trusting(&root());
    assert_eq!(
        judge(&roots, &leaf, CertificateRole::Provider, NOW),
        Err(ChainRefused::Untrusted)
    );
}

#[test]
fn revoked_certificates_count_no_longer() {
    let root = root();
    let (good, bad) = (
        issue(&root, CertificateRole::Licensor, KeyKind::P256),
        issue(&root, CertificateRole::Licensor, KeyKind::P256),
    );
    let serial = serial_number(&bad.chain()[0]).expect("a number");
    assert_eq!(serial.len(), 16);
    let revoked = [Revocation {
        serial,
        at_unix_s: NOW,
    }];
    let empty = root.revocation_list(&[], 1, VALIDITY).expect("a list");
    let list = root.revocation_list(&revoked, 2, VALIDITY).expect("a list");

    let mut roots = trusting(&root);
    roots.add_revocation_lists(&empty).expect("a list");
    assert_eq!(judge(&roots, &bad, CertificateRole::Licensor, NOW), Ok(()));
    roots.add_revocation_lists(&list).expect("a list");
    assert_eq!(
        judge(&roots, &bad, CertificateRole::Licensor, NOW),
        Err(ChainRefused::Revoked)
    );
    assert_eq!(judge(&roots, &good, CertificateRole::Licensor, NOW), Ok(()));
}

#[test]
fn an_authority_comes_back_from_pem_and_goes_on_issuing() {
    for kind in [KeyKind::Rsa2048, KeyKind::P256] {
        let root = root_of(kind);
        let again = Authority::from_pem(&root.key_pem(), &root.certificate_pem()).expect("a root");
        assert_eq!(again.certificate_der(), root.certificate_der());
        let roots = trusting(&root);
        let leaf = issue(&again, CertificateRole::Owner, KeyKind::P256);
        assert_eq!(judge(&roots, &leaf, CertificateRole::Owner, NOW), Ok(()));

        let other = root_of(KeyKind::P256);
        let mixed = Authority::from_pem(&other.key_pem(), &root.certificate_pem());
        assert!(matches!(mixed, Err(AuthorityError::KeyAndCertificate)));
    }
}

#[test]
fn an_end_certificate_issues_nothing() {
    let leaf = issue(&root(), CertificateRole::Tool, KeyKind::P256);
    let refused = Authority::from_pem(&leaf.key_pem(), &leaf.chain_pem());
    assert!(matches!(refused, Err(AuthorityError::Certificate)));
}

/// An authority made with OpenSSL: printable strings, several attributes, no key identifiers of
/// our making.
#[test]
fn a_foreign_authority_is_taken_over() {
    let key = include_str!("data/foreign-authority.key.pem");
    let certificate = include_str!("data/foreign-authority.cert.pem");
    let authority = Authority::from_pem(key, certificate).expect("an authority");
    let leaf = issue(&authority, CertificateRole::Provider, KeyKind::Rsa2048);
    let roots = trusting(&authority);
    assert_eq!(judge(&roots, &leaf, CertificateRole::Provider, NOW), Ok(()));
}

#[test]
fn somebody_elses_key_is_certified_without_being_known() {
    let root = root();
    let persona = PrivateKey::generate(KeyKind::Rsa2048).expect("a key");
    let role = CertificateRole::Activation;
    let certificate = root
        .certify(
            role,
            &subject("persona-1"),
            persona.public_spki_der(),
            VALIDITY,
            &mut SystemRandom,
        )
        .expect("a certificate");
    let judged = trusting(&root)
        .judge(&AwsLc, &[certificate], role, NOW)
        .expect("an end certificate");
    assert_eq!(judged.public_key_spki_der, persona.public_spki_der());
    assert!(judged.subject.contains("persona-1"));

    let spki = include_bytes!("../../../sdk/crypto/tests/data/rsa-1024.spki.der");
    let refused = root.certify(role, &subject("weak"), spki, VALIDITY, &mut SystemRandom);
    assert!(matches!(refused, Err(AuthorityError::SubjectKey)));
}

#[test]
fn impossible_validities_are_refused() {
    for (from_unix_s, until_unix_s) in
        [(5, 5), (6, 5), (-1, 5), (0, 253_402_300_800), (0, i64::MAX)]
    {
        let validity = Validity {
            from_unix_s,
            until_unix_s,
        };
        let made =
            Authority::create_root(&subject("Root"), KeyKind::P256, validity, &mut SystemRandom);
        assert!(
            matches!(made, Err(AuthorityError::Validity)),
            "{validity:?}"
        );
    }
    let validity = Validity {
        from_unix_s: 0,
        until_unix_s: 253_402_300_799,
    };
    let made = Authority::create_root(&subject("Root"), KeyKind::P256, validity, &mut SystemRandom);
    assert!(made.is_ok());
}

#[test]
fn signers_come_back_from_pem_and_sign_for_their_role() {
    let root = root();
    for (role, signs_as) in [
        (CertificateRole::Tool, Some(SignerRole::Tool)),
        (CertificateRole::Owner, Some(SignerRole::Owner)),
        (CertificateRole::Provider, Some(SignerRole::Provider)),
        (CertificateRole::Licensor, None),
        (CertificateRole::Activation, None),
        (CertificateRole::Center, None),
        (CertificateRole::Retailer, None),
    ] {
        let leaf = issue(&root, role, KeyKind::Rsa2048);
        // A root at the end of the chain file is what certificate tools write.
        let chain = [leaf.chain(), &[root.certificate_der().to_vec()]].concat();
        let read = Leaf::from_pem(&leaf.key_pem(), &certificates_to_pem(&chain)).expect("a leaf");
        assert_eq!(read.chain(), leaf.chain());
        let signer = read.signer();
        assert_eq!(signer.as_ref().map(Signer::role), signs_as);
        if let Some(signer) = signer {
            let signature = signer.sign(b"message").expect("a signature");
            assert_eq!(signer.sign(b"message").expect("a signature"), signature);
            let judged = trusting(&root)
                .judge(&AwsLc, signer.chain(), role, NOW)
                .expect("a chain");
            let verified = AwsLc.verify(
                signer.algorithm(),
                &judged.public_key_spki_der,
                b"message",
                &signature,
            );
            assert_eq!(verified, Ok(()));
        }
    }
}

#[test]
fn keys_and_certificates_that_do_not_fit_are_refused() {
    let root = root();
    let (one, other) = (
        issue(&root, CertificateRole::Tool, KeyKind::P256),
        issue(&root, CertificateRole::Tool, KeyKind::P256),
    );
    let refused = Leaf::from_pem(&one.key_pem(), &other.chain_pem());
    assert!(matches!(refused, Err(LeafError::KeyAndCertificate)));
    let refused = Leaf::from_pem(&one.key_pem(), "");
    assert!(matches!(refused, Err(LeafError::Certificate)));
    let refused = Leaf::from_pem("", &one.chain_pem());
    assert!(matches!(refused, Err(LeafError::Key(_))));
    let refused = Leaf::from_pem(&root.key_pem(), &root.certificate_pem());
    assert!(matches!(refused, Err(LeafError::Role)));
    let bag = [one.chain(), other.chain()].concat();
    let refused = Leaf::from_pem(&one.key_pem(), &certificates_to_pem(&bag));
    assert!(matches!(refused, Err(LeafError::Chain)));
}

#[test]
fn stored_signers_are_made_for_their_own_role_only() {
    let root = root();
    let leaf = issue(&root, CertificateRole::Provider, KeyKind::P256);
    let made = |role, key: &[u8]| StoredSigners.signer(role, key, leaf.chain());
    let signer = made(SignerRole::Provider, &leaf.key_der()).expect("a signer");
    assert_eq!(signer.chain(), leaf.chain());
    assert!(made(SignerRole::Tool, &leaf.key_der()).is_err());
    assert!(made(SignerRole::Provider, b"").is_err());
    let other = issue(&root, CertificateRole::Provider, KeyKind::P256);
    assert!(made(SignerRole::Provider, &other.key_der()).is_err());
}

#[test]
fn an_authority_for_one_role_issues_for_that_role_alone() {
    let root = root();
    let roots = trusting(&root);
    let validity = Validity {
        until_unix_s: NOW + 10 * YEAR,
        ..VALIDITY
    };
    let activation = root
        .issue_authority(
            CertificateRole::Activation,
            &subject("Activation"),
            KeyKind::P256,
            validity,
            &mut SystemRandom,
        )
        .expect("an authority");
    for role in CertificateRole::ALL {
        let leaf = issue(&activation, role, KeyKind::Rsa2048);
        assert_eq!(
            leaf.chain().len(),
            2,
            "its own certificate and the authority's"
        );
        let believed = judge(&roots, &leaf, role, NOW).is_ok();
        assert_eq!(believed, role == CertificateRole::Activation, "{role:?}");
    }
    let below = activation.issue_authority(
        CertificateRole::Activation,
        &subject("Below"),
        KeyKind::P256,
        VALIDITY,
        &mut SystemRandom,
    );
    assert!(matches!(below, Err(AuthorityError::NotRoot)));
}

#[test]
fn what_is_encrypted_to_a_public_key_is_read_by_its_private_key_alone() {
    let key = PrivateKey::generate(KeyKind::Rsa2048).expect("a key");
    let other = PrivateKey::generate(KeyKind::Rsa2048).expect("a key");
    let elliptic = PrivateKey::generate(KeyKind::P256).expect("a key");
    let public = PublicKey::parse(key.public_spki_der()).expect("a public key");
    for message in [
        &b""[..],
        b"the sealed key of one copy, 40 bytes long",
        &[0; 190],
    ] {
        let sealed = public
            .encrypt_oaep(&[7; 32], message)
            .expect("a ciphertext");
        assert_eq!(key.decrypt(&sealed).expect("plain").as_slice(), message);
        assert!(other.decrypt(&sealed).is_err());
        assert!(elliptic.decrypt(&sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.decrypt(&changed).is_err(), "byte {at}");
        }
        assert!(key.decrypt(&sealed[1..]).is_err());
    }
    assert!(
        public.encrypt_oaep(&[7; 32], &[0; 191]).is_err(),
        "too long"
    );
    let curve = PublicKey::parse(elliptic.public_spki_der()).expect("a public key");
    assert!(curve.encrypt_oaep(&[7; 32], b"x").is_err());
}

#[test]
fn licenses_are_signed_by_licensors_alone() {
    let root = root();
    for role in CertificateRole::ALL {
        let leaf = issue(&root, role, KeyKind::Rsa2048);
        let signs = leaf.licensor().is_some();
        assert_eq!(signs, role == CertificateRole::Licensor, "{role:?}");
        assert!(
            !(signs && leaf.signer().is_some()),
            "{role:?} plays two parts"
        );
    }
}
