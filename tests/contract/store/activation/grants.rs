//! Readers' requests, from the code to the token.

use std::sync::Arc;

use colophon_core::activation::grant::{
    FETCHING_MS, GrantState, NewGrant, Polled, Progress, WAITING_MS,
};
use colophon_core::activation::ports::{GrantNotOpened, Grants};
use colophon_core::activation::token::{AccessToken, TokenDigest};
use colophon_core::id::{ActivationRef, GrantRef};
use colophon_core::time::Timestamp;
use colophon_keys::{AwsLc, SystemRandom};

use super::ground::{approval, day, digest_of_device_code, fresh, persona, waiting};
use crate::place::Place;

fn access_token() -> TokenDigest {
    AccessToken::generate(&mut SystemRandom).digest(&AwsLc)
}

fn later(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(day(0).unix_ms() + ms)
}

pub(crate) async fn a_grant_is_decided_once(place: &Place) {
    let store = place.activation_store().await;
    let grant = waiting(&store, day(0)).await;
    let (ada, bob) = (persona(&store, "ada").await, persona(&store, "bob").await);
    let deciding: Vec<_> = (0..16)
        .map(|number| {
            let store = Arc::clone(&store);
            let decision = approval(if number % 2 == 0 { ada } else { bob });
            let record = grant.record;
            tokio::spawn(async move { store.decide(record, &decision, day(0)).await.unwrap() })
        })
        .collect();
    let mut decided = 0;
    for decision in deciding {
        decided += usize::from(decision.await.unwrap());
    }
    assert_eq!(decided, 1);
    let found = store.by_user_code(&grant.user_code, day(0)).await.unwrap();
    let found = found.unwrap();
    assert_eq!(found.until, later(FETCHING_MS));
    match found.state {
        GrantState::Approved(approval) => {
            assert!([ada, bob].contains(&approval.persona));
            assert_eq!(approval.device_name.unwrap().as_str(), "Canarydesk");
            assert_eq!(approval.progress, Progress::AwaitsReader);
        }
        GrantState::Waiting | GrantState::Denied => panic!("{found:?}"),
    }
}

/// What the reader proposes is shown to its person, who names the machine.
pub(crate) async fn a_proposed_name_is_kept_until_the_person_decides(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let grant = waiting(&store, day(0)).await.record;
    let shown = store.grant(grant).await.unwrap().unwrap();
    assert_eq!(shown.proposed_name.unwrap().as_str(), "Canarydesk proposed");
    assert!(store.decide(grant, &approval(ada), day(0)).await.unwrap());
    let decided = store.grant(grant).await.unwrap().unwrap();
    assert_eq!(decided.proposed_name, None);
    let GrantState::Approved(approval) = decided.state else {
        panic!("not approved");
    };
    assert_eq!(approval.device_name.unwrap().as_str(), "Canarydesk");
}

pub(crate) async fn a_code_belongs_to_one_grant(place: &Place) {
    let store = place.activation_store().await;
    let grant = waiting(&store, day(0)).await;
    let again = NewGrant {
        record: GrantRef::from_bytes(fresh()),
        device_code: digest_of_device_code(),
        ..grant.clone()
    };
    let opened = store.open(&again, day(0)).await;
    assert!(matches!(opened, Err(GrantNotOpened::CodeTaken)));
    let late = later(WAITING_MS);
    let found = store.by_user_code(&grant.user_code, late).await.unwrap();
    assert!(found.is_none());
    let ada = persona(&store, "ada").await;
    let decided = store.decide(grant.record, &approval(ada), late).await;
    assert!(!decided.unwrap(), "too late");
}

pub(crate) async fn polling_tells_how_far_the_person_is(place: &Place) {
    let store = place.activation_store().await;
    let grant = waiting(&store, day(0)).await;
    let code = grant.device_code;
    let poll = async |ms| store.poll(&code, later(ms)).await.unwrap();
    assert_eq!(poll(0).await, Some(Polled::Waiting));
    assert_eq!(poll(5_000).await, Some(Polled::Waiting));
    let slower = Some(Polled::TooSoon { interval_s: 10 });
    assert_eq!(poll(6_000).await, slower);
    let slower = Some(Polled::TooSoon { interval_s: 15 });
    assert_eq!(poll(12_000).await, slower);
    assert_eq!(poll(27_000).await, Some(Polled::Waiting));
    assert_eq!(poll(WAITING_MS).await, Some(Polled::Expired));
    let unknown = digest_of_device_code();
    assert_eq!(store.poll(&unknown, day(0)).await.unwrap(), None);

    let ada = persona(&store, "ada").await;
    let decided = store.decide(grant.record, &approval(ada), day(0)).await;
    assert!(decided.unwrap());
    let approved = Some(Polled::Approved {
        grant: grant.record,
        persona: ada,
    });
    assert_eq!(poll(27_001).await, approved);
    assert_eq!(poll(WAITING_MS).await, approved);
    assert_eq!(poll(FETCHING_MS).await, Some(Polled::Expired));
}

pub(crate) async fn a_token_is_good_for_a_day(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let grant = waiting(&store, day(0)).await.record;
    let (lost, token) = (access_token(), access_token());
    let redeemed = store.redeem(grant, &lost, day(0)).await;
    assert!(!redeemed.unwrap(), "nobody has approved");
    let decided = store.decide(grant, &approval(ada), day(0)).await;
    assert!(decided.unwrap());
    assert!(store.redeem(grant, &lost, day(0)).await.unwrap());
    assert!(store.redeem(grant, &token, day(0)).await.unwrap());
    let by = async |token: &TokenDigest, ms| {
        let found = store.by_access_token(token, later(ms)).await.unwrap();
        found.map(|grant| grant.record)
    };
    assert_eq!(by(&lost, 0).await, None, "replaced");
    assert_eq!(by(&token, FETCHING_MS - 1).await, Some(grant));
    assert_eq!(by(&token, FETCHING_MS).await, None);
    let redeemed = store.redeem(grant, &lost, later(FETCHING_MS)).await;
    assert!(!redeemed.unwrap());
}

pub(crate) async fn progress_is_noted_until_everything_was_sent(place: &Place) {
    let store = place.activation_store().await;
    let ada = persona(&store, "ada").await;
    let grant = waiting(&store, day(0)).await.record;
    let decided = store.decide(grant, &approval(ada), day(0)).await;
    assert!(decided.unwrap());
    let activation = ActivationRef::from_bytes([3; 16]);
    let next_allowed_at = Some(day(90));
    let steps = [
        Progress::AwaitsKeys,
        Progress::LimitReached { next_allowed_at },
        Progress::LimitReached {
            next_allowed_at: None,
        },
        Progress::Admitted { activation },
        Progress::Made { activation },
        Progress::Sent { activation },
    ];
    let noted = async || match store.grant(grant).await.unwrap().unwrap().state {
        GrantState::Approved(approval) => approval.progress,
        GrantState::Waiting | GrantState::Denied => panic!("not approved"),
    };
    for step in steps {
        store.note(grant, step).await.unwrap();
        assert_eq!(noted().await, step);
    }
    store
        .note(grant, Progress::Made { activation })
        .await
        .unwrap();
    assert_eq!(noted().await, Progress::Sent { activation });
}
