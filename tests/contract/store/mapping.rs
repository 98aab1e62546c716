//! A mapping database of somebody else's: read by prepared statements, within bounds, and in no
//! way changed.

use std::collections::BTreeMap;
use std::time::Duration;

use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, SqlRows, SqlStatement, SqlType, SqlValue, StatementText,
};
use colophon_store::database::DatabaseAddress;
use colophon_store::mapping::{GrantedMapping, MappingRefused};

use crate::place::Place;

const BYTES_MAX: usize = 256 << 10;

fn statement(text: &str, parameters: &[SqlType]) -> SqlStatement {
    SqlStatement {
        text: StatementText::parse(text).unwrap(),
        parameters: parameters.to_vec(),
        rows_max: 3,
        time_max: Duration::from_secs(5),
    }
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn text(text: &str) -> SqlValue {
    SqlValue::Text(text.to_owned())
}

/// A catalog as somebody may have it, with four books.
async fn furnish(ground: &Place) {
    if let DatabaseAddress::Sqlite(path) = &ground.fulfillment {
        std::fs::write(path, b"").unwrap();
    }
    let mut stranger = ground.stranger().await;
    let bytes = if ground.is_server() { "BYTEA" } else { "BLOB" };
    let hex = if ground.is_server() {
        "'\\x00ff'"
    } else {
        "x'00ff'"
    };
    stranger
        .run(&format!(
            "CREATE TABLE books (id TEXT PRIMARY KEY, path TEXT, price NUMERIC(10, 2), \
             pages INTEGER, size BIGINT, hidden BOOLEAN, cover {bytes}, weight DOUBLE PRECISION)"
        ))
        .await;
    stranger
        .run(&format!(
            "INSERT INTO books VALUES ('1', 'a/1', 12, 300, 9000000000, FALSE, {hex}, 0.5)"
        ))
        .await;
    for id in ["2", "3", "4"] {
        stranger
            .run(&format!(
                "INSERT INTO books (id, path) VALUES ('{id}', 'a/{id}')"
            ))
            .await;
    }
}

async fn open(
    ground: &Place,
    statements: &[(&str, SqlStatement)],
) -> Result<GrantedMapping, MappingRefused> {
    let statements: BTreeMap<Name, SqlStatement> = statements
        .iter()
        .map(|(key, statement)| (name(key), statement.clone()))
        .collect();
    GrantedMapping::open(&ground.fulfillment, statements).await
}

/// Runs one statement in a furnished place.
async fn run_one(
    ground: &Place,
    statement: SqlStatement,
    parameters: &[SqlValue],
) -> Result<SqlRows, MappingFailure> {
    let database = open(ground, &[("one", statement)]).await.unwrap();
    database.run("one", parameters, BYTES_MAX).await
}

pub(crate) async fn a_statement_finds_rows_in_the_types_of_the_contract(ground: &Place) {
    furnish(ground).await;
    let all = "select id, path, pages, size, hidden, cover from books where id = $1";
    let found = run_one(ground, statement(all, &[SqlType::Text]), &[text("1")])
        .await
        .unwrap();
    assert_eq!(
        found.columns,
        ["id", "path", "pages", "size", "hidden", "cover"]
    );
    let row = vec![
        text("1"),
        text("a/1"),
        SqlValue::Integer(300),
        SqlValue::Integer(9_000_000_000),
        SqlValue::Boolean(false),
        SqlValue::Bytes(vec![0, 255]),
    ];
    assert_eq!(found.rows, [row]);
    assert!(!found.truncated);

    let found = run_one(ground, statement(all, &[SqlType::Text]), &[text("2")])
        .await
        .unwrap();
    assert_eq!(found.rows[0][2..], vec![SqlValue::Null; 4]);

    // What is given is a value and never a piece of the statement.
    for wrong in ["9", "1' or '1' = '1", ""] {
        let found = run_one(ground, statement(all, &[SqlType::Text]), &[text(wrong)]).await;
        let found = found.unwrap();
        assert_eq!(found.rows, Vec::<Vec<SqlValue>>::new());
        assert_eq!(found.columns.len(), 6);
    }
}

pub(crate) async fn parameters_of_every_type_are_compared_as_what_they_are(ground: &Place) {
    furnish(ground).await;
    let cases = [
        ("pages = $1", SqlType::Integer, SqlValue::Integer(300)),
        (
            "size = $1",
            SqlType::Integer,
            SqlValue::Integer(9_000_000_000),
        ),
        ("hidden = $1", SqlType::Boolean, SqlValue::Boolean(false)),
        ("cover = $1", SqlType::Bytes, SqlValue::Bytes(vec![0, 255])),
        (
            "price = $1",
            SqlType::Decimal,
            SqlValue::Decimal("12.00".to_owned()),
        ),
    ];
    for (condition, kind, value) in cases {
        let text = format!("select id from books where {condition} -- the one");
        let database = open(ground, &[("one", statement(&text, &[kind]))])
            .await
            .unwrap();
        let found = database.run("one", &[value], BYTES_MAX).await.unwrap();
        assert_eq!(
            found.rows,
            [[SqlValue::Text("1".to_owned())]],
            "{condition}"
        );
        let nothing = database
            .run("one", &[SqlValue::Null], BYTES_MAX)
            .await
            .unwrap();
        assert!(nothing.rows.is_empty(), "{condition}");
    }
    if ground.is_server() {
        let price = statement(
            "select price, -price * 1000.5 from books where id = '1'",
            &[],
        );
        let found = run_one(ground, price, &[]).await.unwrap();
        let decimal = |text: &str| SqlValue::Decimal(text.to_owned());
        assert_eq!(found.rows, [[decimal("12.00"), decimal("-12006.000")]]);
    }
}

pub(crate) async fn rows_and_bytes_are_counted(ground: &Place) {
    furnish(ground).await;
    let all = statement("select id from books order by id", &[]);
    let database = open(ground, &[("all", all)]).await.unwrap();
    let found = database.run("all", &[], 3).await.unwrap();
    assert_eq!(found.rows, [[text("1")], [text("2")], [text("3")]]);
    assert!(found.truncated);
    let over = database.run("all", &[], 2).await;
    assert!(matches!(over, Err(MappingFailure::TooLarge)), "{over:?}");
    let unknown = database.run("other", &[], BYTES_MAX).await;
    assert!(matches!(unknown, Err(MappingFailure::UnknownStatement)));
    // A connection that was given up half-way is as good as any.
    for _ in 0..20 {
        assert!(database.run("all", &[], 0).await.is_err());
        assert!(database.run("all", &[], BYTES_MAX).await.is_ok());
    }
}

pub(crate) async fn statements_that_do_not_fit_are_refused_when_they_are_prepared(ground: &Place) {
    furnish(ground).await;
    let refused = async |text: &str, parameters: &[SqlType]| {
        let opened = open(ground, &[("bad", statement(text, parameters))]).await;
        opened.err().unwrap_or_else(|| panic!("{text} was taken"))
    };
    for text in [
        "select path from volumes",
        "select colour from books",
        "select from from books",
        "with gone as (delete from books returning id) select id from gone",
        "with new as (insert into books (id) values ('9') returning id) select id from new",
        "select 1) as granted limit 1 offset (select 1 /*",
    ] {
        let refusal = refused(text, &[]).await;
        let MappingRefused::Statement { name, .. } = &refusal else {
            panic!("{text}: {refusal}")
        };
        assert_eq!(name.as_str(), "bad", "{text}");
    }
    let refusal = refused("select id from books where id = $1", &[]).await;
    assert!(
        matches!(
            refusal,
            MappingRefused::Parameters {
                found: 1,
                named: 0,
                ..
            }
        ),
        "{refusal}"
    );
    let unreachable = match &ground.fulfillment {
        DatabaseAddress::Sqlite(path) => format!("sqlite://{}.not", path.display()),
        DatabaseAddress::Postgres(url) => format!("{url}_not"),
    };
    let opened = GrantedMapping::open(&unreachable.parse().unwrap(), BTreeMap::new()).await;
    assert!(matches!(
        opened.err(),
        Some(MappingRefused::Unreachable { .. })
    ));
}

pub(crate) async fn what_no_plug_in_can_be_given_is_named(ground: &Place) {
    furnish(ground).await;
    let weight = statement("select id, weight from books where id = '1'", &[]);
    if ground.is_server() {
        let refusal = open(ground, &[("weight", weight)]).await.err().unwrap();
        let told = refusal.to_string();
        assert!(told.contains("CAST(weight AS TEXT)"), "{told}");
    } else {
        let failure = run_one(ground, weight, &[]).await.unwrap_err();
        let told = failure.to_string();
        assert!(told.contains("weight") && told.contains("REAL"), "{told}");
    }
    let cast = statement(
        "select cast(weight as text) as weight from books where id = '1'",
        &[],
    );
    let found = run_one(ground, cast, &[]).await.unwrap();
    assert_eq!(found.rows, [[text("0.5")]]);
}

pub(crate) async fn nothing_is_written_by_whatever_way(ground: &Place) {
    furnish(ground).await;
    if !ground.is_server() {
        return;
    }
    let mut stranger = ground.stranger().await;
    stranger.run("CREATE SEQUENCE numbers").await;
    let statements = [
        ("next", statement("select nextval('numbers')", &[])),
        (
            "loosen",
            statement(
                "select set_config('default_transaction_read_only', 'off', false), \
                 set_config('statement_timeout', '0', false)",
                &[],
            ),
        ),
        (
            "loosen_now",
            statement(
                "select set_config('transaction_read_only', 'off', true)",
                &[],
            ),
        ),
    ];
    let database = open(ground, &statements).await.unwrap();
    // On every connection of the pool, which keep what was set for them.
    for _ in 0..5 {
        assert!(database.run("loosen", &[], BYTES_MAX).await.is_ok());
        let loosened = database.run("loosen_now", &[], BYTES_MAX).await;
        assert!(loosened.is_err(), "{loosened:?}");
        let next = database.run("next", &[], BYTES_MAX).await;
        assert!(
            matches!(next, Err(MappingFailure::Unavailable(_))),
            "{next:?}"
        );
    }
    let last = stranger.numbers("SELECT last_value FROM numbers").await;
    assert_eq!(last, [1]);
}

pub(crate) async fn a_statement_that_does_not_end_is_ended(ground: &Place) {
    furnish(ground).await;
    let endless = SqlStatement {
        time_max: Duration::from_millis(100),
        ..statement(
            "with recursive c(n) as (select 1 union all select n % 7 + 1 from c) \
             select count(*) from c",
            &[],
        )
    };
    let all = statement("select id from books", &[]);
    let database = open(ground, &[("endless", endless), ("all", all)])
        .await
        .unwrap();
    for _ in 0..3 {
        let begun = std::time::Instant::now();
        let ended = database.run("endless", &[], BYTES_MAX).await;
        assert!(matches!(ended, Err(MappingFailure::Timeout)), "{ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_eq!(
            database
                .run("all", &[], BYTES_MAX)
                .await
                .unwrap()
                .rows
                .len(),
            3
        );
    }
}

pub(crate) async fn a_hosts_own_database_is_no_mapping_database(ground: &Place) {
    ground.store().await.close().await;
    let refusal = open(ground, &[]).await.err().unwrap();
    assert!(
        matches!(refusal, MappingRefused::HostsOwn { .. }),
        "{refusal}"
    );
}
