//! Signers in a role or at a time that is not theirs.

use colophon_title::signature::{SignatureRefused, SignedState, SignerRole};
use colophon_title::trust::CertificateRole;
use rcgen::{ExtendedKeyUsagePurpose, KeyUsagePurpose};

use crate::authority::{Authority, EcdsaP256Sha256, ISSUED_AT, TestSigner, Wanted, usage};
use crate::forge_signature::{Claims, Forgery, document};
use crate::signed::{Signers, state};
use crate::{check, verify};

/// A tool, and somebody else whose certificate or claims are wrong in one way.
pub(crate) struct Case {
    pub(crate) root: Authority,
    pub(crate) tool: TestSigner,
    pub(crate) state: SignedState,
    pub(crate) tool_signature: String,
}

impl Case {
    pub(crate) fn new() -> Case {
        let root = Authority::root("Platform", EcdsaP256Sha256);
        let tool = root.signer(SignerRole::Tool, EcdsaP256Sha256);
        let state = state("title", "copy");
        let claims = Claims::of(&tool, state.validation_sha256);
        let tool_signature = Forgery::by(&tool, "tool", &claims).signed_by(&tool);
        Case {
            root,
            tool,
            state,
            tool_signature,
        }
    }

    pub(crate) fn claims(&self, signer: &TestSigner) -> Claims {
        Claims::of(signer, self.state.validation_sha256).over(&self.tool_signature)
    }

    /// The tool's signature, then one by somebody.
    pub(crate) fn document(&self, signature: &str) -> Vec<u8> {
        document(&[&self.tool_signature, signature])
    }

    #[track_caller]
    pub(crate) fn check(&self, signature: &str, expected: Option<SignatureRefused>) {
        let verified = verify(&self.document(signature), &self.state, &self.root.roots());
        assert_eq!(verified.err(), expected);
    }

    /// Signs with claims of these, at a place.
    pub(crate) fn signed(
        &self,
        signer: &TestSigner,
        id: &str,
        change: impl Fn(&mut Claims),
    ) -> String {
        let mut claims = self.claims(signer);
        change(&mut claims);
        Forgery::by(signer, id, &claims).signed_by(signer)
    }
}

#[test]
fn nobody_signs_in_the_role_of_another() {
    let case = Case::new();
    let provider = case.root.signer(SignerRole::Provider, EcdsaP256Sha256);
    let check = |signature: &str| case.check(signature, Some(SignatureRefused::Role));
    // The signature a provider honestly gave, at the place of an owner, and relabelled.
    let role = |role: &'static str| move |claims: &mut Claims| role.clone_into(&mut claims.role);
    check(&case.signed(&provider, "owner", role("provider")));
    check(&case.signed(&provider, "owner", role("owner")));
    check(&case.signed(&provider, "provider", role("owner")));
    check(&case.signed(&provider, "provider", role("tool")));
    check(&case.signed(&case.tool, "owner", role("owner")));
    check(&case.signed(&case.tool, "provider", role("provider")));
    // Only a provider signs copies, and only at that place.
    let copy = |role: &'static str| {
        let copy = case.state.copy_hash;
        move |claims: &mut Claims| {
            role.clone_into(&mut claims.role);
            claims.copy = copy;
        }
    };
    let owner = case.root.signer(SignerRole::Owner, EcdsaP256Sha256);
    check(&case.signed(&owner, "owner", copy("owner")));
    check(&case.signed(&owner, "copy-provider", copy("provider")));
    check(&case.signed(&owner, "copy-provider", copy("owner")));
    check(&case.signed(&provider, "provider", copy("provider")));
    check(&case.signed(&provider, "copy-provider", role("provider")));
    case.check(
        &case.signed(&provider, "copy-provider", copy("provider")),
        None,
    );
}

#[test]
fn only_a_certificate_for_the_role_signs_in_it() {
    let case = Case::new();
    let check = |wanted: &Wanted, expected: Option<SignatureRefused>| {
        let signer = case.root.signer_with(SignerRole::Owner, wanted);
        case.check(&case.signed(&signer, "owner", |_| ()), expected);
    };
    let wanted = |usages: Vec<ExtendedKeyUsagePurpose>| Wanted {
        usages,
        ..Wanted::of(CertificateRole::Owner)
    };
    let owner = || usage(CertificateRole::Owner);
    check(&wanted(vec![owner()]), None);
    for role in CertificateRole::ALL
        .into_iter()
        .filter(|role| *role != CertificateRole::Owner)
    {
        check(&Wanted::of(role), Some(SignatureRefused::Role));
        check(
            &wanted(vec![owner(), usage(role)]),
            Some(SignatureRefused::Role),
        );
        check(
            &wanted(vec![usage(role), owner()]),
            Some(SignatureRefused::Role),
        );
    }
    for usages in [
        vec![],
        vec![ExtendedKeyUsagePurpose::Any],
        vec![ExtendedKeyUsagePurpose::Any, owner()],
        vec![ExtendedKeyUsagePurpose::CodeSigning],
        vec![owner(), owner()],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_301,
        ])],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_301,
            2,
            0,
        ])],
        vec![ExtendedKeyUsagePurpose::Other(vec![
            2,
            25,
            5_479_312_948_871_265_300,
            2,
        ])],
    ] {
        check(&wanted(usages), Some(SignatureRefused::Role));
    }
    let encipherment = Wanted {
        key_usages: vec![KeyUsagePurpose::KeyEncipherment],
        ..wanted(vec![owner()])
    };
    check(&encipherment, Some(SignatureRefused::Role));
}

#[test]
fn certificates_are_judged_at_the_time_of_issue() {
    let case = Case::new();
    let check = |years: (i32, i32), issued: &str, expected: Option<SignatureRefused>| {
        let wanted = Wanted {
            years,
            ..Wanted::of(CertificateRole::Owner)
        };
        let signer = case.root.signer_with(SignerRole::Owner, &wanted);
        let issue = |claims: &mut Claims| issued.clone_into(&mut claims.issued);
        case.check(&case.signed(&signer, "owner", issue), expected);
    };
    let at = ISSUED_AT.to_string();
    check((2025, 2027), &at, None);
    check((2020, 2025), &at, Some(SignatureRefused::Time));
    check((2027, 2040), &at, Some(SignatureRefused::Time));
    check((2025, 2027), "1", Some(SignatureRefused::Time));
    check((2025, 2027), "-1", Some(SignatureRefused::Time));
    check(
        (2025, 2027),
        "9223372036854775807",
        Some(SignatureRefused::Time),
    );
}

#[test]
fn revoked_signers_are_refused() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let document = signers.document(&state);
    // 7 is every signer's own certificate, 99 the provider's issuer.
    for serial in [7, 99] {
        let mut roots = signers.root.roots();
        roots
            .add_revocation_lists(&signers.root.revocation_list(1, &[serial]))
            .unwrap();
        check(&document, &state, &roots, SignatureRefused::Revoked);
    }
    let mut roots = signers.root.roots();
    roots
        .add_revocation_lists(&signers.root.revocation_list(1, &[1, 2, 3]))
        .unwrap();
    assert!(verify(&document, &state, &roots).is_ok());
}
