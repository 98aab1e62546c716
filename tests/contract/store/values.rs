//! Small values of plug-ins: kept apart, changed as a whole, never beyond their quota.

use std::sync::Arc;

use colophon_core::capability::{Name, PluginValues, Put, Swap, ValueOwner, ValuePlace};
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{center, furnish};

const QUOTA: u64 = 1000;

fn owner(center: &str, plugin: &str) -> ValueOwner {
    ValueOwner {
        center: center.parse().unwrap(),
        plugin: Name::parse(plugin).unwrap(),
    }
}

fn at<'a>(owner: &'a ValueOwner, key: &'a str) -> ValuePlace<'a> {
    ValuePlace {
        owner,
        key,
        quota_bytes: QUOTA,
    }
}

async fn furnished(ground: &Place) -> (Arc<Store>, ValueOwner) {
    let store = ground.store().await;
    furnish(&store).await;
    let other = center("other");
    store.add_center(&other, moment(1)).await.unwrap();
    (store, owner("main", "acme"))
}

pub(crate) async fn a_value_comes_back_until_it_is_taken_away(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    assert_eq!(store.get(&owner, "a").await.unwrap(), None);
    assert!(!store.delete(&owner, "a").await.unwrap());
    for value in [&b""[..], &[0, 255, 0], &[7; 900]] {
        assert_eq!(store.put(at(&owner, "a"), value).await.unwrap(), Put::Done);
        assert_eq!(
            store.get(&owner, "a").await.unwrap().as_deref(),
            Some(value)
        );
    }
    assert!(store.delete(&owner, "a").await.unwrap());
    assert_eq!(store.get(&owner, "a").await.unwrap(), None);
    assert!(!store.delete(&owner, "a").await.unwrap());
}

pub(crate) async fn values_are_kept_apart_by_center_plug_in_and_key(ground: &Place) {
    let (store, mine) = furnished(ground).await;
    let others = [
        owner("other", "acme"),
        owner(mine.center.as_str(), "acme2"),
        owner(mine.center.as_str(), "acm"),
    ];
    store.put(at(&mine, "2a"), b"mine").await.unwrap();
    for other in &others {
        for key in ["2a", "a", "A", "2A", "2a "] {
            assert_eq!(
                store.get(other, key).await.unwrap(),
                None,
                "{other:?} {key}"
            );
        }
        assert!(!store.delete(other, "2a").await.unwrap());
        let swapped = store.swap(at(other, "2a"), Some(b"mine"), b"stolen").await;
        assert_eq!(swapped.unwrap(), Swap::Different);
        // Their quotas are their own, too.
        assert_eq!(
            store.put(at(other, "k"), &[0; 990]).await.unwrap(),
            Put::Done
        );
    }
    assert_eq!(store.get(&mine, "2A").await.unwrap(), None);
    assert_eq!(
        store.get(&mine, "2a").await.unwrap().as_deref(),
        Some(&b"mine"[..])
    );
}

pub(crate) async fn a_value_is_swapped_only_for_what_was_expected(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    let swap = async |expected: Option<&[u8]>, value: &[u8]| {
        store.swap(at(&owner, "n"), expected, value).await.unwrap()
    };
    assert_eq!(swap(Some(b""), b"1").await, Swap::Different);
    assert_eq!(store.get(&owner, "n").await.unwrap(), None);
    assert_eq!(swap(None, b"1").await, Swap::Done);
    assert_eq!(swap(None, b"2").await, Swap::Different);
    assert_eq!(swap(Some(b"2"), b"3").await, Swap::Different);
    assert_eq!(swap(Some(b"1"), b"2").await, Swap::Done);
    assert_eq!(
        store.get(&owner, "n").await.unwrap().as_deref(),
        Some(&b"2"[..])
    );
}

pub(crate) async fn a_quota_counts_keys_and_values_to_the_byte(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    let put =
        async |key: &str, bytes: usize| store.put(at(&owner, key), &vec![1; bytes]).await.unwrap();
    assert_eq!(put("abcd", 997).await, Put::QuotaReached);
    assert_eq!(store.get(&owner, "abcd").await.unwrap(), None);
    assert_eq!(put("abcd", 996).await, Put::Done);
    assert_eq!(put("e", 0).await, Put::QuotaReached);
    let swapped = store.swap(at(&owner, "e"), None, b"").await.unwrap();
    assert_eq!(swapped, Swap::QuotaReached);
    // What is replaced gives its room back, and so does what is taken away.
    assert_eq!(put("abcd", 996).await, Put::Done);
    assert_eq!(put("abcd", 500).await, Put::Done);
    assert_eq!(put("e", 496).await, Put::QuotaReached);
    assert_eq!(put("e", 495).await, Put::Done);
    assert!(store.delete(&owner, "abcd").await.unwrap());
    assert_eq!(put("f", 503).await, Put::Done);
    assert_eq!(put("g", 0).await, Put::QuotaReached);
}

pub(crate) async fn writers_at_once_lose_nothing_and_keep_the_quota(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    // Each adds one to a number, trying again when another was faster.
    let adding = (0..8).map(|_| {
        let (store, owner) = (Arc::clone(&store), owner.clone());
        tokio::spawn(async move {
            for _ in 0..5 {
                loop {
                    let now = store.get(&owner, "n").await.unwrap();
                    let next = [now.as_deref().map_or(0, |now| now[0]) + 1];
                    let swapped = store.swap(at(&owner, "n"), now.as_deref(), &next).await;
                    if swapped.unwrap() == Swap::Done {
                        break;
                    }
                }
            }
        })
    });
    for one in adding.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_eq!(store.get(&owner, "n").await.unwrap(), Some(vec![40]));

    // Of twelve values of 100 bytes, nine fit beside the number.
    let putting = (0..12).map(|number| {
        let (store, owner) = (Arc::clone(&store), owner.clone());
        tokio::spawn(async move {
            let key = format!("{number:02}");
            store.put(at(&owner, &key), &[0; 98]).await.unwrap()
        })
    });
    let mut done = 0;
    for one in putting.collect::<Vec<_>>() {
        done += usize::from(one.await.unwrap() == Put::Done);
    }
    assert_eq!(done, 9);
}

pub(crate) async fn a_value_moved_to_another_place_does_not_open(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    store
        .put(at(&owner, "a"), b"readable by nobody")
        .await
        .unwrap();
    store.put(at(&owner, "b"), b"other").await.unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run("UPDATE plugin_values SET value = (SELECT value FROM plugin_values WHERE key = 'a')")
        .await;
    assert!(store.get(&owner, "a").await.is_ok());
    assert!(store.get(&owner, "b").await.is_err());
    assert!(
        store
            .swap(at(&owner, "b"), Some(b"other"), b"")
            .await
            .is_err()
    );
}

pub(crate) async fn a_center_takes_its_values_with_it(ground: &Place) {
    let (store, _) = furnished(ground).await;
    let owner = owner("other", "acme");
    store.put(at(&owner, "a"), b"1").await.unwrap();
    let mut stranger = ground.stranger().await;
    if !ground.is_server() {
        stranger.run("PRAGMA foreign_keys = ON").await;
    }
    stranger.run("DELETE FROM centers WHERE id = 'other'").await;
    for table in ["plugin_values", "plugin_value_totals"] {
        let left = stranger
            .numbers(&format!("SELECT COUNT(*) FROM {table}"))
            .await;
        assert_eq!(left, [0], "{table}");
    }
    assert!(store.put(at(&owner, "a"), b"1").await.is_err());
}
