//! Bringing databases to the program's schema.

use std::os::unix::fs::PermissionsExt;

use colophon_store::database::DatabaseAddress;
use colophon_store::migration::{Schema, SchemaRefused};
use colophon_store::store::Databases;

use crate::place::{Place, moment, secrets};
use crate::samples::furnish;

/// Migrations of the fulfillment database there are.
const FULFILLMENT: u8 = 12;

/// The number of the last of them, and of the one before.
const LAST: i64 = 14;
const BEFORE: i64 = 13;

pub(crate) async fn a_database_is_migrated_once(ground: &Place) {
    let databases = ground.databases().await;
    for status in databases.status().await.unwrap() {
        assert!(
            status.applied.is_empty() && !status.pending.is_empty(),
            "{status:?}"
        );
    }
    let [fulfillment, logging] = databases.migrate(moment(5)).await.unwrap();
    assert_eq!(
        (fulfillment.schema, logging.schema),
        (Schema::Fulfillment, Schema::Logging)
    );
    assert_eq!(fulfillment.applied[0], (1, "0001_changes".to_owned()));
    assert_eq!(fulfillment.applied.len(), usize::from(FULFILLMENT));
    assert_eq!(
        (fulfillment.copy, logging.copy),
        (None, None),
        "there was nothing to copy"
    );
    for done in databases.migrate(moment(6)).await.unwrap() {
        assert!(done.applied.is_empty() && done.copy.is_none(), "{done:?}");
    }
    for status in databases.status().await.unwrap() {
        assert!(status.pending.is_empty(), "{status:?}");
    }
    let store = databases.into_store(secrets(7)).await.unwrap();
    furnish(&store).await;
}

pub(crate) async fn several_programs_may_migrate_at_once(ground: &Place) {
    let programs: Vec<_> = (0..4)
        .map(|_| {
            let (fulfillment, logging) = (ground.fulfillment.clone(), ground.logging.clone());
            tokio::spawn(async move {
                let databases = Databases::open(&fulfillment, &logging).await.unwrap();
                databases.migrate(moment(5)).await.unwrap();
                databases.into_store(secrets(7)).await.unwrap()
            })
        })
        .collect();
    for program in programs {
        let store = program.await.unwrap();
        assert!(store.list_centers().await.unwrap().is_empty());
    }
}

pub(crate) async fn an_older_database_names_the_command(ground: &Place) {
    let refused = ground
        .databases()
        .await
        .into_store(secrets(7))
        .await
        .err()
        .unwrap();
    assert!(matches!(
        refused,
        SchemaRefused::Older {
            schema: Schema::Fulfillment,
            count
        } if count == usize::from(FULFILLMENT)
    ));
    assert!(
        refused.to_string().contains("run `colophon migrate`"),
        "{refused}"
    );
}

pub(crate) async fn a_newer_database_is_refused(ground: &Place) {
    ground.databases().await.migrate(moment(5)).await.unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run(
            "INSERT INTO fulfillment_migrations \
             (version, description, success, checksum, execution_time) \
             SELECT 99, 'later', success, checksum, 0 FROM fulfillment_migrations WHERE version = 1",
        )
        .await;
    let databases = ground.databases().await;
    let refused = databases.migrate(moment(6)).await.err().unwrap();
    let SchemaRefused::Newer {
        schema,
        found,
        known,
        copy,
    } = &refused
    else {
        panic!("{refused}")
    };
    assert_eq!(
        (*schema, *found, *known, copy),
        (Schema::Fulfillment, 99, LAST, &None)
    );
    assert!(
        refused.to_string().contains("start the Colophon release"),
        "{refused}"
    );
    assert!(databases.into_store(secrets(7)).await.is_err());
}

pub(crate) async fn an_altered_migration_is_refused(ground: &Place) {
    ground.databases().await.migrate(moment(5)).await.unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run(
            "UPDATE fulfillment_migrations SET checksum = \
             (SELECT checksum FROM fulfillment_migrations WHERE version = 2) WHERE version = 1",
        )
        .await;
    let refused = ground
        .databases()
        .await
        .migrate(moment(6))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, SchemaRefused::Altered { version: 1, .. }),
        "{refused}"
    );
}

/// Takes the last migration of a file back, as far as the list of those applied goes.
async fn one_behind(ground: &Place) {
    let mut stranger = ground.stranger().await;
    stranger.run("DROP TABLE nodes").await;
    stranger.run("DROP VIEW database_clock").await;
    stranger
        .run(&format!(
            "DELETE FROM fulfillment_migrations WHERE version = {LAST}"
        ))
        .await;
}

#[tokio::test]
async fn a_file_that_holds_anything_is_copied_first() {
    for ground in [Place::file(), Place::files()] {
        let store = ground.store().await;
        furnish(&store).await;
        store.close().await;
        one_behind(&ground).await;
        let databases = ground.databases().await;
        let [done, logging] = databases.migrate(moment(777)).await.unwrap();
        assert_eq!(done.applied, [(LAST, "0014_nodes".to_owned())]);
        assert_eq!(logging.copy, None);
        let copy = done.copy.unwrap();
        let DatabaseAddress::Sqlite(file) = &ground.fulfillment else {
            panic!("a file")
        };
        let name = file.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            copy.file_name().unwrap().to_str().unwrap(),
            format!("{name}.before-fulfillment-{BEFORE}-777")
        );
        for path in [&copy, file] {
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        // The copy is whole: it can be migrated and read itself.
        let restored: DatabaseAddress = crate::place::address(&copy);
        let databases = Databases::open(&restored, &ground.logging).await.unwrap();
        databases.migrate(moment(778)).await.unwrap();
        let store = databases.into_store(secrets(7)).await.unwrap();
        assert_eq!(store.list_centers().await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_newer_file_names_the_copy_to_go_back_to() {
    let ground = Place::file();
    ground.store().await.close().await;
    one_behind(&ground).await;
    let copy = ground.databases().await.migrate(moment(777)).await.unwrap()[0]
        .copy
        .clone()
        .unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run("UPDATE fulfillment_migrations SET version = 99 WHERE version = 5")
        .await;
    let refused = ground
        .databases()
        .await
        .migrate(moment(778))
        .await
        .err()
        .unwrap();
    assert!(
        refused.to_string().contains(&copy.display().to_string()),
        "{refused}"
    );
}

#[tokio::test]
async fn a_copy_that_cannot_be_made_stops_the_migration() {
    let ground = Place::file();
    ground.store().await.close().await;
    one_behind(&ground).await;
    let DatabaseAddress::Sqlite(file) = &ground.fulfillment else {
        panic!("a file")
    };
    let in_the_way = format!("{}.before-fulfillment-{BEFORE}-777", file.display());
    std::fs::write(&in_the_way, "something else").unwrap();
    let databases = ground.databases().await;
    let refused = databases.migrate(moment(777)).await.err().unwrap();
    assert!(
        matches!(refused, SchemaRefused::NotCopied { .. }),
        "{refused}"
    );
    assert_eq!(std::fs::read(&in_the_way).unwrap(), b"something else");
    assert_eq!(databases.status().await.unwrap()[0].pending.len(), 1);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unreachable_without_its_password() {
    let nowhere: DatabaseAddress = "postgres://u:canary@127.0.0.1:9/x".parse().unwrap();
    let databases = Databases::open(&nowhere, &nowhere).await.unwrap();
    let refused = databases.status().await.err().unwrap();
    assert!(
        matches!(refused, SchemaRefused::Unreachable { .. }),
        "{refused}"
    );
    assert!(
        !format!("{refused:?} {refused}").contains("canary"),
        "{refused:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let nowhere = crate::place::address(&folder.path().join("missing/x.db"));
    assert!(Databases::open(&nowhere, &nowhere).await.is_err());
}
