//! Attempts to have a signature believed that nobody gave.

#![cfg(test)]

#[path = "../support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "../support/forge_signature.rs"]
mod forge_signature;
#[path = "../support/signed.rs"]
mod signed;
mod signers;
mod statements;
mod variants;

use colophon_crypto::Portable;
use colophon_title::signature::{
    SignatureRefused, SignatureReport, SignatureStatus, SignedState, SignerRole, StatementTerms,
    assemble, sign_all, verify_all,
};
use colophon_title::trust::TrustRoots;

use authority::{Authority, EcdsaP256Sha256, ISSUED_AT, RsaPkcs1Sha256};
use forge_signature::{Claims, Forgery, document};
use signed::{Signers, state, terms};

fn verify(
    document: &[u8],
    state: &SignedState,
    roots: &TrustRoots,
) -> Result<Vec<SignatureReport>, SignatureRefused> {
    verify_all(&Portable, document, state, roots)
}

#[track_caller]
fn check(document: &[u8], state: &SignedState, roots: &TrustRoots, expected: SignatureRefused) {
    let verified = verify(document, state, roots);
    assert_eq!(verified.map(|reports| reports.len()), Err(expected));
}

#[test]
fn an_honest_file_is_believed() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let signers = Signers::new(algorithm);
        let state = state("title", "copy");
        let reports = verify(&signers.document(&state), &state, &signers.root.roots()).unwrap();
        let seen: Vec<_> = reports
            .iter()
            .map(|report| (report.role, report.per_copy))
            .collect();
        let expected = [
            (SignerRole::Tool, false),
            (SignerRole::Owner, false),
            (SignerRole::Provider, false),
            (SignerRole::Provider, true),
        ];
        assert_eq!(seen, expected);
        for report in reports {
            assert_eq!(report.status, SignatureStatus::Valid);
            assert_eq!(report.issued_at_unix_s, ISSUED_AT);
            assert_eq!(report.subject, "CN=Signer");
        }
    }
}

#[test]
fn the_form_is_the_one_the_forger_writes() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let claims = |signer| Claims::of(signer, state.validation_sha256);
    let tool = Forgery::by(&signers.tool, "tool", &claims(&signers.tool)).signed_by(&signers.tool);
    let owner = claims(&signers.owner).over(&tool);
    let owner = Forgery::by(&signers.owner, "owner", &owner).signed_by(&signers.owner);
    let provider = claims(&signers.provider).over(&tool);
    let copy = Claims {
        copy: state.copy_hash,
        ..provider.clone()
    };
    let provider = Forgery::by(&signers.provider, "provider", &provider);
    let copy = Forgery::by(&signers.provider, "copy-provider", &copy);
    let (provider, copy) = (
        provider.signed_by(&signers.provider),
        copy.signed_by(&signers.provider),
    );
    let forged = document(&[&tool, &owner, &provider, &copy]);
    assert_eq!(
        String::from_utf8(forged),
        String::from_utf8(signers.document(&state))
    );
}

#[test]
fn a_chain_to_an_unknown_root_is_shown_and_not_believed() {
    let signers = Signers::new(EcdsaP256Sha256);
    let state = state("title", "copy");
    let namesake = Authority::root("Platform", EcdsaP256Sha256);
    for roots in [TrustRoots::new(), namesake.roots()] {
        let reports = verify(&signers.document(&state), &state, &roots).unwrap();
        assert!(
            reports
                .iter()
                .all(|report| report.status == SignatureStatus::Untrusted)
        );
    }
}

#[test]
fn statements_about_something_else_are_refused() {
    let signers = Signers::new(EcdsaP256Sha256);
    let roots = signers.root.roots();
    let ours = state("title", "copy");
    let document = signers.document(&ours);
    check(
        &document,
        &state("another title", "copy"),
        &roots,
        SignatureRefused::OtherTitle,
    );
    check(
        &document,
        &state("title", "a copy for another name"),
        &roots,
        SignatureRefused::OtherCopy,
    );
    let at_rest = SignedState {
        copy_hash: None,
        ..ours
    };
    check(&document, &at_rest, &roots, SignatureRefused::OtherCopy);
    // Under the version alone, without a copy's signature, any copy is fine.
    let version = assemble(&signers.sign_version(&terms(&at_rest)));
    for copy in ["copy", "another"] {
        assert!(verify(&version, &state("title", copy), &roots).is_ok());
    }
}

#[test]
fn signatures_of_two_files_do_not_mix() {
    let signers = Signers::new(EcdsaP256Sha256);
    let roots = signers.root.roots();
    let state = state("title", "copy");
    let ours = signers.sign_copy(&state);
    let later = StatementTerms {
        issued_at_unix_s: ISSUED_AT + 1,
        ..terms(&state)
    };
    let version = StatementTerms {
        copy_hash: None,
        ..later
    };
    let theirs = sign_all(
        &Portable,
        &signers.sign_version(&version),
        &[&signers.provider],
        &later,
    );
    let theirs = theirs.unwrap();
    for place in 1..ours.len() {
        let mut mixed = ours.clone();
        mixed[place] = theirs[place].clone();
        check(
            &assemble(&mixed),
            &state,
            &roots,
            SignatureRefused::OtherToolSignature,
        );
    }
    for (first, second) in [(0, 1), (1, 2), (2, 3), (0, 3)] {
        let mut swapped = ours.clone();
        swapped.swap(first, second);
        check(&assemble(&swapped), &state, &roots, SignatureRefused::Form);
    }
    for place in 0..ours.len() {
        let mut twice = ours.clone();
        twice.insert(place, ours[place].clone());
        check(&assemble(&twice), &state, &roots, SignatureRefused::Form);
        let mut both = ours.clone();
        both.insert(place + 1, theirs[place].clone());
        check(&assemble(&both), &state, &roots, SignatureRefused::Form);
    }
    check(
        &assemble(&ours[1..]),
        &state,
        &roots,
        SignatureRefused::NoToolSignature,
    );
    check(&assemble(&[]), &state, &roots, SignatureRefused::Form);
}
