//! Which certificates are believed, for what, and when.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;

use authority::{Authority, EcdsaP256Sha256, ISSUED_AT, RsaPkcs1Sha256, Wanted, key, usage};
use colophon_crypto::{Engine, Portable};
use colophon_title::trust::{CertificateRole, ChainRefused, EndCertificate, TrustRoots};
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

fn chain(authority: &Authority, wanted: &Wanted) -> Vec<Vec<u8>> {
    authority
        .signer_with(colophon_title::SignerRole::Tool, wanted)
        .chain
}

fn judge(
    roots: &TrustRoots,
    chain: &[Vec<u8>],
    role: CertificateRole,
) -> Result<EndCertificate, ChainRefused> {
    roots.judge(&Portable, chain, role, ISSUED_AT)
}

#[test]
fn each_role_is_believed_in_itself_and_in_no_other() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let roots = root.roots();
    for role in CertificateRole::ALL {
        let chain = chain(&root, &Wanted::of(role));
        for asked in CertificateRole::ALL {
            let judged = judge(&roots, &chain, asked).map(|certificate| certificate.role);
            let expected = if asked == role {
                Ok(role)
            } else {
                Err(ChainRefused::Role)
            };
            assert_eq!(judged, expected, "{role:?} asked for {asked:?}");
        }
    }
}

#[test]
fn rsa_chains_and_long_chains_are_believed() {
    let root = Authority::root("Root", RsaPkcs1Sha256);
    let issuing = root
        .intermediate("Center", vec![])
        .intermediate("Tools", vec![usage(CertificateRole::Tool)]);
    let wanted = Wanted {
        algorithm: RsaPkcs1Sha256,
        ..Wanted::of(CertificateRole::Tool)
    };
    let certificate = judge(
        &root.roots(),
        &chain(&issuing, &wanted),
        CertificateRole::Tool,
    );
    let certificate = certificate.unwrap();
    assert_eq!(certificate.subject, "CN=Signer");
    assert_eq!(certificate.issuer, "CN=Tools");
}

#[test]
fn an_authority_issues_no_roles_beyond_its_own() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let tools = root.intermediate("Tools", vec![usage(CertificateRole::Tool)]);
    let chain = chain(&tools, &Wanted::of(CertificateRole::Owner));
    assert_eq!(
        judge(&root.roots(), &chain, CertificateRole::Owner),
        Err(ChainRefused::Untrusted)
    );
}

#[test]
fn a_certificate_has_exactly_one_role() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let tool = || usage(CertificateRole::Tool);
    let check = |usages: Vec<ExtendedKeyUsagePurpose>, key_usages: Vec<KeyUsagePurpose>| {
        let wanted = Wanted {
            usages,
            key_usages,
            ..Wanted::of(CertificateRole::Tool)
        };
        let judged = judge(&root.roots(), &chain(&root, &wanted), CertificateRole::Tool);
        assert_eq!(judged, Err(ChainRefused::Role));
    };
    check(vec![], vec![]);
    check(vec![ExtendedKeyUsagePurpose::Any], vec![]);
    check(vec![tool(), usage(CertificateRole::Owner)], vec![]);
    check(vec![tool(), ExtendedKeyUsagePurpose::CodeSigning], vec![]);
    check(vec![tool()], vec![KeyUsagePurpose::KeyEncipherment]);
}

#[test]
fn validity_is_judged_at_the_time_asked_for() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let roots = root.roots();
    let wanted = Wanted {
        years: (2026, 2027),
        ..Wanted::of(CertificateRole::Tool)
    };
    let chain = chain(&root, &wanted);
    let at = |seconds| {
        roots
            .judge(&Portable, &chain, CertificateRole::Tool, seconds)
            .map(|certificate| certificate.role)
    };
    assert_eq!(at(1_767_225_600), Ok(CertificateRole::Tool));
    assert_eq!(at(1_767_225_599), Err(ChainRefused::Time));
    assert_eq!(at(1_798_761_600), Ok(CertificateRole::Tool));
    assert_eq!(at(1_798_761_601), Err(ChainRefused::Time));
    assert_eq!(at(-1), Err(ChainRefused::Time));
}

#[test]
fn a_revoked_certificate_is_refused_whatever_list_says_so() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let center = root.intermediate("Center", vec![]);
    let chain = chain(&center, &Wanted::of(CertificateRole::Tool));
    let check = |lists: &[Vec<u8>], expected: Result<(), ChainRefused>| {
        let mut roots = root.roots();
        for list in lists {
            roots.add_revocation_lists(list).unwrap();
        }
        assert_eq!(
            judge(&roots, &chain, CertificateRole::Tool).map(drop),
            expected
        );
    };
    let namesake = Authority::root("Root", EcdsaP256Sha256);
    check(
        &[
            center.revocation_list(1, &[]),
            root.revocation_list(1, &[7]),
        ],
        Ok(()),
    );
    check(
        &[center.revocation_list(1, &[7])],
        Err(ChainRefused::Revoked),
    );
    check(
        &[root.revocation_list(1, &[99])],
        Err(ChainRefused::Revoked),
    );
    // An older list in front does not hide a newer one, nor does a namesake's.
    check(
        &[
            center.revocation_list(1, &[]),
            center.revocation_list(2, &[7]),
        ],
        Err(ChainRefused::Revoked),
    );
    check(
        &[
            namesake.revocation_list(9, &[]),
            root.revocation_list(1, &[99]),
        ],
        Err(ChainRefused::Revoked),
    );
    check(&[namesake.revocation_list(9, &[99])], Ok(()));
}

#[test]
fn only_a_trusted_root_makes_a_chain_trusted() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let namesake = Authority::root("Root", EcdsaP256Sha256);
    let chain = chain(&root, &Wanted::of(CertificateRole::Tool));
    for roots in [TrustRoots::new(), namesake.roots()] {
        assert_eq!(
            judge(&roots, &chain, CertificateRole::Tool),
            Err(ChainRefused::Untrusted)
        );
    }
}

#[test]
fn certificates_that_do_not_issue_one_another_are_no_chain() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let center = root.intermediate("Center", vec![]);
    let good = chain(&center, &Wanted::of(CertificateRole::Tool));
    let [end, issuer] = good.as_slice() else {
        panic!("two certificates")
    };
    let stranger = Authority::root("Center", EcdsaP256Sha256).der();
    let roots = root.roots();
    let check = |chain: &[&Vec<u8>], refused: ChainRefused| {
        let chain: Vec<Vec<u8>> = chain.iter().map(|der| (*der).clone()).collect();
        assert_eq!(judge(&roots, &chain, CertificateRole::Tool), Err(refused));
    };
    check(&[end, &stranger], ChainRefused::Links);
    check(&[end, issuer, &stranger], ChainRefused::Links);
    check(&[end, &stranger, issuer], ChainRefused::Links);
    check(&[end, end], ChainRefused::Links);
    check(&[issuer, end], ChainRefused::Role);
    check(&[], ChainRefused::Malformed);
    check(
        &[end, issuer, issuer, issuer, issuer],
        ChainRefused::Malformed,
    );
    check(&[&end[..end.len() - 1].to_vec()], ChainRefused::Malformed);
    assert_eq!(
        judge(&roots, &good[..1], CertificateRole::Tool),
        Err(ChainRefused::Untrusted)
    );
}

#[test]
fn every_flipped_bit_of_a_certificate_is_noticed() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let roots = root.roots();
    let chain = chain(&root, &Wanted::of(CertificateRole::Tool));
    for at in 0..chain[0].len() {
        let mut flipped = chain.clone();
        flipped[0][at] ^= 1;
        assert!(
            judge(&roots, &flipped, CertificateRole::Tool).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn a_root_is_an_authority_in_der_or_pem() {
    let root = Authority::root("Root", EcdsaP256Sha256);
    let end = root.certificate(&Wanted::of(CertificateRole::Tool), &key(EcdsaP256Sha256));
    let mut roots = TrustRoots::new();
    roots.add_roots(root.pem().as_bytes()).unwrap();
    roots
        .add_roots(format!("{}\n{}", root.pem(), root.pem()).as_bytes())
        .unwrap();
    assert_eq!(roots.len(), 3);
    for unusable in [
        end.as_slice(),
        b"",
        b"root",
        b"0",
        b"-----BEGIN CERTIFICATE-----",
    ] {
        assert!(roots.add_roots(unusable).is_err());
        assert!(roots.add_revocation_lists(unusable).is_err());
    }
    assert!(roots.add_revocation_lists(&root.der()).is_err());
    assert_eq!(roots.len(), 3);
}

#[test]
fn licensors_are_believed_under_pinned_roots_alone() {
    let [own, other] = ["Own", "Other"].map(|name| Authority::root(name, EcdsaP256Sha256));
    let chain_under = |root: &Authority, role| chain(root, &Wanted::of(role));
    let licensor = CertificateRole::Licensor;
    let mut roots = own.roots();
    roots.pin_licensors([Portable.digest(&[&own.der()])]);
    // Added afterwards: the pins hold all the same.
    roots.add_roots(other.pem().as_bytes()).unwrap();
    let judged = |root: &Authority, role| judge(&roots, &chain_under(root, role), role).map(drop);
    assert_eq!(judged(&own, licensor), Ok(()));
    assert_eq!(judged(&other, licensor), Err(ChainRefused::NotPinned));
    let strange = Authority::root("Strange", EcdsaP256Sha256);
    assert_eq!(judged(&strange, licensor), Err(ChainRefused::Untrusted));
    for role in CertificateRole::ALL {
        if role != licensor {
            assert_eq!(judged(&other, role), Ok(()), "{role:?}");
        }
    }
}

#[test]
fn under_a_root_for_licensors_nobody_else_is_believed() {
    let [own, publisher] = ["Own", "Publisher"].map(|name| Authority::root(name, EcdsaP256Sha256));
    let mut roots = own.roots();
    roots
        .add_licensor_roots(publisher.pem().as_bytes())
        .unwrap();
    assert!(roots.add_licensor_roots(b"no root").is_err());
    let judged = |roots: &TrustRoots, root: &Authority, role| {
        judge(roots, &chain(root, &Wanted::of(role)), role).map(drop)
    };
    for role in CertificateRole::ALL {
        let expected = if role == CertificateRole::Licensor {
            Ok(())
        } else {
            Err(ChainRefused::Untrusted)
        };
        assert_eq!(judged(&roots, &publisher, role), expected, "{role:?}");
        assert_eq!(judged(&roots, &own, role), Ok(()), "{role:?}");
    }
    // It is among those that a repository is made for, and pins hold for it too.
    let digests = [own.der(), publisher.der()].map(|der| Portable.digest(&[&der]));
    assert!(roots.digests(&Portable).eq(digests));
    roots.pin_licensors([digests[0]]);
    let licensor = CertificateRole::Licensor;
    assert_eq!(
        judged(&roots, &publisher, licensor),
        Err(ChainRefused::NotPinned)
    );
    roots.pin_licensors(digests);
    assert_eq!(judged(&roots, &publisher, licensor), Ok(()));
}

#[test]
fn a_pinned_root_is_a_certificate_and_not_a_name() {
    let own = Authority::root("Root", EcdsaP256Sha256);
    let namesake = Authority::root("Root", EcdsaP256Sha256);
    let mut roots = own.roots();
    roots.add_roots(&namesake.der()).unwrap();
    roots.pin_licensors([Portable.digest(&[&own.der()])]);
    let licensor = CertificateRole::Licensor;
    let judged =
        |root: &Authority| judge(&roots, &chain(root, &Wanted::of(licensor)), licensor).map(drop);
    assert_eq!(judged(&own), Ok(()));
    assert_eq!(judged(&namesake), Err(ChainRefused::NotPinned));
}

#[test]
fn other_faults_of_a_chain_are_named_before_its_root() {
    let [own, other] = ["Own", "Other"].map(|name| Authority::root(name, EcdsaP256Sha256));
    let licensor = CertificateRole::Licensor;
    let mut roots = own.roots();
    roots.add_roots(&other.der()).unwrap();
    roots
        .add_revocation_lists(&own.revocation_list(1, &[7]))
        .unwrap();
    roots.pin_licensors([Portable.digest(&[&own.der()])]);
    let judged =
        |root: &Authority, wanted: &Wanted| judge(&roots, &chain(root, wanted), licensor).map(drop);
    let over = Wanted {
        years: (2020, 2021),
        ..Wanted::of(licensor)
    };
    assert_eq!(judged(&other, &over), Err(ChainRefused::Time));
    let tool = Wanted::of(CertificateRole::Tool);
    assert_eq!(judged(&other, &tool), Err(ChainRefused::Role));
    let revoked = Wanted::of(licensor);
    assert_eq!(judged(&own, &revoked), Err(ChainRefused::Revoked));
}
