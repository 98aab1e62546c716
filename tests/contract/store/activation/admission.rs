//! Quota, devices, keys and the dated list, however many ask at once and whatever breaks.

use std::collections::BTreeSet;
use std::sync::Arc;

use colophon_activation::FactKind;
use colophon_core::activation::admit::{Admission, AdmissionRequest};
use colophon_core::activation::grant::Decision;
use colophon_core::activation::ports::{Activations, Grants, KeyPool, NotKept, Personas};
use colophon_core::causes::causes;
use colophon_core::id::GrantRef;
use colophon_core::time::Timestamp;
use colophon_store::activation::ActivationStore;
use colophon_store::failure::Damaged;

use super::ground::{
    activate, activated, admitted, approval, approved, ask, certificate, changed, check, day,
    finished, fresh, grants_sql, machine, pair, persona, request, stock, used, waiting,
};
use crate::place::Place;

/// As many as ask at once.
const AT_ONCE: u32 = 64;

const ROUNDS: u32 = 1_000;

pub(crate) async fn a_sixth_machine_is_never_admitted(place: &Place) {
    let store = place.activation_store().await;
    let mut stranger = place.stranger().await;
    for round in 0..ROUNDS {
        store.add(&pair(round), day(0)).await.unwrap();
        let persona = persona(&store, &format!("ada{round}")).await;
        let grants: Vec<GrantRef> = (0..AT_ONCE)
            .map(|_| GrantRef::from_bytes(fresh()))
            .collect();
        let sql = grants_sql(place.is_server(), persona, &grants, day(1));
        stranger.run(&sql).await;
        let asking: Vec<_> = (0..AT_ONCE)
            .zip(grants)
            .map(|(number, grant)| {
                let store = Arc::clone(&store);
                let request = request(grant, &machine(number));
                tokio::spawn(async move { answered(&store, &request).await })
            })
            .collect();
        let mut places = BTreeSet::new();
        let mut refused = 0;
        for asked in asking {
            match asked.await.unwrap() {
                Admission::Admitted(admitted) => {
                    places.insert(admitted.activation);
                }
                Admission::LimitReached { used: 5, .. } => refused += 1,
                other => check(&other, "admitted or limit reached"),
            }
        }
        assert_eq!((places.len(), refused), (5, AT_ONCE - 5), "round {round}");
        assert_eq!(used(&store, persona).await, 5);
        assert_eq!(store.devices(persona).await.unwrap().len(), 5);
    }
    assert_eq!(store.waiting().await.unwrap(), 0, "one key each");
}

/// The answer to a request that is put again when the database was too busy to answer, as a reader
/// does; on a machine that stands still for seconds that happens.
async fn answered(store: &ActivationStore, request: &AdmissionRequest) -> Admission {
    for _ in 0..5 {
        match store.admit(request, day(0)).await {
            Ok(admission) => return admission,
            Err(busy) => {
                assert!(!busy.source.is::<Damaged>(), "{busy:?}");
                eprintln!("asked again: {}", causes(&busy));
            }
        }
    }
    store.admit(request, day(0)).await.unwrap()
}

pub(crate) async fn one_machine_asking_many_times_at_once_counts_once(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let persona = persona(&store, "ada").await;
    let grant = approved(&store, persona, day(0)).await;
    let asking: Vec<_> = (0..16)
        .map(|_| {
            let store = Arc::clone(&store);
            let request = request(grant, &machine(1));
            tokio::spawn(async move { store.admit(&request, day(0)).await.unwrap() })
        })
        .collect();
    let mut places = BTreeSet::new();
    for asked in asking {
        places.insert(admitted(asked.await.unwrap()).activation);
    }
    assert_eq!(places.len(), 1);
    assert_eq!(used(&store, persona).await, 1);
    assert_eq!(store.waiting().await.unwrap(), 1);
}

/// The process may end at any moment after the transaction.
pub(crate) async fn an_admitted_activation_survives_the_process(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let grant = approved(&store, persona, day(0)).await;
    let first = admitted(ask(&store, grant, &machine(1), day(0)).await);
    store.close().await;

    let store = place.activation_store().await;
    let again = admitted(ask(&store, grant, &machine(1), day(0)).await);
    assert_eq!(again.activation, first.activation);
    assert_eq!(again.machine, first.machine);
    assert_eq!(again.key_pair.pkcs8, first.key_pair.pkcs8);
    assert_eq!(used(&store, persona).await, 1);
}

pub(crate) async fn a_package_is_given_again_byte_for_byte(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let grant = approved(&store, persona, day(0)).await;
    let first = admitted(ask(&store, grant, &machine(1), day(0)).await);
    let place_in_list = first.activation;
    assert_eq!(finished(&store, &first, b"one", day(0)).await, b"one");
    // A second request that was under way makes another package; the first one holds.
    assert_eq!(finished(&store, &first, b"two", day(0)).await, b"one");
    for facts in [machine(1), changed(1, &[FactKind::HostName])] {
        match ask(&store, grant, &facts, day(0)).await {
            Admission::Finished {
                activation,
                package,
            } => assert_eq!((activation, package), (place_in_list, b"one".to_vec())),
            other => check(&other, "finished"),
        }
    }
    assert_eq!(used(&store, persona).await, 1);
}

pub(crate) async fn a_new_sign_in_goes_on_with_what_was_never_finished(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let first = admitted(activate(&store, persona, &machine(1), day(0)).await);
    let second = admitted(activate(&store, persona, &machine(1), day(3)).await);
    assert_eq!(second.activation, first.activation);
    assert_eq!(used(&store, persona).await, 1);
    assert_eq!(store.devices(persona).await.unwrap()[0].repeats, 0);
}

pub(crate) async fn an_empty_pool_counts_nothing(place: &Place) {
    let store = place.activation_store().await;
    let persona = persona(&store, "ada").await;
    let grant = approved(&store, persona, day(0)).await;
    check(&ask(&store, grant, &machine(1), day(0)).await, "pool empty");
    assert_eq!(used(&store, persona).await, 0);
    assert!(store.devices(persona).await.unwrap().is_empty());
    stock(&store, 1).await;
    check(&ask(&store, grant, &machine(1), day(0)).await, "admitted");
    assert_eq!(used(&store, persona).await, 1);
}

pub(crate) async fn a_persona_has_one_key_pair_and_shares_it_with_nobody(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 16).await;
    let mut asking = Vec::new();
    for number in 0..16 {
        let persona = persona(&store, &format!("ada{number}")).await;
        let store = Arc::clone(&store);
        asking.push(tokio::spawn(async move {
            let desk = admitted(activate(&store, persona, &machine(1), day(0)).await);
            let bag = admitted(activate(&store, persona, &machine(2), day(0)).await);
            assert_eq!(desk.key_pair.pkcs8, bag.key_pair.pkcs8);
            desk.key_pair.pkcs8.to_vec()
        }));
    }
    let mut keys = BTreeSet::new();
    for asked in asking {
        keys.insert(asked.await.unwrap());
    }
    assert_eq!(keys.len(), 16);
    let late = persona(&store, "late").await;
    let refused = activate(&store, late, &machine(1), day(0)).await;
    check(&refused, "pool empty");
}

pub(crate) async fn the_quota_follows_the_calendar(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    for number in 0..5 {
        activated(&store, persona, &machine(number), day(0)).await;
    }
    match activate(&store, persona, &machine(5), day(89)).await {
        Admission::LimitReached {
            next_allowed_at,
            used,
        } => {
            assert_eq!((next_allowed_at, used), (Some(day(90)), 5));
        }
        other => check(&other, "limit reached"),
    }
    activated(&store, persona, &machine(5), day(90)).await;
    let refused = activate(&store, persona, &machine(6), day(90)).await;
    check(&refused, "limit reached");
    for number in 6..10 {
        activated(&store, persona, &machine(number), day(5000)).await;
    }
    match activate(&store, persona, &machine(10), day(9000)).await {
        Admission::LimitReached {
            next_allowed_at,
            used,
        } => {
            assert_eq!((next_allowed_at, used), (None, 10));
        }
        other => check(&other, "limit reached"),
    }
}

pub(crate) async fn the_same_machine_is_free_a_few_times(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let first = activated(&store, persona, &machine(1), day(0)).await;
    let kinds = [FactKind::HostName, FactKind::NetworkCard, FactKind::Disk];
    // Each time another fact is another than at first, and no two at once.
    for (times, kind) in kinds.into_iter().enumerate() {
        let facts = match times {
            0 => changed(1, &[kind]),
            _ => changed(1, &kinds[..=times]),
        };
        let again = activated(&store, persona, &facts, day(1)).await;
        assert_eq!(again.machine, first.machine, "{kind:?}");
        assert_eq!(used(&store, persona).await, 1);
    }
    let facts = changed(1, &kinds);
    activated(&store, persona, &facts, day(1)).await;
    assert_eq!(used(&store, persona).await, 2, "the fourth time counts");
    assert_eq!(store.devices(persona).await.unwrap().len(), 1);
}

/// A machine whose facts have changed one after the other shares its id with nobody.
pub(crate) async fn machines_of_one_persona_have_different_ids(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let first = activated(&store, persona, &machine(1), day(0)).await;
    let moved = [FactKind::HostName, FactKind::Disk];
    activated(&store, persona, &changed(1, &moved[..1]), day(0)).await;
    activated(&store, persona, &changed(1, &moved), day(0)).await;
    let second = activated(&store, persona, &machine(1), day(0)).await;
    assert_ne!(second.machine, first.machine);
    assert_eq!(store.devices(persona).await.unwrap().len(), 2);
}

pub(crate) async fn a_released_machine_costs_an_activation_again(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let ada = persona(&store, "ada").await;
    let bob = persona(&store, "bob").await;
    let grant = approved(&store, ada, day(0)).await;
    let first = admitted(ask(&store, grant, &machine(1), day(0)).await);
    finished(&store, &first, b"one", day(0)).await;
    let device = store.devices(ada).await.unwrap()[0].record;
    assert!(!store.release(bob, device, day(1)).await.unwrap());
    assert!(store.release(ada, device, day(1)).await.unwrap());
    assert!(!store.release(ada, device, day(1)).await.unwrap());
    assert_eq!(used(&store, ada).await, 1, "releasing gives nothing back");
    let again = activated(&store, ada, &machine(1), day(1)).await;
    assert_eq!(again.machine, first.machine);
    assert_eq!(used(&store, ada).await, 2);
    let devices = store.devices(ada).await.unwrap();
    assert_eq!((devices.len(), devices[0].released_at), (1, None));
}

pub(crate) async fn a_device_is_renamed_by_its_own_persona(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 2).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    activated(&store, ada, &machine(1), day(0)).await;
    let device = store.devices(ada).await.unwrap()[0].record;
    let name = "Kitchen tablet".parse().unwrap();
    assert!(!store.rename(bob, device, &name).await.unwrap());
    let named = async || store.devices(ada).await.unwrap()[0].name.clone().unwrap();
    assert_eq!(named().await.as_str(), "Canarydesk");
    assert!(store.rename(ada, device, &name).await.unwrap());
    assert_eq!(named().await, name);
    assert!(store.release(ada, device, day(0)).await.unwrap());
    assert!(!store.rename(ada, device, &name).await.unwrap());
}

/// Released by its person or given back by an operator, a machine is served no more under the
/// grant that activated it, though that is good for a day.
pub(crate) async fn a_grant_ends_with_its_machine(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "ada").await;
    for (number, given_back) in [(1, false), (2, true)] {
        let grant = approved(&store, ada, day(0)).await;
        let first = admitted(ask(&store, grant, &machine(number), day(0)).await);
        finished(&store, &first, b"one", day(0)).await;
        let devices = store.devices(ada).await.unwrap();
        let device = devices
            .iter()
            .find(|device| device.machine == first.machine)
            .unwrap()
            .record;
        match given_back {
            true => store.give_back(ada, device, day(0)).await.unwrap(),
            false => assert!(store.release(ada, device, day(0)).await.unwrap()),
        }
        assert!(store.grant(grant).await.unwrap().is_none());
        let before = used(&store, ada).await;
        let asked = ask(&store, grant, &machine(number), day(0)).await;
        check(&asked, "no grant");
        // Activated again, it counts, and the old grant has still ended.
        activated(&store, ada, &machine(number), day(0)).await;
        assert_eq!(used(&store, ada).await, before + 1);
        let asked = ask(&store, grant, &machine(number), day(0)).await;
        check(&asked, "no grant");
    }
}

pub(crate) async fn a_machine_released_meanwhile_gets_nothing(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let ada = persona(&store, "ada").await;
    let first = admitted(activate(&store, ada, &machine(1), day(0)).await);
    let device = store.devices(ada).await.unwrap()[0].record;
    assert!(store.release(ada, device, day(0)).await.unwrap());
    let issued = certificate(7, day(0));
    let kept = store
        .finish(first.activation, &issued, b"one".to_vec(), day(0))
        .await;
    assert!(matches!(kept, Err(NotKept::Released)), "{kept:?}");
    let mut stranger = place.stranger().await;
    let packages = stranger
        .numbers("SELECT COUNT(*) FROM activation_packages")
        .await;
    assert_eq!(packages, [0]);
}

pub(crate) async fn only_an_approved_grant_admits_one_machine(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let nobody = GrantRef::from_bytes(fresh());
    check(&ask(&store, nobody, &machine(1), day(0)).await, "no grant");
    let grant = waiting(&store, day(0)).await.record;
    check(&ask(&store, grant, &machine(1), day(0)).await, "no grant");
    store.decide(grant, &Decision::Deny, day(0)).await.unwrap();
    check(&ask(&store, grant, &machine(1), day(0)).await, "no grant");
    let denied = store.decide(grant, &approval(persona), day(0)).await;
    assert!(!denied.unwrap());

    let grant = approved(&store, persona, day(0)).await;
    check(&ask(&store, grant, &machine(1), day(1)).await, "no grant");
    check(&ask(&store, grant, &machine(1), day(0)).await, "admitted");
    let two_facts = changed(1, &[FactKind::HostName, FactKind::Disk]);
    for other in [machine(2), two_facts] {
        check(&ask(&store, grant, &other, day(0)).await, "other machine");
    }
    assert_eq!(used(&store, persona).await, 1);
}

pub(crate) async fn a_persona_keeps_its_first_certificate(place: &Place) {
    let store = place.activation_store().await;
    stock(&store, 1).await;
    let persona = persona(&store, "ada").await;
    let first = admitted(activate(&store, persona, &machine(1), day(0)).await);
    assert_eq!(first.certificate, None);
    let issuing: Vec<_> = (1..=8)
        .map(|serial| {
            let store = Arc::clone(&store);
            let issued = certificate(serial, day(0));
            tokio::spawn(async move {
                let kept = store.keep_certificate(persona, &issued, day(0)).await;
                kept.unwrap().serial
            })
        })
        .collect();
    let mut serials = BTreeSet::new();
    for issued in issuing {
        serials.insert(issued.await.unwrap());
    }
    assert_eq!(serials.len(), 1);
    let second = admitted(activate(&store, persona, &machine(2), day(0)).await);
    let kept = second.certificate.unwrap().serial;
    assert!(serials.contains(&kept));
    // One that is about to end is replaced.
    let late = Timestamp::from_unix_ms(day(0).unix_ms() + 4 * 365 * super::ground::DAY_MS + 1);
    let replaced = store
        .keep_certificate(persona, &certificate(99, late), late)
        .await;
    assert_eq!(replaced.unwrap().serial, [99; 16]);
    let known = store.persona(persona).await.unwrap().unwrap();
    assert_eq!(known.standing.first_activation, Some(day(0)));
}
