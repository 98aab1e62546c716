//! Records that the logging database does not take, told apart from its not answering.

use colophon_core::ports::{LogRows as _, NotLogged};
use colophon_store::store::Store;

use crate::place::Place;
use crate::samples::{download, node, server_event};

/// Hands in an event and a download, each alone, and gives the reason where it is refused.
async fn refusals(store: &Store) -> [Option<String>; 2] {
    let event = [(1, server_event(1).into())];
    let download = [(2, download(2, "order").into())];
    let mut refusals = [None, None];
    for (records, refusal) in [event, download].iter().zip(&mut refusals) {
        match store.append(node(1), records).await {
            Ok(()) => {}
            Err(NotLogged::Refused(refused)) => *refusal = Some(refused.reason),
            Err(NotLogged::Unavailable(unavailable)) => panic!("{unavailable:?}"),
        }
    }
    refusals
}

pub(crate) async fn a_record_against_a_rule_is_refused(ground: &Place) {
    let store = ground.store().await;
    let mut stranger = ground.log_stranger().await;
    stranger
        .run("CREATE UNIQUE INDEX once ON server_events (node, sequence)")
        .await;
    let first = [(1, server_event(7).into())];
    store.append(node(1), &first).await.unwrap();
    let reason = Some("a unique value is taken".to_owned());
    assert_eq!(refusals(&store).await, [reason, None]);
    // It takes the good ones of a batch down with it, and nothing of them is there.
    let both = [(1, server_event(1).into()), (3, server_event(3).into())];
    let refused = store.append(node(1), &both).await;
    assert!(matches!(refused, Err(NotLogged::Refused(_))), "{refused:?}");
    assert_eq!(store.count_records().await.unwrap().events, 1);
}

/// Whatever stands in the database's own schema, each in its own words.
pub(crate) async fn a_record_against_a_check_or_a_trigger_is_refused(ground: &Place) {
    let store = ground.store().await;
    let mut stranger = ground.log_stranger().await;
    let rules: &[(&[&str], &str, &str)] = match ground.is_server() {
        false => &[(
            &["CREATE TRIGGER rule BEFORE INSERT ON server_events \
               BEGIN SELECT RAISE(ABORT, 'secret'); END"],
            "DROP TRIGGER rule",
            "SQLite 1811",
        )],
        true => &[
            (
                &["ALTER TABLE server_events ADD CONSTRAINT rule CHECK (sequence > 1)"],
                "ALTER TABLE server_events DROP CONSTRAINT rule",
                "SQLSTATE 23514",
            ),
            (
                &[
                    "CREATE FUNCTION rule() RETURNS trigger LANGUAGE plpgsql AS \
                     'BEGIN RAISE EXCEPTION ''secret''; END'",
                    "CREATE TRIGGER rule BEFORE INSERT ON server_events \
                     FOR EACH ROW EXECUTE FUNCTION rule()",
                ],
                "DROP FUNCTION rule CASCADE",
                "SQLSTATE P0001",
            ),
            (
                &[
                    "ALTER TABLE server_events RENAME TO all_events",
                    "CREATE VIEW server_events AS SELECT * FROM all_events WHERE sequence > 1 \
                     WITH CHECK OPTION",
                ],
                "DROP VIEW server_events; ALTER TABLE all_events RENAME TO server_events",
                "SQLSTATE 44000",
            ),
        ],
    };
    for (make, end, code) in rules {
        for sql in *make {
            stranger.run(sql).await;
        }
        assert_eq!(refusals(&store).await, [Some((*code).to_owned()), None]);
        for sql in end.split("; ") {
            stranger.run(sql).await;
        }
    }
    assert_eq!(refusals(&store).await, [None, None]);
}

pub(crate) async fn a_record_of_a_damaged_person_is_refused(ground: &Place) {
    let store = ground.store().await;
    let before = [(9, download(9, "order").into())];
    store.append(node(1), &before).await.unwrap();
    let mut stranger = ground.log_stranger().await;
    stranger.run("UPDATE persons SET data_key = id").await;
    let [event, download] = refusals(&store).await;
    assert_eq!(event, None);
    assert!(download.unwrap().contains("damaged"));
}

pub(crate) async fn a_table_that_is_away_refuses_nothing(ground: &Place) {
    let store = ground.store().await;
    let mut stranger = ground.log_stranger().await;
    stranger
        .run("ALTER TABLE server_events RENAME TO away")
        .await;
    let event = [(1, server_event(1).into())];
    let failed = store.append(node(1), &event).await;
    assert!(
        matches!(failed, Err(NotLogged::Unavailable(_))),
        "{failed:?}"
    );
    stranger
        .run("ALTER TABLE away RENAME TO server_events")
        .await;
    assert_eq!(refusals(&store).await, [None, None]);
}
