//! Who may publish.

use std::sync::Arc;

use colophon_store::failure::{AddError, ChangeError};
use colophon_store::plugins::{LastPublisher, PublisherStays};

use super::{furnished, publisher};
use crate::place::Place;
use crate::samples::center_id;

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
