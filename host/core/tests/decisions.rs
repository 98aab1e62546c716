//! Which sales are served, at which level, with which limits.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;
use std::sync::Arc;

use colophon_core::catalog::{
    Availability, Book, Forms, Location, ObjectPath, StoreRoot, StoredForm, TitleFacts,
};
use colophon_core::code::Code;
use colophon_core::decide::{Permit, decide};
use colophon_core::id::{RowVersion, TitleId};
use colophon_core::plugin::{PolicyTerms, Verdict};
use colophon_core::refusal::Refusal;
use colophon_core::time::Timestamp;
use colophon_core::title_rights::TitleRights;
use colophon_crypto::{Key32, Portable, Randomness};
use colophon_receipt::{
    Claims, Freshness, Mint, Receipt, ReceiptKey, RequestedLevel, SealedReceipt, TimePolicy,
    UnixSeconds,
};
use colophon_title::{Level, MediaType, SignerRole, SignerRoles, VersionId};

const NOW: i64 = 1_800_000_000;

struct Zeros;

impl Randomness for Zeros {
    fn fill(&mut self, out: &mut [u8]) {
        out.fill(0);
    }
}

fn receipt(change: impl FnOnce(&mut Claims)) -> Receipt {
    let (transaction, book) = ("t-1".parse().unwrap(), "b-1".parse().unwrap());
    let mut claims = Claims::new(transaction, book, "ISBN".parse().unwrap());
    change(&mut claims);
    let (kid, key) = (
        "shop.1".parse().unwrap(),
        ReceiptKey::new(Key32::new([7; 32])),
    );
    let center = "main".parse().unwrap();
    let mint = Mint {
        engine: &Portable,
        kid: &kid,
        key: &key,
        center: &center,
    };
    let sealed = mint
        .mint(&claims, UnixSeconds::new(NOW), 900, &mut Zeros)
        .unwrap();
    SealedReceipt::parse(&sealed)
        .unwrap()
        .open(&Portable, &key, &center)
        .unwrap()
}

fn form(name: &str) -> StoredForm {
    StoredForm {
        version: VersionId::from_bytes([name.len() as u8; 16]),
        object: ObjectPath::parse(name).unwrap(),
        size: 1,
        sha256: [0; 32],
    }
}

fn facts(change: impl FnOnce(&mut TitleFacts)) -> Arc<TitleFacts> {
    let mut facts = TitleFacts {
        center: "main".parse().unwrap(),
        title_id: TitleId::from_bytes([1; 16]),
        book: Book {
            id_type: "ISBN".parse().unwrap(),
            id: "b-1".parse().unwrap(),
        },
        location: Location {
            root: StoreRoot::parse("main").unwrap(),
            path: ObjectPath::parse("t").unwrap(),
        },
        row_version: RowVersion(1),
        title: "A title".to_owned(),
        authors: vec![],
        language: None,
        media_type: MediaType::parse("application/epub+zip").unwrap(),
        min_level: Level::SourceSealed,
        signatures: SignerRoles::default(),
        forms: Forms {
            clear: Some(form("c")),
            sealed: Some(form("ss")),
            licensed: None,
        },
        availability: Availability::Ready,
        price: None,
        attributes: vec![],
        rights: TitleRights::Center,
    };
    change(&mut facts);
    Arc::new(facts)
}

fn allow() -> PolicyTerms {
    PolicyTerms::default()
}

fn judge(
    now: i64,
    receipt: &Receipt,
    facts: &Arc<TitleFacts>,
    terms: PolicyTerms,
) -> Result<Permit, Refusal> {
    decide(
        Timestamp::from_unix_ms(now * 1000),
        &TimePolicy::default(),
        receipt,
        facts,
        Verdict::Allow(terms),
    )
}

fn permitted(
    claims: impl FnOnce(&mut Claims),
    title: impl FnOnce(&mut TitleFacts),
    terms: PolicyTerms,
) -> Permit {
    judge(NOW, &receipt(claims), &facts(title), terms).unwrap()
}

fn refused(
    claims: impl FnOnce(&mut Claims),
    title: impl FnOnce(&mut TitleFacts),
    terms: PolicyTerms,
) -> Code {
    judge(NOW, &receipt(claims), &facts(title), terms)
        .unwrap_err()
        .code()
}

fn level(level: RequestedLevel) -> impl FnOnce(&mut Claims) {
    move |claims| {
        claims.level = Some(level);
        claims.user_name = Some("Ada".parse().unwrap());
    }
}

fn at_least(number: &str) -> PolicyTerms {
    PolicyTerms {
        min_protection: number.to_owned(),
        ..PolicyTerms::default()
    }
}

#[test]
fn no_level_asked_for_means_the_catalogs() {
    assert_eq!(
        permitted(|_| {}, |_| {}, allow()).level,
        Level::SourceSealed
    );
    assert_eq!(
        permitted(|_| {}, |t| t.min_level = Level::Clear, allow()).level,
        Level::Clear
    );
}

#[test]
fn a_policy_raises_the_floor_and_never_lowers_it() {
    let named = |c: &mut Claims| c.user_name = Some("Ada".parse().unwrap());
    assert_eq!(
        permitted(named, |_| {}, at_least("3")).level,
        Level::IndividuallySealed
    );
    assert_eq!(
        permitted(|_| {}, |_| {}, at_least("1")).level,
        Level::SourceSealed
    );
    assert_eq!(
        refused(level(RequestedLevel::Two), |_| {}, at_least("3")),
        Code::LevelTooLow
    );
    assert_eq!(refused(|_| {}, |_| {}, at_least("4")), Code::PluginFailed);
}

#[test]
fn less_protection_than_demanded_is_refused_and_more_is_honored() {
    assert_eq!(
        refused(level(RequestedLevel::One), |_| {}, allow()),
        Code::LevelTooLow
    );
    let more = permitted(level(RequestedLevel::Three), |_| {}, allow());
    assert_eq!(more.level, Level::IndividuallySealed);
    assert_eq!(more.owner.as_deref(), Some("Ada"));
    assert_eq!(more.form.object.as_str(), "ss");
}

#[test]
fn level_5_binds_a_persona_and_a_name() {
    let licensed = |t: &mut TitleFacts| t.forms.licensed = Some(form("l"));
    let sold_to = |persona: Option<String>| {
        move |claims: &mut Claims| {
            level(RequestedLevel::Five)(claims);
            claims.persona = persona.map(|text| text.parse().unwrap());
        }
    };
    let ada = || Some("ada@people.example".to_owned());
    let permit = permitted(sold_to(ada()), licensed, allow());
    assert_eq!(permit.level, Level::FullyIndividualized);
    assert_eq!(permit.form.object.as_str(), "l");
    assert_eq!(permit.owner.as_deref(), Some("Ada"));
    let persona = permit.persona.unwrap();
    assert_eq!(persona.as_str(), "ada@people.example");
    for persona in [None, Some("x".repeat(256))] {
        assert_eq!(
            refused(sold_to(persona), licensed, allow()),
            Code::PersonaMissing
        );
    }
    let nameless = |claims: &mut Claims| {
        sold_to(ada())(claims);
        claims.user_name = None;
    };
    assert_eq!(refused(nameless, licensed, allow()), Code::NameMissing);
    // Below it, a persona is of no concern.
    let three = |claims: &mut Claims| {
        sold_to(ada())(claims);
        claims.level = Some(RequestedLevel::Three);
    };
    assert_eq!(permitted(three, licensed, allow()).persona, None);
}

#[test]
fn levels_without_a_form_are_unavailable() {
    assert_eq!(
        refused(level(RequestedLevel::Five), |_| {}, allow()),
        Code::LevelUnavailable
    );
    let no_clear = |t: &mut TitleFacts| {
        t.min_level = Level::Clear;
        t.forms.clear = None;
    };
    assert_eq!(
        refused(level(RequestedLevel::One), no_clear, allow()),
        Code::LevelUnavailable
    );
}

#[test]
fn level_four_is_the_best_seal_with_signatures() {
    let signed = |t: &mut TitleFacts| t.signatures.insert(SignerRole::Tool);
    assert_eq!(
        refused(level(RequestedLevel::Four), |_| {}, allow()),
        Code::LevelUnavailable
    );
    let named = permitted(level(RequestedLevel::Four), signed, allow());
    assert_eq!(named.level, Level::IndividuallySealed);
    assert!(named.signatures.contains(SignerRole::Tool));
    assert!(named.signatures.contains(SignerRole::Provider));
    let nameless = permitted(|c| c.level = Some(RequestedLevel::Four), signed, allow());
    assert_eq!(nameless.level, Level::SourceSealed);
    assert!(
        permitted(level(RequestedLevel::Three), |_| {}, allow())
            .signatures
            .is_empty()
    );
}

#[test]
fn level_three_without_a_name_is_refused() {
    assert_eq!(
        refused(|c| c.level = Some(RequestedLevel::Three), |_| {}, allow()),
        Code::NameMissing
    );
}

#[test]
fn withdrawn_and_denied_sales_are_refused() {
    assert_eq!(
        refused(
            |_| {},
            |t| t.availability = Availability::Withdrawn,
            allow()
        ),
        Code::TitleWithdrawn
    );
    let verdict = Verdict::Deny {
        reason: "territory".to_owned(),
    };
    let policy = TimePolicy::default();
    let denied = decide(
        Timestamp::from_unix_ms(NOW * 1000),
        &policy,
        &receipt(|_| {}),
        &facts(|_| {}),
        verdict,
    );
    assert_eq!(denied.unwrap_err().code(), Code::PolicyDenied);
}

#[test]
fn the_strictest_download_limit_holds() {
    let limit = |receipt: Option<u32>, policy: Option<u32>| {
        let claims = |c: &mut Claims| c.max_downloads = receipt.and_then(NonZeroU32::new);
        let terms = PolicyTerms {
            max_downloads: policy,
            ..PolicyTerms::default()
        };
        permitted(claims, |_| {}, terms)
            .downloads_max
            .map(NonZeroU32::get)
    };
    assert_eq!(limit(None, None), None);
    assert_eq!(limit(Some(3), None), Some(3));
    assert_eq!(limit(None, Some(2)), Some(2));
    assert_eq!(limit(Some(3), Some(2)), Some(2));
    assert_eq!(limit(Some(1), Some(2)), Some(1));
    assert_eq!(limit(None, Some(0)), Some(1));
}

#[test]
fn a_policy_may_shorten_a_receipts_life() {
    let short = || PolicyTerms {
        receipt_lifetime_s: Some(60),
        ..PolicyTerms::default()
    };
    let fresh = |after: i64, terms| {
        judge(NOW + after, &receipt(|_| {}), &facts(|_| {}), terms).map(|g| g.freshness)
    };
    assert_eq!(fresh(0, short()).unwrap(), Freshness::Valid);
    assert_eq!(fresh(500, allow()).unwrap(), Freshness::Valid);
    assert_eq!(fresh(500, short()).unwrap(), Freshness::ResumeOnly);
    assert_eq!(
        fresh(200_000, short()).unwrap_err().code(),
        Code::ReceiptExpired
    );
    let long = PolicyTerms {
        receipt_lifetime_s: Some(u64::MAX),
        ..PolicyTerms::default()
    };
    assert_eq!(fresh(2_000, long).unwrap(), Freshness::ResumeOnly);
}

#[test]
fn a_policy_may_end_a_sale_at_a_moment_of_its_own() {
    let ending = |at_ms: i64| PolicyTerms {
        expires_at: Some(Timestamp::from_unix_ms(at_ms)),
        ..PolicyTerms::default()
    };
    let at = |now_ms: i64, end_ms: i64| {
        let verdict = Verdict::Allow(ending(end_ms));
        let (receipt, facts) = (receipt(|_| {}), facts(|_| {}));
        let now = Timestamp::from_unix_ms(now_ms);
        decide(now, &TimePolicy::default(), &receipt, &facts, verdict).map(|g| g.freshness)
    };
    let now_ms = NOW * 1000;
    let resume_ms = i64::from(TimePolicy::default().resume_s) * 1000;
    // The last moment belongs to it; the retailer's clock has no part in it.
    assert_eq!(at(now_ms, now_ms).unwrap(), Freshness::Valid);
    assert_eq!(at(now_ms + 1, now_ms).unwrap(), Freshness::ResumeOnly);
    assert_eq!(
        at(now_ms, now_ms - resume_ms).unwrap(),
        Freshness::ResumeOnly
    );
    assert_eq!(
        at(now_ms, now_ms - resume_ms - 1).unwrap_err().code(),
        Code::ReceiptExpired
    );
    // It never makes a receipt live longer.
    assert_eq!(
        at(now_ms + 2_000_000, i64::MAX).unwrap(),
        Freshness::ResumeOnly
    );
    assert!(at(now_ms + 200_000_000, i64::MAX).is_err());
    assert!(at(now_ms, i64::MIN).is_err());
}
