//! What an operator sets, sees, counts and takes back.

use colophon_core::activation::admit::Admitted;
use colophon_core::activation::key_pair::PersonaCertificate;
use colophon_core::activation::ports::{
    Activations, Grants, KeyPool, NotKept, Personas, Sessions, Settings,
};
use colophon_core::activation::quota::QuotaTerms;
use colophon_core::activation::session::SessionContent;
use colophon_core::activation::settings::ActivationSettings;
use colophon_core::activation::token::SessionToken;
use colophon_core::ports::{Readiness, Service};
use colophon_keys::{AwsLc, SystemRandom};
use colophon_store::activation::{ActivationCounts, ActivationReader, Period, Totals};
use colophon_store::failure::ChangeError;

use super::ground::{
    account, activate, activated, admitted, approved, ask, certificate, check, day, finished,
    machine, persona, stock, used, waiting,
};
use crate::place::Place;

pub(crate) async fn settings_hold_from_the_next_activation_on(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    assert_eq!(
        store.settings().await.unwrap(),
        ActivationSettings::default()
    );
    let persona = persona(&store, "ada").await;
    activated(&store, persona, &machine(1), day(0)).await;
    let strict = ActivationSettings {
        quota: QuotaTerms::new(1, 10, 2, 0).unwrap(),
        keys_min: 7,
        support: Some("help@center.example".parse().unwrap()),
        gift_link: Some("https://center.example/gift".parse().unwrap()),
    };
    store.set(&strict, day(0)).await.unwrap();
    assert_eq!(store.settings().await.unwrap(), strict);
    for number in [1, 2] {
        let refused = activate(&store, persona, &machine(number), day(1)).await;
        check(&refused, "limit reached");
    }
    activated(&store, persona, &machine(2), day(10)).await;
    store
        .set(&ActivationSettings::default(), day(10))
        .await
        .unwrap();
    activated(&store, persona, &machine(3), day(10)).await;
}

pub(crate) async fn an_operator_may_give_an_activation_back(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let stranger = persona(&store, "bob").await;
    let persona = persona(&store, "ada").await;
    for number in 0..5 {
        activated(&store, persona, &machine(number), day(0)).await;
    }
    let device = store.devices(persona).await.unwrap()[2].record;
    store.give_back(persona, device, day(1)).await.unwrap();
    assert_eq!(used(&store, persona).await, 4);
    let again = store.give_back(persona, device, day(1)).await;
    assert!(matches!(again, Err(ChangeError::NotFound)));
    assert_eq!(used(&store, persona).await, 4);
    let nobody = store.give_back(stranger, device, day(1)).await;
    assert!(matches!(nobody, Err(ChangeError::NotFound)));
    activated(&store, persona, &machine(9), day(1)).await;
    let refused = activate(&store, persona, &machine(10), day(1)).await;
    check(&refused, "limit reached");
    let list = store.list_activations(persona).await.unwrap();
    let given_back = list.iter().filter(|row| row.given_back_at.is_some());
    assert_eq!((list.len(), given_back.count()), (6, 1));
}

/// What its person has released is given back later, once.
pub(crate) async fn an_activation_is_given_back_after_its_release_too(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    activated(&store, persona, &machine(1), day(0)).await;
    let device = store.devices(persona).await.unwrap()[0].record;
    assert!(store.release(persona, device, day(1)).await.unwrap());
    // Activated and released once more, so that two are counted.
    activated(&store, persona, &machine(1), day(2)).await;
    assert!(store.release(persona, device, day(3)).await.unwrap());
    assert_eq!(used(&store, persona).await, 2);
    store.give_back(persona, device, day(4)).await.unwrap();
    assert_eq!(used(&store, persona).await, 1);
    let released_at = store.devices(persona).await.unwrap()[0].released_at;
    assert_eq!(released_at, Some(day(3)), "that stays as it was");
    let again = store.give_back(persona, device, day(5)).await;
    assert!(matches!(again, Err(ChangeError::NotFound)));
    assert_eq!(used(&store, persona).await, 1);
}

pub(crate) async fn a_withdrawn_persona_activates_nothing(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let grant = approved(&store, persona, day(0)).await;
    let first = admitted(ask(&store, grant, &machine(1), day(0)).await);
    let issued = certificate(7, day(0));
    store
        .keep_certificate(persona, &issued, day(0))
        .await
        .unwrap();
    let package = b"one".to_vec();
    let finished = store.finish(first.activation, &issued, package, day(0));
    finished.await.unwrap();
    store.withdraw(persona, day(0)).await.unwrap();
    check(&ask(&store, grant, &machine(1), day(0)).await, "withdrawn");
    let revoked = store.revoked_certificates(day(1)).await.unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(
        (revoked[0].serial.as_slice(), revoked[0].at),
        ([7; 16].as_slice(), day(0))
    );
    let after_its_end = issued.until;
    assert!(
        store
            .revoked_certificates(after_its_end)
            .await
            .unwrap()
            .is_empty()
    );

    store.reinstate(persona).await.unwrap();
    let again = admitted(ask(&store, grant, &machine(1), day(0)).await);
    assert_eq!(again.activation, first.activation);
    assert_eq!(again.certificate, None, "the old one stays revoked");
    assert_eq!(store.revoked_certificates(day(1)).await.unwrap().len(), 1);
}

/// Withdrawn between admission and package, a persona has neither certificate nor package.
pub(crate) async fn nothing_is_kept_for_a_persona_withdrawn_meanwhile(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    let of_ada = admitted(activate(&store, ada, &machine(1), day(0)).await);
    let of_bob = admitted(activate(&store, bob, &machine(1), day(0)).await);
    store.withdraw(ada, day(0)).await.unwrap();
    assert!(store.erase(bob, day(0)).await.unwrap());
    for (persona, admitted) in [(ada, of_ada), (bob, of_bob)] {
        let issued = certificate(7, day(0));
        let kept = store.keep_certificate(persona, &issued, day(0)).await;
        assert!(matches!(kept, Err(NotKept::Withdrawn)), "{kept:?}");
        let kept = store
            .finish(admitted.activation, &issued, b"one".to_vec(), day(0))
            .await;
        assert!(matches!(kept, Err(NotKept::Withdrawn)), "{kept:?}");
    }
    let mut stranger = place.stranger().await;
    for table in ["persona_certificates", "activation_packages"] {
        let rows = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(stranger.numbers(&rows).await, [0], "{table}");
    }
}

/// What was made before the persona was withdrawn and is finished after it was reinstated would
/// hand out a certificate that is revoked for good.
pub(crate) async fn no_package_is_kept_under_a_revoked_certificate(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    let of_ada = admitted(activate(&store, ada, &machine(1), day(0)).await);
    let of_bob = admitted(activate(&store, bob, &machine(1), day(0)).await);
    let (first, second) = (certificate(7, day(0)), certificate(8, day(0)));
    store.keep_certificate(ada, &first, day(0)).await.unwrap();
    store.withdraw(ada, day(0)).await.unwrap();
    store.reinstate(ada).await.unwrap();
    let finish = async |admitted: &Admitted, certificate: &PersonaCertificate| {
        let package = certificate.der.clone();
        let activation = admitted.activation;
        store.finish(activation, certificate, package, day(0)).await
    };
    let kept = finish(&of_ada, &first).await;
    assert!(matches!(kept, Err(NotKept::CertificateRevoked)), "{kept:?}");
    store.keep_certificate(ada, &second, day(0)).await.unwrap();
    let kept = finish(&of_ada, &first).await;
    assert!(matches!(kept, Err(NotKept::CertificateRevoked)), "{kept:?}");
    assert_eq!(finish(&of_ada, &second).await.unwrap(), second.der);
    // Nor is one under a certificate of somebody else.
    let kept = finish(&of_bob, &second).await;
    assert!(matches!(kept, Err(NotKept::CertificateRevoked)), "{kept:?}");
}

pub(crate) async fn reports_count_by_period(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    activated(&store, ada, &machine(1), day(0)).await;
    activated(&store, ada, &machine(1), day(0)).await;
    activated(&store, ada, &machine(2), day(1)).await;
    activated(&store, bob, &machine(1), day(1)).await;
    let period = |from, until| Period {
        from: day(from),
        until: day(until),
    };
    let reader = store.reader();
    let counts = reader.count(period(0, 1)).await.unwrap();
    let expected = ActivationCounts {
        activations: 2,
        counted: 1,
        repeats: 1,
        recoveries: 0,
        personas: 1,
        new_personas: 1,
    };
    assert_eq!(counts, expected);
    let counts = reader.count(period(1, 2)).await.unwrap();
    assert_eq!(
        (counts.activations, counts.personas, counts.new_personas),
        (2, 2, 1)
    );
    let counts = reader.count(period(2, 3)).await.unwrap();
    assert_eq!(counts, ActivationCounts::default());

    // From elsewhere, without a key and without writing.
    let replica = ActivationReader::open(&place.fulfillment).await.unwrap();
    let totals = replica.totals().await.unwrap();
    let expected = Totals {
        personas: 2,
        counted: 3,
        activations: 4,
        devices: 3,
        keys_waiting: 0,
    };
    assert_eq!(totals, expected);
    replica.close().await;
}

pub(crate) async fn the_latest_personas_are_listed(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    for number in 0..5 {
        let account = account(&format!("ada{number}"));
        store.sign_up(&account, day(number)).await.unwrap();
    }
    let latest = store.list_personas(3).await.unwrap();
    let names: Vec<String> = latest
        .iter()
        .map(|row| row.persona.id.to_string())
        .collect();
    let expected: Vec<String> = [4, 3, 2].map(|n| format!("ada{n}@people.example")).into();
    assert_eq!(names, expected);
    assert_eq!(latest[0].created_at, day(4));
    assert_eq!(store.list_personas(9).await.unwrap().len(), 5);
    let record = latest[0].persona.record;
    activated(&store, record, &machine(1), day(4)).await;
    let shown = store.show_persona(&latest[0].persona.id).await.unwrap();
    assert_eq!(shown.unwrap().standing.used, 1);
}

pub(crate) async fn what_has_run_out_is_forgotten(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "ada").await;
    let undecided = waiting(&store, day(0)).await;
    let grant = approved(&store, ada, day(0)).await;
    let first = admitted(ask(&store, grant, &machine(1), day(0)).await);
    finished(&store, &first, b"one", day(0)).await;
    let session = SessionToken::generate(&mut SystemRandom).digest(&AwsLc);
    let content = SessionContent {
        persona: Some(ada),
        notes: Vec::new().into(),
    };
    store
        .begin(&session, &content, day(1), day(0))
        .await
        .unwrap();
    assert_eq!(store.forget_expired(day(0)).await.unwrap(), 0);
    check(&ask(&store, grant, &machine(1), day(0)).await, "finished");
    // The session, both grants, and the package.
    assert_eq!(store.forget_expired(day(1)).await.unwrap(), 4);
    assert_eq!(store.forget_expired(day(1)).await.unwrap(), 0);
    assert!(store.grant(undecided.record).await.unwrap().is_none());
    assert_eq!(used(&store, ada).await, 1);
    let list = store.list_activations(ada).await.unwrap();
    assert_eq!(list[0].finished_at, Some(day(0)));
}

pub(crate) async fn a_wrong_master_key_is_noticed(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    persona(&store, "ada").await;
    assert!(store.check_integrity().await.unwrap().is_empty());
    let services = store.check().await;
    assert!(matches!(
        services.as_slice(),
        [(Service::ActivationDatabase, Ok(()))]
    ));
    assert_eq!(store.waiting().await.unwrap(), 1);
    store.close().await;
    let strange = place.activation_store_under(8).await;
    let problems = strange.check_integrity().await.unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.text.contains("key_pairs.private_key"))
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.text.contains("is this the master key"))
    );
}
