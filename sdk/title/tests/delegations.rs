//! Delegations: how one is made, kept by the licensor it was made to, and told from what is none.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;

use std::sync::Arc;

use authority::{Authority, EcdsaP256Sha256, ISSUED_AT, TestSigner};
use colophon_crypto::{Key32, Portable};
use colophon_title::CopyKey;
use colophon_title::license::{
    Delegation, DelegationRefused, DelegationTerms, LicenseId, LicenseRefused,
    LicenseSigningFailed, LicenseTerms, LicenseUnsound, ReadyLicensor, RehearsalFailed, Right,
    RightKind, RightsTemplate, Widened, sign, verify,
};
use colophon_title::signature::SignerRole;
use colophon_title::trust::{CertificateRole, EndCertificate};
use licensing::{counted, group, licensor, object, plain};

const PRINT: RightKind = RightKind::Print;

/// Licensors under one root, each of which may pass its rights on to the next.
struct Line {
    root: Authority,
    licensors: Vec<TestSigner>,
}

impl Line {
    fn of(count: usize) -> Self {
        let root = Authority::root("Platform", EcdsaP256Sha256);
        let licensors = (0..count).map(|_| licensor(&root, EcdsaP256Sha256));
        Self {
            licensors: licensors.collect(),
            root,
        }
    }

    fn ready(&self, at: usize) -> ReadyLicensor<'_> {
        let name = object("center", &format!("center-{at}"));
        ReadyLicensor::new(&Portable, name, Arc::new(&self.licensors[at])).unwrap()
    }

    /// Leave from one to another to print so often.
    fn leave(
        &self,
        from: usize,
        to: usize,
        most: u32,
        delegated_by: Option<&Delegation>,
    ) -> Result<Vec<u8>, DelegationRefused> {
        self.leave_to(&self.licensors[to].chain[0], from, most, None, delegated_by)
    }

    /// Leave from one to another that ends.
    fn leave_until(
        &self,
        from: usize,
        to: usize,
        end: Option<i64>,
        delegated_by: Option<&Delegation>,
    ) -> Result<Delegation, DelegationRefused> {
        let certificate = &self.licensors[to].chain[0];
        let document = self.leave_to(certificate, from, 5, end, delegated_by)?;
        Ok(self.verify(&document).unwrap())
    }

    fn leave_to(
        &self,
        certificate: &[u8],
        from: usize,
        most: u32,
        until_unix_s: Option<i64>,
        delegated_by: Option<&Delegation>,
    ) -> Result<Vec<u8>, DelegationRefused> {
        let terms = DelegationTerms {
            id: LicenseId::from_bytes([9; 16]),
            granted_at_unix_s: ISSUED_AT,
            work: &object("ISBN", "9780000000019"),
            delegate: &EndCertificate::parse(certificate).unwrap(),
            rights: &printing(most),
            until_unix_s,
            delegated_by,
        };
        let signed = terms.sign(&Portable, &self.ready(from))?;
        Ok(signed.document().to_vec())
    }

    fn verify(&self, document: &[u8]) -> Result<Delegation, LicenseRefused> {
        Delegation::verify(&Portable, document, &self.root.roots())
    }

    /// A license on trial under a delegation, signed and verified.
    fn rehearse(&self, at: usize, most: u32, by: &Delegation) -> Result<usize, RehearsalFailed> {
        self.rehearse_then(ISSUED_AT, at, most, by)
    }

    fn rehearse_then(
        &self,
        issued_at: i64,
        at: usize,
        most: u32,
        by: &Delegation,
    ) -> Result<usize, RehearsalFailed> {
        let rights = printing(most);
        let terms = LicenseTerms {
            copy_key: &CopyKey::new(Key32::new([1; 32])),
            licensor: &self.ready(at),
            granted_at_unix_s: issued_at,
            rights: &rights.rights,
            principals: &rights.principals,
            persona: None,
            delegated_by: Some(by),
        };
        let signed = terms.rehearse(&Portable)?;
        let report = verify(&Portable, signed.document(), &self.root.roots()).unwrap();
        Ok(report.delegations.len())
    }
}

fn printing(most: u32) -> RightsTemplate {
    let rights = vec![Right::unconditional(RightKind::View), counted(PRINT, most)];
    RightsTemplate {
        rights: vec![group("g", rights)],
        principals: Vec::new(),
    }
}

#[test]
fn a_delegation_is_made_kept_and_sold_under() {
    let line = Line::of(2);
    let document = line.leave(0, 1, 5, None).unwrap();
    let held = line.verify(&document).unwrap();
    assert_eq!(held.document(), document);
    assert_eq!(held, Delegation::read(&document).unwrap());
    assert_eq!(held.license().work.object.id.as_str(), "9780000000019");
    assert_eq!(held.grantors().len(), 1);
    assert_eq!(held.grantors()[0].chain, line.licensors[0].chain);
    assert_eq!(held.grantors()[0].granted_at_unix_s, ISSUED_AT);
    assert_eq!(line.rehearse(1, 5, &held).unwrap(), 1);
}

#[test]
fn nobody_grants_more_than_was_delegated_or_in_the_place_of_another() {
    let line = Line::of(3);
    let held = line.verify(&line.leave(0, 1, 5, None).unwrap()).unwrap();
    let widened = |refused: &LicenseSigningFailed| {
        matches!(
            refused,
            LicenseSigningFailed::Delegation(LicenseRefused::Widened(Widened::Right { kind, .. }))
                if *kind == PRINT
        )
    };
    let RehearsalFailed::Signing(refused) = line.rehearse(1, 6, &held).unwrap_err() else {
        panic!("it is refused when it is signed");
    };
    assert!(widened(&refused), "{refused:?}");
    let passed_on = line.leave(1, 2, 6, Some(&held)).unwrap_err();
    assert!(
        matches!(&passed_on, DelegationRefused::Signing(refused) if widened(refused)),
        "{passed_on:?}"
    );
    let another = line.rehearse(2, 5, &held).unwrap_err();
    assert!(
        matches!(
            another,
            RehearsalFailed::Signing(LicenseSigningFailed::Delegation(LicenseRefused::Delegate))
        ),
        "{another:?}"
    );
}

#[test]
fn a_chain_is_as_long_as_its_copies_licenses_leave_room() {
    let line = Line::of(5);
    let first = line.verify(&line.leave(0, 1, 5, None).unwrap()).unwrap();
    let second = line.leave(1, 2, 4, Some(&first)).unwrap();
    let second = line.verify(&second).unwrap();
    let third = line.leave(2, 3, 3, Some(&second)).unwrap();
    let third = line.verify(&third).unwrap();
    let chains = third.grantors().iter().map(|grantor| &grantor.chain);
    let nearest_first = [2, 1, 0].map(|at: usize| &line.licensors[at].chain);
    assert!(chains.eq(nearest_first));
    assert_eq!(line.rehearse(3, 3, &third).unwrap(), 3);
    let fourth = line.leave(3, 4, 2, Some(&third)).unwrap();
    assert_eq!(line.verify(&fourth), Err(LicenseRefused::TooDeep));
    assert_eq!(Delegation::read(&fourth), Err(LicenseRefused::TooDeep));
}

#[test]
fn a_delegation_ends_and_nothing_that_is_passed_on_outlasts_it() {
    let line = Line::of(3);
    let end = ISSUED_AT + 60;
    let ending = |refused: &LicenseSigningFailed, expected: &Widened| {
        matches!(
            refused,
            LicenseSigningFailed::Delegation(LicenseRefused::Widened(widened)) if widened == expected
        )
    };
    let held = line.leave_until(0, 1, Some(end), None).unwrap();
    assert_eq!(held.license().grants_until_unix_s, Some(end));
    assert_eq!(Delegation::read(held.document()), Ok(held.clone()));
    assert_eq!(line.rehearse_then(end - 1, 1, 5, &held).unwrap(), 1);
    let RehearsalFailed::Signing(late) = line.rehearse_then(end, 1, 5, &held).unwrap_err() else {
        panic!("it is refused when it is signed");
    };
    assert!(ending(&late, &Widened::Ended), "{late:?}");

    // What says nothing of an end has that of what it is passed on under.
    let passed_on = line.leave_until(1, 2, None, Some(&held)).unwrap();
    assert_eq!(passed_on.license().grants_until_unix_s, Some(end));
    let sooner = line.leave_until(1, 2, Some(end - 9), Some(&held)).unwrap();
    assert_eq!(line.rehearse(2, 5, &sooner).unwrap(), 2);
    let refused = line.leave_until(1, 2, Some(end + 1), Some(&held));
    let refused = refused.unwrap_err();
    assert!(
        matches!(&refused, DelegationRefused::Signing(later) if ending(later, &Widened::Until)),
        "{refused:?}"
    );
    let begins = line.leave_until(0, 1, Some(ISSUED_AT), None).unwrap_err();
    assert!(
        matches!(
            begins,
            DelegationRefused::Signing(LicenseSigningFailed::Unsound(LicenseUnsound::Ending))
        ),
        "{begins:?}"
    );
}

#[test]
fn what_is_no_delegation_is_kept_by_nobody() {
    let line = Line::of(2);
    let rights = printing(1).rights;
    let consumers = sign(
        &Portable,
        &plain(&line.licensors[0], rights),
        &line.licensors[0],
    );
    let consumers = consumers.unwrap();
    for read in [
        line.verify(consumers.document()),
        Delegation::read(consumers.document()),
    ] {
        let refused = read.unwrap_err();
        assert_eq!(refused.reason(), "license-kind");
    }
    assert_eq!(Delegation::read(b""), Err(LicenseRefused::Form));
    let document = line.leave(0, 1, 5, None).unwrap();
    for at in 0..document.len() {
        let mut changed = document.clone();
        changed[at] ^= 1;
        assert!(line.verify(&changed).is_err(), "byte {at}");
    }
    let strangers = Authority::root("Strangers", EcdsaP256Sha256);
    let refused = Delegation::verify(&Portable, &document, &strangers.roots()).unwrap_err();
    assert_eq!(refused.reason(), "license-licensor");
}

#[test]
fn rights_are_delegated_to_licensors_alone() {
    let line = Line::of(1);
    let tool = line.root.signer(SignerRole::Tool, EcdsaP256Sha256);
    let refused = line.leave_to(&tool.chain[0], 0, 1, None, None).unwrap_err();
    assert!(
        matches!(refused, DelegationRefused::Role(CertificateRole::Tool)),
        "{refused:?}"
    );
}
