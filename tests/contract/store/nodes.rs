//! The nodes that say that they are there.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::change::{ChangeLog as _, ChangePosition};
use colophon_core::id::{NodeId, RunId};
use colophon_core::node::known::{FollowedTo, Missed, NodeRecord, Presence, Said};
use colophon_core::node::{Doing, Introduction, NodeRegistry as _, NodeRole, State};
use colophon_store::nodes::Forgotten;
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{furnish, retailer, secret};

fn node(number: u8) -> NodeId {
    NodeId::from_bytes([number; 16])
}

/// A process of a node.
fn who(number: u8, run: u8) -> Introduction {
    Introduction {
        node: node(number),
        run: RunId::from_bytes([run; 16]),
        place: format!("place of {run}"),
        name: format!("host-{number}"),
        roles: vec![NodeRole::Download, NodeRole::Fulfillment],
        version: "1.2.3".to_owned(),
        address: Some("https://192.0.2.1:8480".to_owned()),
        silent_after: Duration::from_secs(20),
    }
}

fn state() -> State {
    State {
        doing: Doing::Serving,
        up: Duration::from_secs(60),
        position: None,
        lease_left: Duration::from_millis(4_900),
        rows_waiting: 12,
        clock_ahead_ms: None,
    }
}

/// The one node that is known.
async fn only(store: &Store) -> NodeRecord {
    let [record] = store.list_nodes().await.unwrap().try_into().unwrap();
    record
}

/// Whether each process is there, by node.
async fn presences(store: &Store) -> Vec<(NodeId, Said)> {
    let nodes = store.list_nodes().await.unwrap().into_iter();
    nodes.map(|record| (record.node, record.said)).collect()
}

/// As if what processes of a node said last had been so much earlier.
async fn age(ground: &Place, number: u8, run: u8, ms: i64) {
    let hex = |byte: u8| format!("{byte:02x}").repeat(16);
    let blob = |byte: u8| match ground.is_server() {
        true => format!("'\\x{}'::BYTEA", hex(byte)),
        false => format!("x'{}'", hex(byte)),
    };
    let sql = format!(
        "UPDATE nodes SET seen_at = seen_at - {ms} WHERE node = {} AND run = {}",
        blob(number),
        blob(run)
    );
    assert_eq!(ground.stranger().await.run(&sql).await, 1, "{sql}");
}

pub(crate) async fn a_process_is_known_as_it_said(ground: &Place) {
    let store = ground.store().await;
    assert_eq!(store.list_nodes().await.unwrap(), []);
    let heard = store.enter(&who(1, 1), &state()).await.unwrap();
    assert_eq!(heard.copies, 0);
    let record = only(&store).await;
    assert_eq!(record.node, node(1));
    assert_eq!(record.run, RunId::from_bytes([1; 16]));
    assert_eq!(record.place, "place of 1");
    assert_eq!(record.name, "host-1");
    assert_eq!(record.roles, ["download", "fulfillment"]);
    assert_eq!(record.version, "1.2.3");
    assert_eq!(record.address.as_deref(), Some("https://192.0.2.1:8480"));
    assert_eq!(record.said, Said::Serving);
    assert_eq!(record.seen_at, heard.at);
    assert!(record.asked_at >= record.seen_at);
    // The database counts back from its own clock, which is asked twice.
    let up = record.seen_at.unix_ms() - record.started_at.unix_ms();
    assert!((59_000..=61_000).contains(&up), "{up}");
    assert_eq!(record.silent_after, Duration::from_secs(20));
    assert_eq!(record.followed, None);
    assert_eq!(record.lease_left, Duration::from_millis(4_900));
    assert_eq!((record.rows_waiting, record.clock_ahead_ms), (12, None));
    assert_eq!(record.presence(), Presence::Serving);
}

pub(crate) async fn a_process_renews_its_own_row(ground: &Place) {
    let store = ground.store().await;
    store.enter(&who(1, 1), &state()).await.unwrap();
    store.enter(&who(2, 2), &state()).await.unwrap();
    age(ground, 1, 1, 600_000).await;
    let before = store.list_nodes().await.unwrap();
    let silent = |record: &NodeRecord| matches!(record.presence(), Presence::Silent { .. });
    assert!(silent(&before[0]) && !silent(&before[1]), "{before:?}");
    let later = State {
        doing: Doing::Draining,
        position: Some(ChangePosition {
            epoch: -3,
            number: 0,
        }),
        lease_left: Duration::ZERO,
        rows_waiting: 0,
        clock_ahead_ms: Some(-7),
        ..state()
    };
    store.renew(&who(1, 1), &later).await.unwrap();
    let after = store.list_nodes().await.unwrap();
    let changed = &after[0];
    assert_eq!(changed.presence(), Presence::Draining);
    assert_eq!(changed.lease_left, Duration::ZERO);
    assert_eq!(
        (changed.rows_waiting, changed.clock_ahead_ms),
        (0, Some(-7))
    );
    let missed = Missed::AnotherHistory;
    let position = later.position.unwrap();
    assert_eq!(changed.followed, Some(FollowedTo { position, missed }));
    assert_eq!(changed.started_at, before[0].started_at);
    assert_eq!(after[1].seen_at, before[1].seen_at);
}

pub(crate) async fn a_process_takes_the_place_of_the_one_before(ground: &Place) {
    let store = ground.store().await;
    store.enter(&who(1, 1), &state()).await.unwrap();
    store.enter(&who(2, 2), &state()).await.unwrap();
    // The one before was killed a moment ago.
    let heard = store.enter(&who(1, 3), &state()).await.unwrap();
    assert_eq!(heard.copies, 0);
    let runs = store.list_nodes().await.unwrap().into_iter();
    let runs: Vec<_> = runs.map(|record| record.run).collect();
    let expected = [3, 2].map(|run| RunId::from_bytes([run; 16]));
    assert_eq!(runs, expected);
}

pub(crate) async fn two_processes_of_one_node_hear_of_each_other(ground: &Place) {
    let store = ground.store().await;
    let copies = async |run: u8| store.renew(&who(1, run), &state()).await.unwrap().copies;
    store.enter(&who(1, 1), &state()).await.unwrap();
    store.enter(&who(2, 9), &state()).await.unwrap();
    // It was displaced, and is there all the same.
    let heard = store.enter(&who(1, 2), &state()).await.unwrap();
    assert_eq!(heard.copies, 0);
    assert_eq!((copies(1).await, copies(2).await), (1, 1));
    assert_eq!(store.renew(&who(2, 9), &state()).await.unwrap().copies, 0);
    // One is killed, and begins again; the other ends as it should.
    age(ground, 1, 1, 20_000).await;
    assert_eq!(copies(2).await, 0);
    assert_eq!((copies(1).await, copies(2).await), (1, 1));
    store.leave(&who(1, 2)).await.unwrap();
    assert_eq!(copies(1).await, 0);
}

pub(crate) async fn a_process_that_takes_over_is_no_copy(ground: &Place) {
    let store = ground.store().await;
    let next = Introduction {
        place: who(1, 1).place,
        ..who(1, 2)
    };
    store.enter(&who(1, 1), &state()).await.unwrap();
    assert_eq!(store.enter(&next, &state()).await.unwrap().copies, 0);
    let copies = async |who: Introduction| store.renew(&who, &state()).await.unwrap().copies;
    assert_eq!(copies(who(1, 1)).await, 0);
    assert_eq!(copies(next).await, 0);
    assert_eq!(store.list_nodes().await.unwrap().len(), 2);
    // The node is not gone when the one before is.
    store.leave(&who(1, 1)).await.unwrap();
    let record = only(&store).await;
    assert_eq!((record.run, record.said), (who(1, 2).run, Said::Serving));
}

pub(crate) async fn a_process_that_has_ended_does_not_come_back(ground: &Place) {
    let store = ground.store().await;
    store.leave(&who(1, 1)).await.unwrap();
    assert_eq!(store.list_nodes().await.unwrap(), []);
    store.enter(&who(1, 1), &state()).await.unwrap();
    age(ground, 1, 1, 60_000).await;
    store.leave(&who(1, 1)).await.unwrap();
    let gone = only(&store).await;
    assert!(matches!(
        gone.presence(),
        Presence::Gone { ago_ms: ..30_000 }
    ));
    // A write that was under way when it ended.
    assert!(store.renew(&who(1, 1), &state()).await.is_err());
    assert_eq!(only(&store).await.said, Said::Gone);
    // The node's next process.
    store.enter(&who(1, 2), &state()).await.unwrap();
    assert_eq!(only(&store).await.said, Said::Serving);
}

pub(crate) async fn a_node_is_forgotten_unless_it_is_there(ground: &Place) {
    let store = ground.store().await;
    let forget = async |number: u8| store.forget_node(node(number)).await.unwrap();
    assert_eq!(forget(1).await, Forgotten::Unknown);
    for number in 1..=3 {
        store.enter(&who(number, number), &state()).await.unwrap();
    }
    assert_eq!(forget(1).await, Forgotten::IsThere);
    age(ground, 1, 1, 20_000).await;
    assert_eq!(forget(1).await, Forgotten::Now);
    store.leave(&who(2, 2)).await.unwrap();
    assert_eq!(forget(2).await, Forgotten::Now);
    assert_eq!(forget(2).await, Forgotten::Unknown);
    assert_eq!(presences(&store).await, [(node(3), Said::Serving)]);
    // One that was forgotten too early says so.
    store.renew(&who(1, 1), &state()).await.unwrap();
    assert_eq!(presences(&store).await.len(), 2);
    // What is left of a copy goes without the one that is there.
    store.enter(&who(3, 4), &state()).await.unwrap();
    store.renew(&who(3, 3), &state()).await.unwrap();
    age(ground, 3, 3, 20_000).await;
    assert_eq!(forget(3).await, Forgotten::Now);
    assert_eq!(forget(3).await, Forgotten::IsThere);
}

pub(crate) async fn nodes_go_by_age(ground: &Place) {
    const DAY_MS: i64 = 86_400_000;
    let store = ground.store().await;
    for number in 1..=3 {
        store.enter(&who(number, number), &state()).await.unwrap();
    }
    store.leave(&who(1, 1)).await.unwrap();
    age(ground, 1, 1, 31 * DAY_MS).await;
    age(ground, 2, 2, 31 * DAY_MS).await;
    age(ground, 3, 3, 29 * DAY_MS).await;
    let kept = Duration::from_hours(30 * 24);
    assert_eq!(store.forget_unseen(kept).await.unwrap(), 2);
    assert_eq!(store.forget_unseen(kept).await.unwrap(), 0);
    assert_eq!(presences(&store).await, [(node(3), Said::Serving)]);
}

pub(crate) async fn what_a_node_has_not_followed_is_told(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let changes = store.after(i64::MAX, 0).await.unwrap();
    let position = ChangePosition {
        epoch: changes.epoch,
        number: changes.newest,
    };
    let followed = State {
        position: Some(position),
        ..state()
    };
    let missed = async || only(&store).await.followed.unwrap().missed;
    store.enter(&who(1, 1), &followed).await.unwrap();
    assert_eq!(missed().await, Missed::Nothing);

    let mut stranger = ground.stranger().await;
    let add = async |id: &str| {
        let key = secret(&format!("{id}.1"), 2);
        let added = retailer(id);
        store.add_retailer(&added, &key, moment(30)).await.unwrap();
    };
    add("later").await;
    stranger.run("UPDATE change_log SET at = at + 60000").await;
    assert_eq!(missed().await, Missed::Nothing, "it was not there then");
    stranger.run("UPDATE change_log SET at = at - 90000").await;
    store.renew(&who(1, 1), &followed).await.unwrap();
    let Missed::Changes { count, oldest_ms } = missed().await else {
        panic!("{:?}", missed().await)
    };
    let all = store.after(position.number, 1000).await.unwrap();
    assert_eq!(count, all.list.len() as u64);
    assert!((30_000..60_000).contains(&oldest_ms), "{oldest_ms}");

    let caught_up = State {
        position: Some(ChangePosition {
            number: all.newest,
            ..position
        }),
        ..state()
    };
    store.renew(&who(1, 1), &caught_up).await.unwrap();
    assert_eq!(missed().await, Missed::Nothing);
    store.begin_epoch().await.unwrap();
    assert_eq!(missed().await, Missed::AnotherHistory);
}

pub(crate) async fn what_nodes_say_is_no_change_that_anybody_follows(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let before = store.after(0, 1000).await.unwrap();
    store.enter(&who(1, 1), &state()).await.unwrap();
    store.renew(&who(1, 1), &state()).await.unwrap();
    store.leave(&who(1, 1)).await.unwrap();
    store.forget_node(node(1)).await.unwrap();
    assert_eq!(store.after(0, 1000).await.unwrap(), before);
}

pub(crate) async fn many_may_begin_at_once(ground: &Place) {
    let store = ground.store().await;
    let hosts = (0..8).map(|number| {
        let store = Arc::clone(&store);
        // Two processes of each node.
        let who = who(number / 2, number);
        tokio::spawn(async move {
            // Of two that delete each other's row, a server ends one.
            while store.enter(&who, &state()).await.is_err() {}
            for _ in 0..20 {
                store.renew(&who, &state()).await.unwrap();
            }
        })
    });
    for host in hosts.collect::<Vec<_>>() {
        host.await.unwrap();
    }
    for number in 0..8 {
        let heard = store.renew(&who(number / 2, number), &state()).await;
        assert_eq!(heard.unwrap().copies, 1);
    }
    assert_eq!(store.list_nodes().await.unwrap().len(), 8);
}

/// A row that is written every few seconds for years takes up no more room, and waits for no disk.
pub(crate) async fn what_is_said_often_takes_no_room(ground: &Place) {
    const TIMES: i64 = 400;
    let store = ground.store().await;
    store.enter(&who(1, 1), &state()).await.unwrap();
    for _ in 0..TIMES {
        store.renew(&who(1, 1), &state()).await.unwrap();
    }
    // A server's connections tell what they have done when they end.
    store.close().await;
    if !ground.is_server() {
        return;
    }
    let mut stranger = ground.stranger().await;
    let told = "SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = 'nodes'";
    while stranger.numbers(told).await != [TIMES] {
        stranger.run("SELECT pg_stat_clear_snapshot()").await;
    }
    let on_their_page = "SELECT n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'nodes'";
    assert_eq!(stranger.numbers(on_their_page).await, [TIMES]);
    let pages = "SELECT pg_relation_size('nodes') / 8192";
    assert_eq!(stranger.numbers(pages).await, [1]);

    let waits = "SELECT current_setting('synchronous_commit')";
    stranger.run("BEGIN").await;
    assert_eq!(stranger.texts(waits).await, ["on"]);
    stranger.run("UPDATE nodes SET seen_at = seen_at").await;
    assert_eq!(stranger.texts(waits).await, ["off"]);
    stranger.run("COMMIT").await;
    assert_eq!(stranger.texts(waits).await, ["on"]);
}
