//! Licenses: what they say, who may say it, and what a reader does with them.

#![cfg(test)]

#[path = "support/authority.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod authority;
#[path = "support/licensing.rs"]
#[expect(dead_code, reason = "shared with tests that need other parts")]
mod licensing;

use authority::{Authority, EcdsaP256Sha256, ISSUED_AT, RsaPkcs1Sha256, TestSigner};
use colophon_crypto::Portable;
use colophon_title::license::{
    Access, Circumstances, Denied, License, LicenseKind, LicenseRefused, LicenseSigningFailed,
    LicenseUnsound, Location, Period, Principal, PrincipalKind, Right, RightKind, RightsGroup,
    Verification, Widened, sign, verify,
};
use colophon_title::trust::{CertificateRole, ChainRefused};
use licensing::{
    application, counted, delegation, full, group, licensor, line, needs, object, person, plain,
    reference, signed_unchecked, two_licensors,
};

const VIEW: RightKind = RightKind::View;
const PRINT: RightKind = RightKind::Print;

fn document(license: &License, signer: &TestSigner) -> Vec<u8> {
    sign(&Portable, license, signer)
        .unwrap()
        .document()
        .to_vec()
}

fn reason(document: &[u8], root: &Authority) -> &'static str {
    let verified = verify(&Portable, document, &root.roots());
    verified.map_or_else(|refused| refused.reason(), |_| "accepted")
}

#[test]
fn a_license_says_what_was_signed_under_either_algorithm() {
    for algorithm in [RsaPkcs1Sha256, EcdsaP256Sha256] {
        let root = Authority::root("Platform", algorithm);
        let signer = licensor(&root.intermediate("Center", vec![]), algorithm);
        let license = full(&signer);
        let signed = document(&license, &signer);
        assert_eq!(
            signed,
            document(&license, &signer),
            "equal input, equal bytes"
        );
        let report = verify(&Portable, &signed, &root.roots()).unwrap();
        assert_eq!(report.license, license);
        assert_eq!(report.licensor_subject, "CN=Signer");
        assert_eq!(report.delegations, []);
    }
}

#[test]
fn every_flipped_byte_is_noticed() {
    let (root, signer, _) = two_licensors();
    let signed = document(&full(&signer), &signer);
    for at in 0..signed.len() {
        let mut changed = signed.clone();
        changed[at] ^= 1;
        assert_ne!(reason(&changed, &root), "accepted", "byte {at}");
    }
    for end in 0..signed.len() {
        assert_eq!(reason(&signed[..end], &root), "license-form");
    }
}

#[test]
fn what_makes_no_sense_is_not_signed() {
    let (_, signer, _) = two_licensors();
    let check = |change: &dyn Fn(&mut License), expected: LicenseUnsound| {
        let mut license = full(&signer);
        change(&mut license);
        assert_eq!(license.check(), Err(expected.clone()));
        let refused = sign(&Portable, &license, &signer).unwrap_err();
        assert!(matches!(refused, LicenseSigningFailed::Unsound(found) if found == expected));
    };
    use LicenseUnsound as U;
    let main = || "main".to_owned();
    check(&|license| license.issued_at_unix_s = -1, U::Issued);
    check(&|license| license.rights.clear(), U::Nothing);
    check(
        &|license| {
            license
                .rights
                .iter_mut()
                .for_each(|group| group.rights.clear())
        },
        U::Nothing,
    );
    check(&|license| license.work.copy_hash = None, U::Copy);
    check(&|license| license.kind = LicenseKind::Delegation, U::Copy);
    check(
        &|license| {
            license.kind = LicenseKind::Delegation;
            license.work.copy_hash = None;
        },
        U::Delegate,
    );
    check(
        &|license| license.principals[1].kind = PrincipalKind::Licensor,
        U::Delegate,
    );
    check(
        &|license| license.rights[1].name = line("main"),
        U::GroupTwin { name: main() },
    );
    check(
        &|license| license.principals[1].reference = reference("persona"),
        U::PrincipalTwin {
            reference: reference("persona"),
        },
    );
    check(
        &|license| license.rights[0].rights.reverse(),
        U::Rights { group: main() },
    );
    check(
        &|license| license.rights[0].rights[1] = Right::unconditional(VIEW),
        U::Rights { group: main() },
    );
    check(
        &|license| license.rights[0].bundle.period.until_unix_s = Some(ISSUED_AT),
        U::Period { group: main() },
    );
    check(
        &|license| license.rights[0].rights[1].max_count = Some(0),
        U::NoCount {
            group: main(),
            kind: PRINT,
        },
    );
    for twice in [0, 1] {
        check(
            &|license| {
                let right = &mut license.rights[0].rights[1];
                match twice {
                    0 => right.fees.push(right.fees[0].clone()),
                    _ => right.tracking.push(right.tracking[0].clone()),
                }
            },
            U::Twice {
                group: main(),
                kind: PRINT,
            },
        );
    }
    check(
        &|license| license.rights[0].bundle.access.push(needs(&[])),
        U::AccessEmpty { group: main() },
    );
    for names in [&["stranger"][..], &["reader", "reader"]] {
        check(
            &|license| license.rights[0].rights[0].access.push(needs(names)),
            U::UnknownPrincipal {
                group: main(),
                reference: reference(names[names.len() - 1]),
            },
        );
    }
    check(
        &|license| {
            license.principals[0].authenticator.verification = Verification::Sha256([0; 32]);
        },
        U::EnablingBits {
            reference: reference("persona"),
        },
    );
    check(
        &|license| {
            let class = license.principals[1].authenticator.class.as_mut();
            class.unwrap().version_max = Some((1, 9));
        },
        U::Versions {
            reference: reference("reader"),
        },
    );
}

#[test]
fn only_a_licensor_of_a_trusted_root_licenses() {
    let (root, signer, other) = two_licensors();
    let license = full(&signer);
    let refused = sign(&Portable, &license, &other).unwrap_err();
    assert!(
        matches!(refused, LicenseSigningFailed::Certificates),
        "names another licensor"
    );
    let stranger = Authority::root("Nobody", EcdsaP256Sha256);
    assert_eq!(
        reason(&document(&license, &signer), &stranger),
        "license-licensor"
    );
    for role in CertificateRole::ALL {
        let mut wanted = authority::Wanted::of(role);
        wanted.algorithm = EcdsaP256Sha256;
        let signer = root.signer_with(colophon_title::SignerRole::Tool, &wanted);
        let signed = sign(&Portable, &full(&signer), &signer);
        assert_eq!(
            signed.is_ok(),
            role == CertificateRole::Licensor,
            "{role:?}"
        );
    }
    let early = License {
        issued_at_unix_s: 1_000_000_000,
        ..full(&signer)
    };
    assert_eq!(
        verify(&Portable, &document(&early, &signer), &root.roots()),
        Err(LicenseRefused::Licensor(ChainRefused::Time))
    );
    let mut roots = root.roots();
    roots
        .add_revocation_lists(&root.revocation_list(1, &[7]))
        .unwrap();
    assert_eq!(
        verify(&Portable, &document(&license, &signer), &roots),
        Err(LicenseRefused::Licensor(ChainRefused::Revoked))
    );
}

/// A publisher, the center it delegates to, and what the center grants.
fn delegated(held: Vec<RightsGroup>, granted: Vec<RightsGroup>) -> Result<(), LicenseRefused> {
    delegated_with(&|_| (), held, &|_| (), granted)
}

fn delegated_with(
    change_held: &dyn Fn(&mut License),
    held: Vec<RightsGroup>,
    change_granted: &dyn Fn(&mut License),
    granted: Vec<RightsGroup>,
) -> Result<(), LicenseRefused> {
    let (root, publisher, center) = two_licensors();
    let mut parent = delegation(&publisher, &center, held);
    change_held(&mut parent);
    let mut license = plain(&center, granted);
    change_granted(&mut license);
    judged(&root, &license, &center, &document(&parent, &publisher)).map(|delegations| {
        assert_eq!(delegations, [parent]);
    })
}

/// What a reader says of a license under a delegation, and what its licensor is told before it
/// signs: the same.
fn judged(
    root: &Authority,
    license: &License,
    signer: &TestSigner,
    delegated_by: &[u8],
) -> Result<Vec<License>, LicenseRefused> {
    let forged = signed_unchecked(license, signer, delegated_by);
    let read = verify(&Portable, &forged, &root.roots()).map(|report| report.delegations);
    let license = License {
        delegated_by: Some(delegated_by.to_vec()),
        ..license.clone()
    };
    match sign(&Portable, &license, signer) {
        Ok(signed) => assert_eq!(signed.document(), forged),
        Err(LicenseSigningFailed::Delegation(refused)) => {
            assert_eq!(read.as_ref().err(), Some(&refused));
        }
        Err(error) => panic!("{error}"),
    }
    read
}

fn widened(kind: RightKind) -> Result<(), LicenseRefused> {
    let group = "g".to_owned();
    Err(LicenseRefused::Widened(Widened::Right { group, kind }))
}

#[test]
fn a_delegate_grants_what_it_holds_and_no_more() {
    let g = |rights: Vec<Right>| vec![group("g", rights)];
    let view = || Right::unconditional(VIEW);
    assert_eq!(delegated(g(vec![view()]), g(vec![view()])), Ok(()));
    assert_eq!(
        delegated(g(vec![view()]), g(vec![counted(VIEW, 9)])),
        Ok(())
    );
    assert_eq!(
        delegated(g(vec![counted(VIEW, 9)]), g(vec![view()])),
        widened(VIEW)
    );
    assert_eq!(
        delegated(g(vec![counted(VIEW, 9)]), g(vec![counted(VIEW, 10)])),
        widened(VIEW)
    );
    assert_eq!(
        delegated(g(vec![view()]), g(vec![view(), counted(PRINT, 1)])),
        widened(PRINT)
    );
    let twice = vec![
        group("g", vec![counted(PRINT, 3)]),
        group("h", vec![counted(PRINT, 3)]),
    ];
    // A right is counted once for a license, however many groups grant it.
    assert_eq!(delegated(g(vec![counted(PRINT, 3)]), twice), Ok(()));
}

#[test]
fn a_delegate_keeps_time_place_fees_and_tracking() {
    let g = |change: &dyn Fn(&mut RightsGroup)| {
        let mut group = group("g", vec![Right::unconditional(VIEW)]);
        change(&mut group);
        vec![group]
    };
    let during = |from_unix_s, until_unix_s| {
        g(&move |group| {
            group.bundle.period = Period {
                from_unix_s,
                until_unix_s,
            };
        })
    };
    let year = || during(Some(100), Some(200));
    for (from, until, within) in [
        (Some(100), Some(200), true),
        (Some(150), Some(160), true),
        (Some(99), Some(200), false),
        (Some(100), Some(201), false),
        (None, Some(200), false),
        (Some(100), None, false),
    ] {
        let expected = if within { Ok(()) } else { widened(VIEW) };
        assert_eq!(
            delegated(year(), during(from, until)),
            expected,
            "{from:?} {until:?}"
        );
    }
    let country = |letters: &str| Location::country(letters).unwrap();
    let munich = Location {
        city: Some(line("München")),
        ..country("DE")
    };
    let placed = |places: Vec<Location>| g(&move |group| group.bundle.territory = places.clone());
    let de_fr = || placed(vec![country("DE"), country("FR")]);
    assert_eq!(delegated(de_fr(), placed(vec![munich.clone()])), Ok(()));
    assert_eq!(
        delegated(de_fr(), placed(vec![munich.clone(), country("IT")])),
        widened(VIEW)
    );
    assert_eq!(delegated(de_fr(), placed(vec![])), widened(VIEW));
    assert_eq!(
        delegated(placed(vec![munich]), placed(vec![country("DE")])),
        widened(VIEW)
    );
    let in_right = g(&|group| group.rights[0].territory = vec![country("DE")]);
    assert_eq!(delegated(de_fr(), in_right), Ok(()));

    let (_, signer, _) = two_licensors();
    let costly = full(&signer).rights[0].rights[1].clone();
    let with = |fees: bool, tracking: bool| {
        let costly = costly.clone();
        g(&move |group| {
            let right = &mut group.rights[0];
            right.fees = if fees { costly.fees.clone() } else { vec![] };
            right.tracking = if tracking {
                costly.tracking.clone()
            } else {
                vec![]
            };
        })
    };
    assert_eq!(delegated(with(true, true), with(true, true)), Ok(()));
    assert_eq!(delegated(with(false, false), with(true, true)), Ok(()));
    assert_eq!(
        delegated(with(true, true), with(false, true)),
        widened(VIEW)
    );
    assert_eq!(
        delegated(with(true, true), with(true, false)),
        widened(VIEW)
    );
}

#[test]
fn a_delegate_keeps_who_must_be_authenticated() {
    let g = |access: Vec<Access>| {
        let mut group = group("g", vec![Right::unconditional(VIEW)]);
        group.bundle.access = access;
        vec![group]
    };
    let known = |extra: Vec<Principal>| {
        move |license: &mut License| license.principals.extend(extra.iter().cloned())
    };
    let weaker = || {
        let mut weaker = application();
        weaker
            .authenticator
            .class
            .as_mut()
            .unwrap()
            .security_level_min = 1;
        weaker
    };
    let check = |principals: Vec<Principal>, access: Vec<Access>| {
        let held = g(vec![needs(&["delegate", "reader"])]);
        let (mine, theirs) = (known(principals), known(vec![application()]));
        delegated_with(&theirs, held, &mine, g(access))
    };
    assert_eq!(check(vec![application()], vec![needs(&["reader"])]), Ok(()));
    let renamed = Principal {
        reference: reference("program"),
        ..application()
    };
    let both = vec![renamed, person("persona", b"key")];
    assert_eq!(check(both, vec![needs(&["persona", "program"])]), Ok(()));
    assert_eq!(check(vec![], vec![]), widened(VIEW));
    assert_eq!(
        check(vec![weaker()], vec![needs(&["reader"])]),
        widened(VIEW)
    );
    let or_else = vec![needs(&["reader"]), needs(&["persona"])];
    let both = vec![application(), person("persona", b"key")];
    assert_eq!(check(both, or_else), widened(VIEW));
    assert_eq!(check(vec![], vec![Access::Licensor]), widened(VIEW));
}

#[test]
fn a_delegation_is_for_one_licensor_and_one_work() {
    let rights = || vec![group("g", vec![Right::unconditional(VIEW)])];
    let (root, publisher, center) = two_licensors();
    let parent = |change: &dyn Fn(&mut License)| {
        let mut parent = delegation(&publisher, &center, rights());
        change(&mut parent);
        document(&parent, &publisher)
    };
    let check = |delegated_by: &[u8], signer: &TestSigner| {
        judged(&root, &plain(signer, rights()), signer, delegated_by).map(drop)
    };
    assert_eq!(check(&parent(&|_| ()), &center), Ok(()));
    let third = licensor(&root, EcdsaP256Sha256);
    assert_eq!(
        check(&parent(&|_| ()), &third),
        Err(LicenseRefused::Delegate)
    );
    let other_work = parent(&|parent| parent.work.object = object("ISBN", "9780000000026"));
    assert_eq!(
        check(&other_work, &center),
        Err(LicenseRefused::Widened(Widened::Work))
    );
    let later = parent(&|parent| parent.issued_at_unix_s += 1);
    assert_eq!(
        check(&later, &center),
        Err(LicenseRefused::Widened(Widened::Issued))
    );
    let lasts_until = |end: i64| {
        parent(&|parent| {
            parent.issued_at_unix_s -= 9;
            parent.grants_until_unix_s = Some(end);
        })
    };
    assert_eq!(check(&lasts_until(ISSUED_AT + 1), &center), Ok(()));
    assert_eq!(
        check(&lasts_until(ISSUED_AT), &center),
        Err(LicenseRefused::Widened(Widened::Ended))
    );
    let consumers = document(&plain(&publisher, rights()), &publisher);
    assert_eq!(
        check(&consumers, &center),
        Err(LicenseRefused::Kind(LicenseKind::Consumer)),
        "a consumer passes nothing on"
    );
    let alone = document(&delegation(&publisher, &center, rights()), &publisher);
    assert_eq!(
        verify(&Portable, &alone, &root.roots()).map(drop),
        Err(LicenseRefused::Kind(LicenseKind::Delegation)),
        "a delegation opens nothing"
    );
    assert_eq!(check(b"<license/>", &center), Err(LicenseRefused::Form));
}

#[test]
fn chains_are_followed_to_their_end_and_not_without_end() {
    let root = Authority::root("Platform", EcdsaP256Sha256);
    let signers: Vec<TestSigner> = (0..6).map(|_| licensor(&root, EcdsaP256Sha256)).collect();
    let rights = |count| vec![group("g", vec![counted(VIEW, count)])];
    let chain = |counts: &[u32]| {
        let mut held: Option<Vec<u8>> = None;
        let signed = |license: &License, signer: &TestSigner, held: &Option<Vec<u8>>| match held {
            Some(held) => signed_unchecked(license, signer, held),
            None => document(license, signer),
        };
        for (pair, count) in signers.windows(2).zip(counts) {
            let parent = delegation(&pair[0], &pair[1], rights(*count));
            held = Some(signed(&parent, &pair[0], &held));
        }
        let last = &signers[counts.len()];
        let license = signed(&plain(last, rights(1)), last, &held);
        let verified = verify(&Portable, &license, &root.roots());
        verified.map(|report| report.delegations.len())
    };
    assert_eq!(chain(&[]), Ok(0));
    assert_eq!(chain(&[9, 9, 8]), Ok(3));
    assert_eq!(
        chain(&[9, 8, 9]),
        Err(LicenseRefused::Widened(Widened::Right {
            group: "g".to_owned(),
            kind: VIEW
        }))
    );
    assert_eq!(chain(&[9, 9, 9, 9]), Err(LicenseRefused::TooDeep));
}

#[test]
fn a_right_is_used_only_where_every_condition_is_met() {
    let (_, signer, _) = two_licensors();
    let license = full(&signer);
    let both = [reference("persona"), reference("reader")];
    let here = Location {
        city: Some(line("El Segundo")),
        ..Location::country("US").unwrap()
    };
    let now = Circumstances {
        now_unix_s: ISSUED_AT,
        authenticated: &both,
        location: Some(&here),
        used: [0; 3],
    };
    let copy = RightKind::Copy;
    let remaining = |circumstances: &Circumstances<'_>| {
        license
            .exercise(copy, circumstances)
            .map(|permission| permission.remaining)
    };
    assert_eq!(remaining(&now), Ok(Some(3)));
    let used = |used| Circumstances { used, ..now };
    assert_eq!(remaining(&used([9, 9, 2])), Ok(Some(1)));
    assert_eq!(remaining(&used([0, 0, 3])), Err(Denied::Spent { max: 3 }));
    assert_eq!(
        remaining(&used([0, 0, u32::MAX])),
        Err(Denied::Spent { max: 3 })
    );
    let at = |now_unix_s| Circumstances { now_unix_s, ..now };
    assert_eq!(
        remaining(&at(ISSUED_AT - 1)),
        Err(Denied::NotYet {
            from_unix_s: ISSUED_AT
        })
    );
    assert_eq!(remaining(&at(ISSUED_AT + 86_399)), Ok(Some(3)));
    assert_eq!(
        remaining(&at(ISSUED_AT + 86_400)),
        Err(Denied::Ended {
            until_unix_s: ISSUED_AT + 86_400
        })
    );
    let nowhere = Circumstances {
        location: None,
        ..now
    };
    assert_eq!(remaining(&nowhere), Err(Denied::Place));
    let abroad = Location::country("JP").unwrap();
    let abroad = Circumstances {
        location: Some(&abroad),
        ..now
    };
    assert_eq!(remaining(&abroad), Err(Denied::Place));
    let alone = Circumstances {
        authenticated: &both[..1],
        ..now
    };
    let needed = vec![reference("reader")];
    assert_eq!(remaining(&alone), Err(Denied::Principals { needed }));
    // What the first group denies another may grant.
    let nobody = Circumstances {
        authenticated: &[],
        ..now
    };
    assert!(license.exercise(VIEW, &nobody).is_ok());
    let precise = Location {
        region: Some(line("CA")),
        postal_code: Some(line("90245")),
        ..here.clone()
    };
    let precise = Circumstances {
        location: Some(&precise),
        ..now
    };
    assert_eq!(license.exercise(PRINT, &now), Err(Denied::Place));
    assert_eq!(license.exercise(PRINT, &precise), Err(Denied::Fee));

    let mut poor = plain(&signer, vec![group("g", vec![Right::unconditional(VIEW)])]);
    assert_eq!(poor.exercise(PRINT, &now), Err(Denied::NotGranted(PRINT)));
    poor.rights[0].rights[0].tracking = license.rights[0].rights[1].tracking.clone();
    let provider = "US1023, called by its name".to_owned();
    assert_eq!(
        poor.exercise(VIEW, &now),
        Err(Denied::Tracking { provider })
    );
    poor.rights[0].rights[0].tracking.clear();
    poor.rights[0].bundle.access = vec![Access::Licensor];
    assert_eq!(poor.exercise(VIEW, &now), Err(Denied::LicensorOnly));
}

#[test]
fn in_odrl_a_license_says_what_is_granted_to_whom_on_which_conditions() {
    let (_, signer, other) = two_licensors();
    let agreement = full(&signer).to_odrl();
    assert_eq!(agreement["@context"], "http://www.w3.org/ns/odrl.jsonld");
    assert_eq!(agreement["@type"], "Agreement");
    assert_eq!(agreement["issued"], "2026-01-02T03:04:05Z");
    let permissions = agreement["permission"].as_array().unwrap();
    let actions: Vec<&str> = permissions
        .iter()
        .map(|permission| permission["action"].as_str().unwrap())
        .collect();
    // Printing is for the reader or the licensor; each is a permission of its own.
    assert_eq!(actions, ["display", "print", "print", "extract", "display"]);
    for permission in permissions {
        assert_eq!(
            permission["target"]["uid"],
            "urn:colophon:ISBN:9780000000019"
        );
        assert_eq!(permission["assigner"]["uid"], "urn:colophon:center:main");
    }
    let [view, print, own, copy, lent] = permissions.as_slice() else {
        panic!("five permissions")
    };
    assert_eq!(view["assignee"]["uid"], "urn:colophon:persona:mike");
    assert_eq!(own["assignee"]["uid"], "urn:colophon:persona:mike");
    assert!(lent.get("assignee").is_none() && lent.get("constraint").is_none());
    let operands = |permission: &serde_json::Value| -> Vec<String> {
        let constraints = permission["constraint"].as_array().unwrap().iter();
        constraints
            .map(|constraint| {
                let text = |name: &str| constraint[name].as_str().unwrap().to_owned();
                format!("{} {}", text("leftOperand"), text("operator"))
            })
            .collect()
    };
    let program = "urn:colophon:odrl:1:program eq";
    assert_eq!(
        operands(view),
        ["dateTime gteq", "dateTime lt", "spatial isAnyOf", program]
    );
    // A right of the licensor's own in a group for a persona is for both together.
    let also = "urn:colophon:odrl:1:also-assignee eq".to_owned();
    assert!(operands(own).contains(&also) && !operands(print).contains(&also));
    assert_eq!(operands(copy)[2], "count lteq");
    assert_eq!(copy["constraint"][2]["rightOperand"], 3);
    let duties = print["duty"].as_array().unwrap();
    let pay = &duties[0]["action"][0]["refinement"][0];
    assert_eq!(
        (&pay["rightOperand"], &pay["unit"]),
        (&500.into(), &"iso4217:USD:minor".into())
    );
    assert_eq!(duties[1]["action"], "inform");
    // Nothing in it opens anything.
    let text = agreement.to_string();
    assert!(!text.contains("q6urq6ur") && !text.contains("AQID"));

    let delegated = delegation(&signer, &other, vec![group("g", vec![counted(VIEW, 2)])]);
    let permission = &delegated.to_odrl()["permission"][0];
    assert_eq!(permission["action"]["rdf:value"]["@id"], "odrl:grantUse");
    assert_eq!(
        permission["action"]["refinement"][0]["rightOperand"],
        "display"
    );
}
