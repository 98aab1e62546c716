//! Small values of plug-ins: kept apart, changed as a whole, never beyond their quota.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::{Name, PluginValues, Put, Swap, ValueOwner, ValuePlace};
use colophon_store::store::Store;

use crate::place::{Place, Stranger, moment};
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

pub(crate) async fn keys_are_listed_by_their_bytes(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    let other = self::owner("other", "acme");
    store.put(at(&other, "a/0"), b"").await.unwrap();
    for key in [
        "a/2",
        "a/10",
        "a",
        "A/1",
        "a/ü",
        "b/1",
        "a/%",
        "a/_",
        "a/\u{10ffff}",
    ] {
        store.put(at(&owner, key), b"").await.unwrap();
    }
    let list = async |prefix: &str, after: Option<&str>, most: usize| {
        store.list_keys(&owner, prefix, after, most).await.unwrap()
    };
    let below = ["a/%", "a/10", "a/2", "a/_", "a/ü", "a/\u{10ffff}"];
    assert_eq!(list("a/", None, 128).await, below);
    assert_eq!(list("a/", None, 2).await, below[..2]);
    assert_eq!(list("a/", Some("a/10"), 2).await, below[2..4]);
    assert_eq!(list("a/", Some("a/15"), 1).await, below[2..3]);
    assert_eq!(list("a/", Some("b"), 9).await, Vec::<String>::new());
    assert_eq!(list("a/ü", None, 9).await, ["a/ü"]);
    assert_eq!(list("", None, 128).await.len(), 9);
    assert_eq!(list("", None, 128).await[..2], ["A/1", "a"]);
    assert_eq!(list("%", None, 9).await, Vec::<String>::new());
}

/// Somebody who holds what every write of an owner's values needs, until the write is undone.
async fn hold(ground: &Place, stranger: &mut Stranger) {
    if ground.is_server() {
        stranger.run("BEGIN").await;
        stranger
            .run("UPDATE plugin_value_totals SET bytes = bytes WHERE plugin = 'acme'")
            .await;
    } else {
        stranger.run("BEGIN IMMEDIATE").await;
    }
}

pub(crate) async fn plug_ins_that_hang_take_nobodys_connections(ground: &Place) {
    let (store, owner) = furnished(ground).await;
    store.put(at(&owner, "a"), b"1").await.unwrap();
    let other = self::owner("other", "acme2");
    store.put(at(&other, "a"), b"1").await.unwrap();
    let mut stranger = ground.stranger().await;
    hold(ground, &mut stranger).await;
    // Each is given up at once, and what it asked of the database goes on.
    for number in 0..40 {
        let value = [number];
        let put = store.put(at(&owner, "a"), &value);
        let given_up = tokio::time::timeout(Duration::from_millis(5), put).await;
        assert!(given_up.is_err(), "{given_up:?}");
    }
    // What needs no writer is answered, to others as well.
    let answered = async {
        assert_eq!(store.get(&other, "a").await.unwrap(), Some(b"1".to_vec()));
        let same = store.put(at(&other, "a"), b"1").await.unwrap();
        assert_eq!(same, Put::Done);
        let different = store.swap(at(&other, "a"), Some(b"2"), b"3").await.unwrap();
        assert_eq!(different, Swap::Different);
        assert!(!store.delete(&other, "b").await.unwrap());
        let large = store.put(at(&other, "b"), &[0; 1000]).await.unwrap();
        assert_eq!(large, Put::QuotaReached);
        for _ in 0..20 {
            store.list_centers().await.unwrap();
        }
    };
    let answered = tokio::time::timeout(Duration::from_secs(3), answered).await;
    assert!(answered.is_ok(), "others wait");
    if ground.is_server() {
        // The row of another plug-in is free, and a wait for a taken one ends by itself.
        let put = store.put(at(&other, "a"), b"2").await.unwrap();
        assert_eq!(put, Put::Done);
        let begun = std::time::Instant::now();
        assert!(store.put(at(&owner, "a"), b"x").await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
    stranger.run("ROLLBACK").await;
    let put = store.put(at(&owner, "b"), b"after").await.unwrap();
    assert_eq!(put, Put::Done);
}
