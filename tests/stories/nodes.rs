//! The hosts of one installation, as its operator sees them.

use std::fs;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::postgres::PostgresServer;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        yield_now();
    }
}

/// Two machines on one fulfillment database.
struct Machines {
    shop: House,
    office: House,
    secret: String,
    server: Option<PostgresServer>,
}

impl Machines {
    /// On the shop's own file.
    fn on_a_file() -> Self {
        Self::on(None)
    }

    fn on(server: Option<PostgresServer>) -> Self {
        let shop = House::empty();
        let file = |name: &str| format!("sqlite://{}/{name}.db", shop.path().display());
        let fulfillment = match &server {
            Some(server) => server.create("fulfillment"),
            None => file("colophon"),
        };
        let settings = |name: &str| {
            format!(
                "[database]\nfulfillment = \"{fulfillment}\"\nlogging = \"{}\"\n\
                 activation = \"{}\"\n\n[node]\nname = \"{name}\"\nrenew_ms = 200\n",
                file("log"),
                file("activation")
            )
        };
        fs::write(shop.path().join("colophon.toml"), settings("shop")).unwrap();
        succeed(shop.colophon().arg("init"));
        let book = shop.path().join("book.epub");
        fs::write(&book, epub("Far Water", "Ada Writer", 3)).unwrap();
        shop.add_title(&book, "b-1", &["--level", "1"]);
        let secret = shop.add_retailer("bookshop", &[]);
        let office = House::copy_of(&shop);
        fs::write(office.path().join("colophon.toml"), settings("office")).unwrap();
        // Nobody has opened it yet, so that each machine makes one of its own.
        let _absent = fs::remove_file(office.path().join("node.db"));
        Self {
            shop,
            office,
            secret,
            server,
        }
    }

    /// Runs a statement on the fulfillment database, as another program would.
    fn run(&self, sql: &str) {
        if let Some(server) = &self.server {
            return server.run("fulfillment", sql);
        }
        let address = format!(
            "sqlite://{}",
            self.shop.path().join("colophon.db").display()
        );
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut file = SqliteConnection::connect(&address).await.unwrap();
            let sql = AssertSqlSafe(sql.to_owned());
            sqlx::query(sql).execute(&mut file).await.unwrap();
            file.close().await.unwrap();
        });
    }

    /// As if a host had been killed five minutes ago.
    fn five_minutes_later(&self, name: &str) {
        self.run(&format!(
            "UPDATE nodes SET seen_at = seen_at - 300000 WHERE name = '{name}'"
        ));
    }

    fn nodes(&self) -> Nodes {
        Nodes::of(&self.shop)
    }

    fn doctor(&self) -> (bool, String) {
        let out = self.shop.colophon().arg("doctor").output().unwrap();
        let told = String::from_utf8(out.stdout).unwrap();
        let line = told.lines().find(|line| line.contains(" nodes "));
        (out.status.success(), line.unwrap_or_default().to_owned())
    }
}

/// What `colophon node list` tells.
struct Nodes {
    lines: Vec<Value>,
    table: String,
    is_well: bool,
}

impl Nodes {
    fn of(house: &House) -> Self {
        let out = house.colophon().args(["--json", "node", "list"]).output();
        let out = out.unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(matches!(out.status.code(), Some(0 | 3)), "{said}");
        let printed: Value = serde_json::from_slice(&out.stdout).unwrap();
        let table = house.colophon().args(["node", "list"]).output().unwrap();
        Self {
            lines: printed["nodes"].as_array().unwrap().clone(),
            table: String::from_utf8(table.stdout).unwrap(),
            is_well: out.status.success(),
        }
    }

    fn states(&self) -> Vec<(&str, &str)> {
        let lines = self.lines.iter();
        lines
            .map(|node| (text(&node["name"]), text(&node["state"])))
            .collect()
    }

    fn named(&self, name: &str) -> &Value {
        let found = self.lines.iter().find(|node| node["name"] == name);
        found.unwrap()
    }

    fn problems(&self, name: &str) -> Vec<&str> {
        let problems = self.named(name)["problems"].as_array().unwrap().iter();
        problems.map(|one| text(&one["kind"])).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn metric(host: &Host, name: &str) -> f64 {
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8(metrics.body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

fn on_both(test: &str, check: impl Fn(Machines)) {
    check(Machines::on_a_file());
    if let Some(server) = PostgresServer::start(test) {
        check(Machines::on(Some(server)));
    }
}

#[test]
fn hosts_are_known_until_they_are_gone_for_good() {
    on_both("hosts that come and go", |machines| {
        assert!(machines.nodes().table.contains("No host has said yet"));
        assert!(machines.doctor().1.contains("0 are there"));
        let shop = machines.shop.serve(&["--roles", "download"]);
        let office = machines.office.serve(&[]);
        let both = [("office", "serving"), ("shop", "serving")];
        eventually("both are there", || machines.nodes().states() == both);
        let nodes = machines.nodes();
        let line = nodes.named("shop");
        assert_eq!(line["roles"], serde_json::json!(["download"]));
        assert_eq!(line["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(line["address"], format!("http://{}", shop.address()));
        assert!(line["lease_left_ms"].as_u64().unwrap() > 0, "{line}");
        assert_eq!(line["problems"], serde_json::json!([]));
        assert!(
            nodes.is_well && nodes.table.contains("s ago"),
            "{}",
            nodes.table
        );
        let doctor = machines.doctor();
        assert!(doctor.0 && doctor.1.contains("2 are there"), "{doctor:?}");

        // Both follow what is changed, and say how far.
        let applied = |nodes: &Nodes, name: &str| nodes.named(name)["changes"]["applied"].as_i64();
        let before = applied(&nodes, "shop");
        machines.shop.add_retailer("another", &[]);
        eventually("both have followed", || {
            let nodes = machines.nodes();
            let both = (applied(&nodes, "shop"), applied(&nodes, "office"));
            both.0 == both.1 && both.0 > before
        });

        // One is killed, and nobody has heard of it for five minutes.
        office.kill();
        machines.five_minutes_later("office");
        let nodes = machines.nodes();
        assert_eq!(nodes.states(), [("office", "silent"), ("shop", "serving")]);
        assert!(!nodes.is_well);
        assert!(nodes.table.contains("silent for 5 min"), "{}", nodes.table);
        let doctor = machines.doctor();
        assert!(
            !doctor.0 && doctor.1.contains("office (silent for 5 min)"),
            "{doctor:?}"
        );
        let said = fail(
            machines
                .shop
                .colophon()
                .args(["node", "forget", "shop", "--yes"]),
        );
        assert!(said.contains("shop is there"), "{said}");
        let said = fail(machines.shop.colophon().args(["node", "forget", "office"]));
        assert!(said.contains("--yes"), "{said}");
        let forget = ["node", "forget", "office", "--yes"];
        let said = succeed(machines.shop.colophon().args(forget));
        assert!(said.contains("Forgot the node office"), "{said}");
        let said = fail(machines.shop.colophon().args(forget));
        assert!(said.contains("there is no node"), "{said}");
        assert!(machines.nodes().is_well);

        // The other ends as it should.
        assert!(shop.stop());
        let nodes = machines.nodes();
        assert_eq!(nodes.states(), [("shop", "gone")]);
        assert!(
            nodes.is_well && nodes.table.contains("gone since"),
            "{}",
            nodes.table
        );
        assert!(machines.doctor().0);
        let id = nodes.named("shop")["node"].as_str().unwrap().to_owned();
        let forget = ["node", "forget", &id[..8], "--yes"];
        succeed(machines.shop.colophon().args(forget));
        assert_eq!(machines.nodes().lines, Vec::<Value>::new());
    });
}

#[test]
fn a_host_begins_again_under_its_own_identity() {
    let machines = Machines::on_a_file();
    let shop = machines.shop.serve(&[]);
    eventually("it is there", || machines.nodes().lines.len() == 1);
    let first = machines.nodes().named("shop").clone();
    shop.kill();
    let _shop = machines.shop.serve(&[]);
    eventually("another process is there", || {
        machines.nodes().named("shop")["run"] != first["run"]
    });
    let nodes = machines.nodes();
    assert_eq!(nodes.lines.len(), 1);
    assert_eq!(nodes.named("shop")["node"], first["node"]);
    assert!(nodes.is_well, "{}", nodes.table);
    assert!(!machines.shop.log().contains("COL1004"));
}

#[test]
fn a_host_that_does_not_follow_is_named() {
    on_both("a host that lags", |machines| {
        let _office = machines.office.serve(&[]);
        // It reads the changes once, and then never again.
        let _shop = machines.shop.serve(&["--set", "cache.poll_ms=3600000"]);
        eventually("both are there", || machines.nodes().lines.len() == 2);
        machines.shop.add_retailer("another", &[]);
        // As if it had happened a minute ago.
        machines.run("UPDATE change_log SET at = at - 60000");
        eventually("it lags", || {
            machines.nodes().problems("shop") == ["behind", "lease-lost"]
        });
        let nodes = machines.nodes();
        assert!(!nodes.is_well);
        assert_eq!(nodes.problems("office"), [""; 0]);
        let changes = &nodes.named("shop")["changes"];
        assert!(changes["behind"].as_u64().unwrap() > 0, "{changes}");
        assert!(
            changes["behind_ms"].as_i64().unwrap() >= 60_000,
            "{changes}"
        );
        let last = nodes.table.lines().last().unwrap();
        assert!(
            last.starts_with("shop (") && last.contains("changes behind"),
            "{last}"
        );
        let doctor = machines.doctor();
        assert!(
            !doctor.0 && doctor.1.contains("shop (") && !doctor.1.contains("office"),
            "{doctor:?}"
        );
    });
}

#[test]
fn a_copied_identity_is_told_of_on_both_machines() {
    let machines = Machines::on_a_file();
    let shop = machines.shop.serve(&[]);
    // The whole folder, with the node's database in it.
    let copied = House::copy_of(&machines.shop);
    let copy = copied.serve(&["--set", "node.name=copy"]);
    eventually("both are told", || {
        [&machines.shop, &copied]
            .iter()
            .all(|house| house.log().contains("COL1004"))
    });
    let nodes = machines.nodes();
    assert_eq!(nodes.states(), [("copy", "serving"), ("shop", "serving")]);
    assert_eq!(nodes.named("copy")["node"], nodes.named("shop")["node"]);
    for name in ["copy", "shop"] {
        assert_eq!(nodes.problems(name), ["copied"]);
    }
    assert!(!nodes.is_well && !machines.doctor().0);
    assert_eq!(metric(&shop, "colophon_node_copies "), 1.0);
    let id = nodes.named("shop")["node"].clone();
    eventually("the event is in the log", || {
        let events = machines.shop.json(&["log", "events", "--name", "COL1004"]);
        let events = events["events"].as_array().unwrap();
        !events.is_empty() && events.iter().all(|event| event["details"]["node.id"] == id)
    });

    // One of them ends, and all is well.
    assert!(copy.stop());
    eventually("the other is alone", || {
        metric(&shop, "colophon_node_copies ") == 0.0
    });
    assert!(machines.nodes().is_well);
}

#[test]
fn downloads_go_on_where_nobody_can_be_told_of_the_host() {
    on_both("no registry", |machines| {
        let shop = machines.shop.serve(&[]);
        eventually("it is there", || machines.nodes().lines.len() == 1);
        machines.run("ALTER TABLE nodes RENAME TO nodes_away");
        let failed = || metric(&shop, "colophon_node_announcements_failed_total ");
        eventually("nobody hears of it", || failed() >= 2.0);
        for number in 0..5 {
            let receipt = machines
                .shop
                .mint(&machines.secret, "b-1", &format!("t-{number}"), &[]);
            assert_eq!(shop.download(&receipt).status, 200);
        }
        let ready = shop.request("GET", "/readyz", &[], None).unwrap();
        assert_eq!(ready.status, 200);
        machines.run("ALTER TABLE nodes_away RENAME TO nodes");
        machines.five_minutes_later("shop");
        eventually("it is there again", || machines.nodes().is_well);
        // Told once when it begins, and once when it is over.
        let log = machines.shop.log();
        assert_eq!(
            log.matches("cannot be told that this host is there")
                .count(),
            1,
            "{log}"
        );
        assert!(shop.stop());
    });
}

#[test]
fn a_node_that_left_log_rows_behind_is_not_forgotten_without_a_word() {
    let machines = Machines::on_a_file();
    let shop = machines.shop.serve(&[]);
    eventually("it is there", || machines.nodes().lines.len() == 1);
    shop.kill();
    machines.run("UPDATE nodes SET rows_waiting = 12");
    machines.five_minutes_later("shop");
    let forget = ["node", "forget", "shop", "--yes"];
    let out = machines.shop.colophon().args(forget).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(
        out.status.success() && said.contains("12 log rows waited"),
        "{said}"
    );
}
