//! Stored values that are not what was written.

use colophon_core::capability::{Name, PluginValues, ValueOwner, ValuePlace};
use colophon_core::ports::{Catalog, Centers, Service};
use colophon_receipt::RetailerId;
use colophon_store::failure::ReadError;
use colophon_store::health::Problem;
use colophon_store::log::{KnownOf, PersonName};

use crate::log::append;
use crate::place::{Place, Stranger, moment};
use crate::plugins::furnish_with_a_plugin;
use crate::plugins::questions::keep_a_question;
use crate::samples::{
    center, center_id, download, furnish, place, retailer, secret, title, version,
};

pub(crate) async fn a_value_moved_to_another_row_does_not_open(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    store.add_center(&center("other"), moment(1)).await.unwrap();
    store
        .add_retailer(&retailer("rival"), &secret("rival.1", 2), moment(1))
        .await
        .unwrap();
    store
        .add_title(&title(1, "111", "Emma"), moment(1))
        .await
        .unwrap();
    store
        .add_title(&title(2, "222", "Other"), moment(1))
        .await
        .unwrap();
    assert_eq!(store.check_integrity().await.unwrap(), []);

    let mut stranger = ground.stranger().await;
    // A rival's secret in the shop's place would let the rival mint the shop's receipts.
    for (table, column, row) in [
        ("retailer_keys", "secret", "retailer = 'rival'"),
        ("centers", "copy_key", "id = 'other'"),
        ("content_keys", "key", first_of_two(&stranger)),
    ] {
        let source = format!("(SELECT {column} FROM {table} WHERE {row})");
        stranger
            .run(&format!(
                "UPDATE {table} SET {column} = {source} WHERE NOT ({row})"
            ))
            .await;
    }
    let kid = "shop.1".parse().unwrap();
    let error = store
        .find_retailer_key(&center_id(), &kid)
        .await
        .err()
        .unwrap();
    let ReadError::Damaged(damaged) = error else {
        panic!("{error:?}")
    };
    assert_eq!((damaged.table, damaged.column), ("retailer_keys", "secret"));
    let error = store.center(&center_id()).await.err().unwrap();
    assert_eq!(error.service, Service::FulfillmentDatabase);
    assert!(store.content_key(&center_id(), &version(5)).await.is_err());
    assert!(store.content_key(&center_id(), &version(3)).await.is_ok());
    let problems = store.check_integrity().await.unwrap();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.text.starts_with("1 of 2 values"))
    );

    stranger
        .run("UPDATE titles SET authors = 'no list' WHERE book_id = '111'")
        .await;
    assert!(store.facts(&center_id(), &place("main/1")).await.is_err());
    assert!(store.facts(&center_id(), &place("main/2")).await.is_ok());
}

/// The content key of the first title, in the engine's own way to write bytes.
fn first_of_two(stranger: &Stranger) -> &'static str {
    match stranger {
        Stranger::Sqlite(_) => "version = x'03030303030303030303030303030303'",
        Stranger::Postgres(_) => r"version = '\x03030303030303030303030303030303'",
    }
}

pub(crate) async fn a_wrong_master_key_is_told_from_damage(ground: &Place) {
    let store = ground.store_under(7).await;
    furnish(&store).await;
    store
        .add_title(&title(1, "111", "Emma"), moment(1))
        .await
        .unwrap();
    furnish_with_a_plugin(&store).await;
    keep_a_question(&store).await;
    let owner = ValueOwner {
        center: center_id(),
        plugin: Name::parse("acme").unwrap(),
    };
    let place = ValuePlace {
        owner: &owner,
        key: "k",
        quota_bytes: 100,
    };
    store.put(place, b"value").await.unwrap();
    assert_eq!(store.check_integrity().await.unwrap(), []);
    store.close().await;
    let store = ground.store_under(8).await;
    let problems = store.check_integrity().await.unwrap();
    for column in [
        "centers.copy_key",
        "retailer_keys.secret",
        "content_keys.key",
        "plugins.grant_text",
        "plugin_versions.grant_text",
        "plugin_vectors.input",
        "plugin_values.value",
    ] {
        let told = |problem: &Problem| problem.text.contains(column);
        assert!(problems.iter().any(told), "{column}: {problems:?}");
    }
    assert_eq!(problems.len(), 7, "{problems:?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.text.contains("master key")),
        "{problems:?}"
    );
    assert!(store.center(&center_id()).await.is_err());
}

pub(crate) async fn an_encrypted_form_without_a_key_is_found(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let mut keyless = title(1, "111", "Emma");
    keyless.kept.keys.clear();
    store.add_title(&keyless, moment(1)).await.unwrap();
    let [problem] = store.check_integrity().await.unwrap().try_into().unwrap();
    assert!(problem.text.contains("no content key"), "{problem:?}");
    let counts = store.count_records().await.unwrap();
    assert_eq!((counts.centers, counts.retailers, counts.titles), (1, 1, 1));
    assert!(counts.changes > 3);
    let mut stranger = ground.stranger().await;
    if let Stranger::Sqlite(_) = stranger {
        stranger.run("DELETE FROM titles").await;
        let problems = store.check_integrity().await.unwrap();
        assert!(
            problems
                .iter()
                .any(|problem| problem.text.contains("title_forms")),
            "{problems:?}"
        );
    }
}

/// Whether a buyer stands in such a row nobody knows, and whoever erases the buyer is told so.
pub(crate) async fn rows_that_nobody_can_read_are_told_of_who_is_to_be_erased(ground: &Place) {
    let store = ground.store().await;
    let bought = |number: u32, customer: &str| {
        let mut record = download(number, &format!("order-{number}"));
        if let Some(claims) = &mut record.claims {
            claims.customer_id = Some(customer.parse().unwrap());
        }
        (i64::from(number), record)
    };
    append(&store, [bought(1, "ada"), bought(2, "bob")]).await;
    let shop = RetailerId::try_from("shop").unwrap();
    let eve = PersonName::Customer("eve".parse().unwrap());
    let known = store.known_of(&center_id(), &shop, &eve).await.unwrap();
    assert_eq!(known, KnownOf::default());
    let mut stranger = ground.log_stranger().await;
    stranger
        .run(
            "UPDATE downloads SET personal = \
             (SELECT personal FROM downloads WHERE sale = 'order-1') WHERE sale = 'order-2'",
        )
        .await;
    let known = store.known_of(&center_id(), &shop, &eve).await.unwrap();
    assert_eq!(known.unreadable_rows, 1);
    // The buyer's own rows go without being read.
    let bob = PersonName::Customer("bob".parse().unwrap());
    let known = store.known_of(&center_id(), &shop, &bob).await.unwrap();
    assert_eq!((known.rows, known.unreadable_rows), (1, 0));
}
