//! The order of changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use colophon_core::catalog::Availability;
use colophon_core::change::{ChangeLog, ChangedRecord, Changes, Numbering};
use colophon_core::ports::{Catalog, Centers};
use colophon_store::signers::{CenterKeyRole, SignerMaterial};
use colophon_store::store::Store;
use colophon_store::titles::TitleChange;
use zeroize::Zeroizing;

use crate::place::{Place, Stranger, moment};
use crate::samples::{book, center_id, furnish, place, retailer, secret, title, version};

/// Reads on from a position.
struct Reader {
    store: Arc<Store>,
    position: i64,
}

/// A change as far as the tests look at it.
type Seen = (ChangedRecord, String);

const TITLE: &str = "ISBN\n111\nmain\nmain/1";

impl Reader {
    async fn at_the_end(store: &Arc<Store>) -> Self {
        let newest = store.after(i64::MAX, 0).await.unwrap().newest;
        Self {
            store: Arc::clone(store),
            position: newest,
        }
    }

    async fn read(&mut self) -> Changes {
        let changes = self.store.after(self.position, 10_000).await.unwrap();
        for change in &changes.list {
            assert!(change.number > self.position, "{changes:?}");
            if changes.numbering == Numbering::Dense {
                assert_eq!(change.number, self.position + 1, "{changes:?}");
            }
            assert_eq!(change.center, center_id());
            self.position = change.number;
        }
        if !changes.list.is_empty() {
            assert_eq!(self.position, changes.newest);
        }
        assert!(!changes.unsettled, "nobody else is writing");
        changes
    }

    /// The different changes since the last reading.
    async fn seen(&mut self) -> BTreeSet<(u8, String)> {
        let list = self.read().await.list;
        list.into_iter()
            .map(|change| (change.record as u8, change.key))
            .collect()
    }

    #[track_caller]
    fn check(what: &str, seen: &BTreeSet<(u8, String)>, expected: &[Seen]) {
        let expected: BTreeSet<(u8, String)> = expected
            .iter()
            .map(|(record, key)| (*record as u8, key.clone()))
            .collect();
        assert_eq!(*seen, expected, "{what}");
    }

    async fn expect(&mut self, what: &str, expected: &[(ChangedRecord, &str)]) {
        let seen = self.seen().await;
        let expected: Vec<Seen> = expected
            .iter()
            .map(|(record, key)| (*record, (*key).to_owned()))
            .collect();
        Self::check(what, &seen, &expected);
    }
}

fn hex(byte: u8) -> String {
    format!("{byte:02x}").repeat(16)
}

pub(crate) async fn every_insert_update_and_delete_is_logged(ground: &Place) {
    use ChangedRecord::{Center, ContentKey, Retailer, Title};
    let store = ground.store().await;
    let mut reader = Reader::at_the_end(&store).await;
    reader.expect("nothing", &[]).await;
    store
        .add_center(&crate::samples::center("main"), moment(1))
        .await
        .unwrap();
    reader.expect("center added", &[(Center, "main")]).await;
    store
        .update_center(&center_id(), "x", &Default::default(), moment(2))
        .await
        .unwrap();
    reader.expect("center changed", &[(Center, "main")]).await;
    let signer = SignerMaterial {
        role: CenterKeyRole::Tool,
        chain: vec![vec![1]],
        pkcs8: Zeroizing::new(vec![1]),
    };
    for turn in ["signer added", "signer replaced"] {
        store
            .put_signer(&center_id(), &signer, moment(3))
            .await
            .unwrap();
        reader.expect(turn, &[(Center, "main")]).await;
    }

    store
        .add_retailer(&retailer("shop"), &secret("shop.1", 1), moment(4))
        .await
        .unwrap();
    reader.expect("retailer added", &[(Retailer, "shop")]).await;
    store
        .add_retailer_key(&center_id(), &secret("shop.2", 1), moment(5))
        .await
        .unwrap();
    reader.expect("key added", &[(Retailer, "shop")]).await;
    store
        .revoke_retailer_key(&center_id(), &"shop.1".parse().unwrap(), moment(6))
        .await
        .unwrap();
    reader.expect("key revoked", &[(Retailer, "shop")]).await;
    store
        .set_retailer_urls(&center_id(), &"shop".parse().unwrap(), &[], moment(7))
        .await
        .unwrap();
    reader
        .expect("addresses changed", &[(Retailer, "shop")])
        .await;
    store
        .remove_retailer(&center_id(), &"shop".parse().unwrap())
        .await
        .unwrap();
    reader
        .expect("retailer removed", &[(Retailer, "shop")])
        .await;

    store
        .add_title(&title(1, "111", "Emma"), moment(8))
        .await
        .unwrap();
    reader
        .expect("title added", &[(Title, TITLE), (ContentKey, &hex(3))])
        .await;
    let withdrawn = Some(Availability::Withdrawn);
    let change = TitleChange {
        availability: withdrawn,
        ..TitleChange::default()
    };
    store
        .update_title(&center_id(), &book("111"), &change, moment(9))
        .await
        .unwrap();
    reader.expect("title changed", &[(Title, TITLE)]).await;
    let kept = Some(crate::samples::kept(30));
    let change = TitleChange {
        kept,
        ..TitleChange::default()
    };
    store
        .update_title(&center_id(), &book("111"), &change, moment(10))
        .await
        .unwrap();
    let keys = [hex(3), hex(31)];
    reader
        .expect(
            "forms replaced",
            &[
                (Title, TITLE),
                (ContentKey, &keys[0]),
                (ContentKey, &keys[1]),
            ],
        )
        .await;
    store
        .remove_title(&center_id(), &book("111"))
        .await
        .unwrap();
    reader
        .expect("title removed", &[(Title, TITLE), (ContentKey, &hex(31))])
        .await;
    reader.expect("nothing more", &[]).await;
}

/// Statements of other programs, with what each of them changes.
fn strangers_statements() -> Vec<(String, Vec<(ChangedRecord, String)>)> {
    use ChangedRecord::{Center, ContentKey, Retailer, Title};
    let title = || (Title, TITLE.to_owned());
    let shop = || (Retailer, "shop".to_owned());
    let main = || (Center, "main".to_owned());
    let key = || (ContentKey, hex(3));
    let statement = |sql: &str, changed: Vec<_>| (sql.to_owned(), changed);
    vec![
        statement("UPDATE titles SET min_level = 3", vec![title()]),
        statement(
            "UPDATE titles SET title = 'x', row_version = 5",
            vec![title()],
        ),
        statement(
            "UPDATE title_forms SET size = 5 WHERE form = 'clear'",
            vec![title()],
        ),
        statement(
            "DELETE FROM title_forms WHERE form = 'clear'",
            vec![title()],
        ),
        statement("UPDATE title_attributes SET value = 'x'", vec![title()]),
        statement(
            "DELETE FROM title_attributes WHERE name = 'year'",
            vec![title()],
        ),
        statement("UPDATE content_keys SET created_at = 5", vec![key()]),
        statement(
            "UPDATE retailer_urls SET url = 'https://x.example/'",
            vec![shop()],
        ),
        statement("DELETE FROM retailer_urls", vec![shop()]),
        statement(
            "INSERT INTO retailer_urls VALUES ('main', 'shop', 7, 'https://y.example/')",
            vec![shop()],
        ),
        statement("UPDATE retailer_keys SET state = 'revoked'", vec![shop()]),
        statement("DELETE FROM retailer_keys", vec![shop()]),
        statement("UPDATE retailers SET description = 'x'", vec![shop()]),
        statement("UPDATE centers SET receipt_skew_s = 1", vec![main()]),
        statement("UPDATE plugins SET position = 7", vec![main()]),
        statement("UPDATE plugin_versions SET manifest = 'x'", vec![main()]),
        statement("UPDATE plugin_publishers SET name = 'x'", vec![main()]),
        statement("DELETE FROM plugin_publishers", vec![main()]),
        statement("DELETE FROM plugin_versions", vec![main()]),
        statement("DELETE FROM plugins", vec![main()]),
        statement("DELETE FROM content_keys", vec![key()]),
        statement("DELETE FROM retailers", vec![shop()]),
        statement("DELETE FROM title_forms", vec![title()]),
        statement("DELETE FROM title_attributes", vec![title()]),
        statement("DELETE FROM titles", vec![title()]),
        statement("DELETE FROM centers", vec![main()]),
    ]
}

pub(crate) async fn a_change_by_another_program_is_logged(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(8))
        .await
        .unwrap();
    crate::plugins::furnish_with_a_plugin(&store).await;
    let mut reader = Reader::at_the_end(&store).await;
    let mut stranger = ground.stranger().await;
    for (sql, expected) in strangers_statements() {
        assert!(stranger.run(&sql).await > 0, "{sql}");
        let seen = reader.seen().await;
        Reader::check(&sql, &seen, &expected);
    }
}

pub(crate) async fn a_record_with_another_key_is_logged_under_both(ground: &Place) {
    use ChangedRecord::{Retailer, Title};
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(8))
        .await
        .unwrap();
    let mut reader = Reader::at_the_end(&store).await;
    let change = TitleChange {
        location: Some(place("moved/1")),
        ..TitleChange::default()
    };
    store
        .update_title(&center_id(), &book("111"), &change, moment(9))
        .await
        .unwrap();
    let moved = "ISBN\n111\nmain\nmoved/1";
    reader
        .expect("moved", &[(Title, TITLE), (Title, moved)])
        .await;
    let mut stranger = ground.stranger().await;
    stranger.run("UPDATE titles SET book_id = '112'").await;
    reader
        .expect(
            "renamed",
            &[(Title, moved), (Title, "ISBN\n112\nmain\nmoved/1")],
        )
        .await;
    stranger.run("DELETE FROM retailer_keys").await;
    stranger.run("DELETE FROM retailer_urls").await;
    reader.expect("emptied", &[(Retailer, "shop")]).await;
    stranger.run("UPDATE retailers SET id = 'store'").await;
    reader
        .expect("renamed", &[(Retailer, "shop"), (Retailer, "store")])
        .await;
}

/// A new column that is not watched would be a change that no cache hears of.
pub(crate) async fn every_cached_column_counts_the_version_up(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(8))
        .await
        .unwrap();
    let mut stranger = ground.stranger().await;
    for table in ["titles", "retailers", "centers", "content_keys"] {
        let columns = columns(&mut stranger, table).await;
        assert!(columns.len() > 3, "{table}: {columns:?}");
        for column in columns.iter().filter(|column| *column != "row_version") {
            let version = format!("SELECT row_version FROM {table}");
            let before = stranger.numbers(&version).await;
            stranger
                .run(&format!("UPDATE {table} SET {column} = {column}"))
                .await;
            let after = stranger.numbers(&version).await;
            assert_eq!(after, [before[0] + 1], "{table}.{column}");
        }
    }
    let facts = store
        .facts(&center_id(), &place("main/1"))
        .await
        .unwrap()
        .unwrap();
    let stored = stranger.numbers("SELECT row_version FROM titles").await;
    assert_eq!(facts.row_version.0, stored[0]);
    let changes = store.after(0, 100_000).await.unwrap();
    let newest = changes
        .list
        .iter()
        .rfind(|change| change.record == ChangedRecord::Title);
    assert_eq!(newest.unwrap().row_version, stored[0]);
}

async fn columns(stranger: &mut Stranger, table: &str) -> Vec<String> {
    let sql = match stranger {
        Stranger::Sqlite(_) => format!("SELECT name FROM pragma_table_info('{table}')"),
        Stranger::Postgres(_) => format!(
            "SELECT column_name::TEXT FROM information_schema.columns WHERE table_name = '{table}'"
        ),
    };
    stranger.texts(&sql).await
}

pub(crate) async fn a_failed_change_is_no_change(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let mut reader = Reader::at_the_end(&store).await;
    let mut broken = title(1, "111", "Emma");
    broken
        .attributes
        .push(("genre".to_owned(), "again".to_owned()));
    store.add_title(&broken, moment(8)).await.unwrap_err();
    reader.expect("rolled back", &[]).await;
    let mut stranger = ground.stranger().await;
    stranger.run("BEGIN").await;
    stranger.run("UPDATE centers SET receipt_skew_s = 1").await;
    stranger.run("ROLLBACK").await;
    reader.expect("rolled back", &[]).await;
    stranger.run("BEGIN").await;
    stranger.run("UPDATE centers SET receipt_skew_s = 1").await;
    stranger.run("SAVEPOINT half").await;
    stranger.run("UPDATE retailers SET name = 'x'").await;
    stranger.run("ROLLBACK TO half").await;
    stranger.run("UPDATE centers SET receipt_skew_s = 2").await;
    stranger.run("COMMIT").await;
    let list = reader.read().await.list;
    let kinds: Vec<_> = list.iter().map(|change| change.record).collect();
    assert_eq!(kinds, [ChangedRecord::Center; 2]);
    assert!(store.center(&center_id()).await.unwrap().is_some());
}

pub(crate) async fn old_changes_can_be_removed(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let all = store.after(0, 100).await.unwrap();
    assert!(all.list.len() >= 2 && all.oldest == 1, "{all:?}");
    assert_eq!(store.prune_changes(moment(0)).await.unwrap(), 0);
    let far = moment(i64::MAX);
    assert_eq!(
        store.prune_changes(far).await.unwrap(),
        all.list.len() as u64
    );
    let none = store.after(all.newest, 100).await.unwrap();
    assert_eq!((none.newest, none.oldest), (all.newest, all.newest + 1));
    assert!(none.list.is_empty());
    assert_eq!(store.prune_changes(far).await.unwrap(), 0);
    store
        .update_center(&center_id(), "x", &Default::default(), moment(9))
        .await
        .unwrap();
    let next = store.after(all.newest, 100).await.unwrap();
    assert_eq!(next.list.len(), 1);
    assert!(
        next.newest > all.newest && next.oldest == all.newest + 1,
        "{next:?}"
    );
}

pub(crate) async fn another_epoch_can_be_begun(ground: &Place) {
    let store = ground.store().await;
    let before = store.after(0, 1).await.unwrap().epoch;
    assert_eq!(store.after(0, 1).await.unwrap().epoch, before);
    store.begin_epoch().await.unwrap();
    let after = store.after(0, 1).await.unwrap().epoch;
    assert_ne!(after, before);
    store.close().await;
    let store = ground.store().await;
    assert_eq!(store.after(0, 1).await.unwrap().epoch, after, "it lasts");
    // What triggers cannot list one by one changes the epoch by itself.
    let mut stranger = ground.stranger().await;
    if let Stranger::Postgres(_) = stranger {
        stranger.run("TRUNCATE content_keys").await;
        assert_ne!(store.after(0, 1).await.unwrap().epoch, after);
    }
}

/// Writers whose transactions end in another order than they began; a reader that follows them.
/// On SQLite writers take turns, so there the order can only be kept.
pub(crate) async fn no_change_is_skipped_however_late_it_is_committed(ground: &Place) {
    const WRITERS: i64 = 8;
    const WRITES: i64 = 40;
    let store = ground.store().await;
    store
        .add_center(&crate::samples::center("main"), moment(1))
        .await
        .unwrap();
    for writer in 0..WRITERS {
        let id = format!("shop-{writer}");
        store
            .add_retailer(&retailer(&id), &secret(&format!("{id}.1"), 1), moment(2))
            .await
            .unwrap();
    }
    let mut reader = Reader::at_the_end(&store).await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let mut stranger = ground.stranger().await;
        writers.push(tokio::spawn(async move {
            for write in 0..WRITES {
                stranger
                    .run(if ground_is_file(&stranger) {
                        "BEGIN IMMEDIATE"
                    } else {
                        "BEGIN"
                    })
                    .await;
                let update =
                    format!("UPDATE retailers SET updated_at = {write} WHERE id = 'shop-{writer}'");
                stranger.run(&update).await;
                // Longer or shorter, so that others overtake.
                for _ in 0..(writer * 7 + write * 13) % 23 {
                    stranger.numbers("SELECT CAST(1 AS BIGINT)").await;
                }
                stranger
                    .run(if write % 10 == 9 {
                        "ROLLBACK"
                    } else {
                        "COMMIT"
                    })
                    .await;
            }
        }));
    }
    let mut seen: Vec<(String, i64)> = Vec::new();
    let mut follow = async |reader: &mut Reader| {
        let changes = reader.store.after(reader.position, 7).await.unwrap();
        for change in &changes.list {
            assert!(change.number > reader.position);
            reader.position = change.number;
            seen.push((change.key.clone(), change.row_version));
        }
        !changes.list.is_empty() || changes.unsettled
    };
    while writers.iter().any(|writer| !writer.is_finished()) {
        follow(&mut reader).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    while follow(&mut reader).await {}
    let committed = WRITERS * WRITES / 10 * 9;
    assert_eq!(seen.len() as i64, committed);
    let different: BTreeSet<_> = seen.iter().collect();
    assert_eq!(different.len() as i64, committed, "each once");
    assert!(
        store
            .content_key(&center_id(), &version(1))
            .await
            .unwrap()
            .is_none()
    );
}

fn ground_is_file(stranger: &Stranger) -> bool {
    matches!(stranger, Stranger::Sqlite(_))
}
