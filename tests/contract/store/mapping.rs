//! A mapping database of somebody else's: read by prepared statements, within bounds, and in no
//! way changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::{
    MappingDatabase, MappingFailure, Name, SqlRows, SqlStatement, SqlType, SqlValue, StatementText,
};
use colophon_store::database::DatabaseAddress;
use colophon_store::mapping::{GrantedMapping, MappingRefused, StatementTurns};

use crate::place::{Place, Stranger};

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
    open_beside(ground, statements, Arc::default()).await
}

/// The same for a version whose plug-in has other versions under way.
async fn open_beside(
    ground: &Place,
    statements: BTreeMap<Name, SqlStatement>,
    turns: Arc<StatementTurns>,
) -> Result<GrantedMapping, MappingRefused> {
    GrantedMapping::open(&ground.fulfillment, statements, turns).await
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
    // Every value counts for 16 bytes, whatever it holds.
    let found = database.run("all", &[], 3 * 17).await.unwrap();
    assert_eq!(found.rows, [[text("1")], [text("2")], [text("3")]]);
    assert!(found.truncated);
    let over = database.run("all", &[], 3 * 17 - 1).await;
    assert!(matches!(over, Err(MappingFailure::TooLarge)), "{over:?}");
    let unknown = database.run("other", &[], BYTES_MAX).await;
    assert!(matches!(unknown, Err(MappingFailure::UnknownStatement)));
    // A connection that was given up half-way is as good as any.
    for _ in 0..20 {
        assert!(database.run("all", &[], 0).await.is_err());
        assert!(database.run("all", &[], BYTES_MAX).await.is_ok());
    }
}

pub(crate) async fn rows_come_in_the_statements_order_and_the_last_are_left_out(ground: &Place) {
    const ROWS: i64 = 500;
    furnish(ground).await;
    let mut stranger = ground.stranger().await;
    // No two of them have as many pages, and they are entered in another order.
    let many = format!(
        "INSERT INTO books (id, pages) WITH RECURSIVE n (i) AS \
         (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         SELECT 'r' || i, (i * 7919) % 503 FROM n"
    );
    stranger.run(&many).await;
    let mut entered: Vec<(i64, i64)> = (1..=ROWS).map(|i| (i * 7919 % 503, i)).collect();
    entered.sort_unstable();
    let row = |(pages, i): &(i64, i64)| vec![text(&format!("r{i}")), SqlValue::Integer(*pages)];
    let fewest: Vec<_> = entered.iter().take(3).map(row).collect();
    let most: Vec<_> = entered.iter().rev().take(3).map(row).collect();
    for (order, expected) in [("pages", fewest), ("pages desc", most)] {
        let ordered = format!("select id, pages from books where id like 'r%' order by {order}");
        let found = run_one(ground, statement(&ordered, &[]), &[])
            .await
            .unwrap();
        assert_eq!(found.rows, expected, "{order}");
        assert!(found.truncated);
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
        // What would end the statement around it, and hide the rest of that.
        "select 1) as granted limit 1 offset (select 1 /*",
        "select 1) select 1 as c1, 0 as size /*",
        "select 1) select id as c1, 0 as size from books --",
        "select id from books /*",
        "select id from books '",
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
    // Parameters that nobody would give a value.
    for text in [
        "select id from books where id = ?",
        "select id from books where id = :id",
        "select id from books where id = :id and path <> '$1'",
        "select id from books where id = @id or path = '$1'",
    ] {
        let refusal = refused(text, &[SqlType::Text]).await;
        assert!(
            matches!(
                refusal,
                MappingRefused::Parameters { .. } | MappingRefused::Statement { .. }
            ),
            "{text}: {refusal}"
        );
    }
    let wide = format!("select {}", vec!["id"; 65].join(", ") + " from books");
    let refusal = refused(&wide, &[]).await;
    assert!(
        matches!(refusal, MappingRefused::Columns { found: 65, .. }),
        "{refusal}"
    );
    let unreachable = match &ground.fulfillment {
        DatabaseAddress::Sqlite(path) => format!("sqlite://{}.not", path.display()),
        DatabaseAddress::Postgres(url) => format!("{url}_not"),
    };
    let opened = GrantedMapping::open(
        &unreachable.parse().unwrap(),
        BTreeMap::new(),
        Arc::default(),
    )
    .await;
    assert!(matches!(
        opened.err(),
        Some(MappingRefused::Unreachable { .. })
    ));
}

/// As many letters, made by the database.
fn letters(ground: &Place, count: usize) -> String {
    if ground.is_server() {
        format!("repeat('x', {count})")
    } else {
        format!("replace(hex(zeroblob({})), '0', 'x')", count / 2)
    }
}

pub(crate) async fn values_that_are_too_large_never_arrive(ground: &Place) {
    furnish(ground).await;
    let count = |count| letters(ground, count);
    let fits = format!("select {} as a, {} as b", count(100_000), count(100_000));
    let found = run_one(ground, statement(&fits, &[]), &[]).await.unwrap();
    assert_eq!(found.rows[0][1], text(&"x".repeat(100_000)));
    let mut over = vec![
        format!("{fits}, {} as c", count(100_000)),
        format!("select {} as a", count(270_000)),
    ];
    if !ground.is_server() {
        // Far more than a host has room for, if it were made. A server's memory is its own.
        over.push(format!("select {} as a", count(900_000_000)));
        over.push(format!(
            "select length({0} || {0}) as a",
            count(900_000_000)
        ));
    }
    for over in over {
        let failed = run_one(ground, statement(&over, &[]), &[]).await;
        assert!(
            matches!(failed, Err(MappingFailure::TooLarge)),
            "{over}: {failed:?}"
        );
    }
    // Rows that are small by themselves count together.
    let many = format!("select {} as a from books", count(100_000));
    let failed = run_one(ground, statement(&many, &[]), &[]).await;
    assert!(
        matches!(failed, Err(MappingFailure::TooLarge)),
        "{failed:?}"
    );
    // Two columns of one name are two columns.
    let twice = statement("select id, id from books where id = '1'", &[]);
    let found = run_one(ground, twice, &[]).await.unwrap();
    assert_eq!(found.columns, ["id", "id"]);
    assert_eq!(found.rows, [[text("1"), text("1")]]);
}

pub(crate) async fn values_that_do_not_fit_are_not_the_databases_fault(ground: &Place) {
    furnish(ground).await;
    let unfit: &[(&str, SqlType, SqlValue)] = if ground.is_server() {
        &[
            (
                "select cast($1 as integer) as n",
                SqlType::Text,
                text("no number"),
            ),
            ("select 1 / $1 as n", SqlType::Integer, SqlValue::Integer(0)),
            (
                "select id from books where pages = cast($1 as integer)",
                SqlType::Integer,
                SqlValue::Integer(i64::MAX),
            ),
            (
                "select substring('abc', 1, cast($1 as integer)) as n",
                SqlType::Integer,
                SqlValue::Integer(-1),
            ),
        ]
    } else {
        &[
            (
                "select abs($1) as n",
                SqlType::Integer,
                SqlValue::Integer(i64::MIN),
            ),
            ("select json($1) as n", SqlType::Text, text("no {json")),
        ]
    };
    for (sql, kind, value) in unfit {
        let database = open(ground, &[("one", statement(sql, &[*kind]))])
            .await
            .unwrap();
        // The connection is none the worse for it.
        for _ in 0..5 {
            let failed = database
                .run("one", std::slice::from_ref(value), BYTES_MAX)
                .await;
            assert!(
                matches!(failed, Err(MappingFailure::Unfit { .. })),
                "{sql}: {failed:?}"
            );
        }
        assert!(
            database
                .run("one", &[SqlValue::Null], BYTES_MAX)
                .await
                .is_ok()
        );
    }
    // A schema that is another one since is.
    let all = statement("select id from books", &[]);
    let database = open(ground, &[("all", all)]).await.unwrap();
    ground.stranger().await.run("DROP TABLE books").await;
    let failed = database.run("all", &[], BYTES_MAX).await;
    assert!(
        matches!(failed, Err(MappingFailure::Unavailable(_))),
        "{failed:?}"
    );
}

pub(crate) async fn a_user_who_may_do_more_than_read_is_refused(ground: &Place) {
    let DatabaseAddress::Postgres(url) = &ground.fulfillment else {
        return;
    };
    furnish(ground).await;
    let as_user = |user: &str| -> DatabaseAddress {
        let rest = url.split_once('@').unwrap().1;
        format!("postgres://{user}@{rest}").parse().unwrap()
    };
    let mut admin = Stranger::connect(&as_user("admin")).await;
    for (user, role) in [
        ("mapping_files", "pg_read_server_files"),
        ("mapping_writes", "pg_write_server_files"),
        ("mapping_runs", "pg_execute_server_program"),
        ("mapping_climbs", "admin"),
    ] {
        admin
            .run(&format!("CREATE ROLE {user} LOGIN IN ROLE {role}"))
            .await;
        let refusal = GrantedMapping::open(&as_user(user), BTreeMap::new(), Arc::default())
            .await
            .err();
        assert!(
            matches!(&refusal, Some(MappingRefused::Mighty { role: named, .. }) if named == role),
            "{user}: {refusal:?}"
        );
    }
    let refusal = GrantedMapping::open(&as_user("admin"), BTreeMap::new(), Arc::default())
        .await
        .err();
    assert!(matches!(refusal, Some(MappingRefused::Mighty { .. })));

    admin.run("CREATE ROLE mapping_reads LOGIN").await;
    admin.run("GRANT SELECT ON books TO mapping_reads").await;
    let all = statement("select id from books", &[]);
    let statements = BTreeMap::from([(name("all"), all)]);
    let database = GrantedMapping::open(&as_user("mapping_reads"), statements, Arc::default())
        .await
        .unwrap();
    assert!(database.run("all", &[], BYTES_MAX).await.is_ok());
}

pub(crate) async fn a_lock_does_not_outlive_its_statement(ground: &Place) {
    if !ground.is_server() {
        return;
    }
    furnish(ground).await;
    let lock = statement("select pg_try_advisory_lock(42) as held", &[]);
    let set = statement(
        "select set_config('application_name', 'mine', false) as name",
        &[],
    );
    let now = statement("select current_setting('application_name') as name", &[]);
    let database = open(ground, &[("lock", lock), ("set", set), ("now", now)])
        .await
        .unwrap();
    let mut stranger = ground.stranger().await;
    for _ in 0..5 {
        assert!(database.run("lock", &[], BYTES_MAX).await.is_ok());
        assert!(database.run("set", &[], BYTES_MAX).await.is_ok());
        let found = database.run("now", &[], BYTES_MAX).await.unwrap();
        assert_eq!(found.rows, [[text("colophon plug-in")]]);
    }
    // Connections go back when nobody waits any more; asking again outlasts that.
    let mut free = false;
    for _ in 0..200 {
        let taken = "SELECT CAST(CASE WHEN pg_try_advisory_lock(42) THEN 1 ELSE 0 END AS BIGINT)";
        free = stranger.numbers(taken).await == [1];
        if free {
            break;
        }
    }
    assert!(free, "the lock is still held");
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

pub(crate) async fn versions_of_a_plug_in_run_no_more_statements_than_one(ground: &Place) {
    furnish(ground).await;
    let turns: Arc<StatementTurns> = Arc::default();
    let all = statement("select id from books", &[]);
    let statements = || BTreeMap::from([(name("all"), all.clone())]);
    let mut versions = Vec::new();
    for _ in 0..2 {
        let opened = open_beside(ground, statements(), Arc::clone(&turns)).await;
        versions.push(opened.unwrap());
    }
    // As many statements as the plug-in may have under way, whichever version runs them.
    let mut under_way = Vec::new();
    for _ in 0..4 {
        under_way.push(turns.next().await.unwrap());
    }
    for version in &versions {
        let waiting = version.run("all", &[], BYTES_MAX);
        let waited = tokio::time::timeout(Duration::from_millis(50), waiting).await;
        assert!(waited.is_err(), "a fifth statement ran");
    }
    under_way.pop();
    for version in &versions {
        let found = version.run("all", &[], BYTES_MAX).await.unwrap();
        assert_eq!(found.rows.len(), 3);
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
