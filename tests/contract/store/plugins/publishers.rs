//! Who may publish.

use std::sync::Arc;

use colophon_core::rollout::{Step, StepRefused, VersionState};
use colophon_store::failure::{AddError, ChangeError};
use colophon_store::plugins::{LastPublisher, PublisherStays, StepError};

use super::{
    Signed, back_from, furnished, published, publisher, rejected, state, step, step_where, version,
};
use crate::place::Place;
use crate::samples::center_id;

/// What is decided within the write knows who may publish then, whatever somebody has seen before.
pub(crate) async fn what_nobody_has_signed_is_put_into_no_place(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3", "4"]).await;
    // While nobody is named, nothing needs a signature.
    for number in ["1", "2", "3"] {
        let promoted = Step::Promote(version(number));
        step_where(&store, promoted, Signed::Only(&[]))
            .await
            .unwrap();
    }
    let ada = store.add_publisher(&center_id(), &publisher("ada")).await;
    ada.unwrap();
    let promoted = Step::Promote(version("4"));
    let refused = step_where(&store, promoted, Signed::Only(&["1"])).await;
    assert!(
        matches!(
            &refused,
            Err(StepError::Refused(StepRefused::Unsigned { .. }))
        ),
        "{refused:?}"
    );
    let failed = rejected(&version("3"), "it traps", 100);
    step_where(&store, failed, Signed::Only(&["1"]))
        .await
        .unwrap();
    assert_eq!(state(&store, "1").await, Some(VersionState::Active));
    // The one that retired last is passed over, and stays where it is.
    assert!(matches!(
        state(&store, "2").await,
        Some(VersionState::Retired { .. })
    ));
    step(&store, back_from("1")).await.unwrap();
    assert_eq!(state(&store, "2").await, Some(VersionState::Active));
}

pub(crate) async fn publishers_come_and_go(ground: &Place) {
    let store = furnished(ground).await;
    assert!(store.publishers(&center_id()).await.unwrap().is_empty());
    for name in ["zoe", "ada"] {
        store
            .add_publisher(&center_id(), &publisher(name))
            .await
            .unwrap();
    }
    store
        .add_publisher(&center_id(), &publisher("ada"))
        .await
        .unwrap_err();
    let all = store.publishers(&center_id()).await.unwrap();
    assert_eq!(all, [publisher("ada"), publisher("zoe")]);
    assert!(
        store
            .publishers(&"other".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    let removed = async |name: &str, last: LastPublisher| {
        let center = center_id();
        store.remove_publisher(&center, name, last).await
    };
    removed("zoe", LastPublisher::Stays).await.unwrap();
    for last in [LastPublisher::Stays, LastPublisher::MayGo] {
        let missing = removed("zoe", last).await;
        assert!(
            matches!(&missing, Err(PublisherStays::Change(ChangeError::NotFound))),
            "{missing:?}"
        );
    }
    // Without the last, the center would ask for no signatures.
    let refused = removed("ada", LastPublisher::Stays).await;
    assert!(
        matches!(&refused, Err(PublisherStays::LastOne)),
        "{refused:?}"
    );
    let left = store.publishers(&center_id()).await.unwrap();
    assert_eq!(left, [publisher("ada")]);
    // Of two who remove the last two at once, one is refused.
    for _ in 0..5 {
        let zoe = store.add_publisher(&center_id(), &publisher("zoe")).await;
        zoe.unwrap();
        let removing = ["ada", "zoe"].map(|name| {
            let store = Arc::clone(&store);
            let stays = LastPublisher::Stays;
            tokio::spawn(async move { store.remove_publisher(&center_id(), name, stays).await })
        });
        let mut gone = 0;
        for one in removing {
            match one.await.unwrap() {
                Ok(()) => gone += 1,
                Err(refused) => {
                    assert!(matches!(refused, PublisherStays::LastOne), "{refused}");
                }
            }
        }
        assert_eq!(gone, 1);
        let left = store.publishers(&center_id()).await.unwrap();
        assert_eq!(left.len(), 1);
        if left[0].name == "zoe" {
            let ada = store.add_publisher(&center_id(), &publisher("ada")).await;
            ada.unwrap();
            removed("zoe", LastPublisher::Stays).await.unwrap();
        }
    }
    removed("ada", LastPublisher::MayGo).await.unwrap();
    assert!(store.publishers(&center_id()).await.unwrap().is_empty());
    let nowhere = "nowhere".parse().unwrap();
    let refused = store.add_publisher(&nowhere, &publisher("ada")).await;
    assert!(matches!(refused, Err(AddError::NotFound)), "{refused:?}");
}
