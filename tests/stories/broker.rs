//! Log rows that go from one machine to another through NATS.

use std::fs;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::nats::{NatsRelease, NatsServer};
use colophon_tests::postgres::PostgresServer;
use sqlx::{Connection as _, SqliteConnection};

const PATIENCE: Duration = Duration::from_secs(60);

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        yield_now();
    }
}

/// Two machines of one center: one that downloads are served on, and one that keeps the log.
struct Machines {
    shop: House,
    office: House,
    secret: String,
}

impl Machines {
    fn new(server: &NatsServer) -> Self {
        Self::logging_at(server, |office| {
            format!("sqlite://{}", office.path().join("log.db").display())
        })
    }

    /// The same with a logging database of their own choice.
    fn logging_at(server: &NatsServer, log: impl FnOnce(&House) -> String) -> Self {
        let shop = House::new();
        let file = shop.path().join("book.epub");
        fs::write(&file, epub("Far Water", "Ada Writer", 3)).unwrap();
        shop.add_title(&file, "b-1", &["--level", "3"]);
        let secret = shop.add_retailer("bookshop", &[]);
        let office = House::copy_of(&shop);
        // Each machine has a node of its own.
        for file in ["node.db", "node.db-wal", "node.db-shm"] {
            let _absent = fs::remove_file(office.path().join(file));
        }
        let log = log(&office);
        for house in [&shop, &office] {
            let settings = format!(
                "[database]\nlogging = \"{log}\"\n\n[nats]\nurl = \"{}\"\nconfirm_ms = 1000\n",
                server.address()
            );
            fs::write(house.path().join("colophon.toml"), settings).unwrap();
        }
        Self {
            shop,
            office,
            secret,
        }
    }

    fn buy(&self, host: &Host, transaction: &str) {
        let more = ["--user-name", "Bea Buyer"];
        let receipt = self.shop.mint(&self.secret, "b-1", transaction, &more);
        let answer = host.download(&receipt);
        assert_eq!((answer.status, answer.complete), (200, true));
    }

    /// The transactions that the office knows of as completed, sorted.
    fn completed(&self) -> Vec<String> {
        let exported = self.office.json(&["log", "export"]);
        let rows = exported["rows"].as_array().unwrap().iter();
        let rows = rows.filter(|row| row["outcome"] == "completed");
        let mut completed: Vec<String> = rows
            .map(|row| row["transaction"].as_str().unwrap().to_owned())
            .collect();
        completed.sort();
        completed
    }
}

/// Whether the host is ready, and whether its broker is.
fn ready(host: &Host) -> (bool, bool) {
    ready_with(host, "log-broker")
}

/// Whether the host is ready, and whether a service is.
fn ready_with(host: &Host, service: &str) -> (bool, bool) {
    let ready = host.request("GET", "/readyz", &[], None).unwrap();
    let answer = ready.json();
    let services = answer["services"].as_array().unwrap();
    let found = services.iter().find(|one| one["service"] == service);
    (ready.status == 200, found.unwrap()["ready"] == true)
}

fn metric(host: &Host, name: &str) -> f64 {
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8(metrics.body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn a_purchase_on_one_machine_is_in_the_log_of_another() {
    for release in [NatsRelease::Debian, NatsRelease::Current] {
        let Some(mut server) = NatsServer::start("log rows through NATS", release) else {
            continue;
        };
        let machines = Machines::new(&server);
        let shop = machines.shop.serve(&["--roles", "download"]);
        machines.buy(&shop, "t-1");
        // No log writer is at work yet.
        eventually("the row is handed over", || {
            metric(&shop, "colophon_nats_published_rows_total ") >= 1.0
        });
        assert_eq!(machines.completed(), [""; 0]);
        let office = machines.office.serve(&["--roles", "fulfillment"]);
        eventually("the row arrives", || machines.completed() == ["t-1"]);
        eventually("it is confirmed", || {
            metric(&shop, "colophon_nats_unconfirmed_rows ") == 0.0
        });
        assert_eq!(ready(&shop), (true, true));

        // Sales go on without the broker, and say so.
        server.kill();
        machines.buy(&shop, "t-2");
        eventually("it is told", || ready(&shop) == (true, false));
        server.wipe();
        server.run();
        eventually("the row arrives", || machines.completed() == ["t-1", "t-2"]);
        eventually("all is well", || ready(&shop) == (true, true));

        assert!(shop.stop());
        assert!(office.stop());
        let doctor = succeed(machines.office.colophon().arg("doctor"));
        assert!(
            doctor.contains("0 log rows wait for a log writer"),
            "{doctor}"
        );
        let events = machines.office.json(&["log", "events"]);
        assert!(events.to_string().contains("log-broker-failed"), "{events}");
        server.kill();
        let doctor = machines.office.colophon().arg("doctor").output().unwrap();
        let doctor = String::from_utf8(doctor.stdout).unwrap();
        assert!(doctor.contains("not connected to the broker"), "{doctor}");
    }
}

#[test]
fn a_host_with_all_roles_needs_no_other() {
    let Some(server) = NatsServer::start("all roles and NATS", NatsRelease::Current) else {
        return;
    };
    let machines = Machines::new(&server);
    let host = machines.shop.serve(&[]);
    for number in 1..=9 {
        machines.buy(&host, &format!("t-{number}"));
    }
    assert!(host.stop());
    assert_eq!(machines.completed().len(), 9);
}

#[test]
fn a_host_that_hands_its_rows_on_is_ready_without_the_logging_database() {
    let name = "ready without the logging database";
    let Some(server) = NatsServer::start(name, NatsRelease::Current) else {
        return;
    };
    let Some(database) = PostgresServer::start(name) else {
        return;
    };
    let machines = Machines::logging_at(&server, |_office| database.create("logging"));
    succeed(machines.office.colophon().arg("migrate"));
    let shop = machines.shop.serve(&["--roles", "download"]);
    let office = machines.office.serve(&["--roles", "fulfillment"]);
    machines.buy(&shop, "t-1");
    eventually("the row arrives", || machines.completed() == ["t-1"]);
    let logging = |host: &Host| ready_with(host, "logging-database");
    assert_eq!(logging(&shop), (true, true));
    assert_eq!(logging(&office), (true, true));
    drop(database);
    eventually("it is told", || logging(&shop) == (true, false));
    machines.buy(&shop, "t-2");
    eventually("who brings the rows is not ready", || {
        logging(&office) == (false, false)
    });
}

#[test]
fn a_log_writer_needs_a_broker() {
    let house = House::new();
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let said = fail(
        house
            .colophon()
            .args(listen)
            .args(["--roles", "fulfillment"]),
    );
    assert!(said.contains("nats.url is not set"), "{said}");
    let token = ["--set", "nats.url=nats://127.0.0.1:9", "--set"];
    let nowhere = format!("nats.token_file={}/nothing", house.path().display());
    let said = fail(house.colophon().args(listen).args(token).arg(&nowhere));
    assert!(said.contains("nothing cannot be used"), "{said}");
}

#[tokio::test]
async fn rows_that_were_set_aside_are_told_and_those_that_may_pass_tried_again() {
    let house = House::new();
    let doctor = || {
        let out = house.colophon().arg("doctor").output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    assert!(!doctor().contains("log rows set aside"));
    let address = format!("sqlite://{}", house.path().join("node.db").display());
    let mut node = SqliteConnection::connect(&address).await.unwrap();
    let rows = "INSERT INTO dead_letters (sequence, event, payload, reason, problem) VALUES \
        (1, randomblob(16), x'00', 'too-large', 'why'), \
        (2, randomblob(16), x'00', 'unreadable', 'why'), \
        (3, randomblob(16), x'00', 'refused', 'why')";
    sqlx::query(rows).execute(&mut node).await.unwrap();
    node.close().await.unwrap();
    let told = doctor();
    assert!(told.contains("1 log rows are larger"), "{told}");
    assert!(told.contains("1 log rows cannot be read"), "{told}");
    assert!(told.contains("1 log rows are refused"), "{told}");
    // The others are in the outbox again, where they turn out to be no rows.
    assert!(house.serve(&[]).stop());
    let told = doctor();
    assert!(told.contains("3 log rows cannot be read"), "{told}");
    assert!(
        !told.contains("are larger") && !told.contains("are refused"),
        "{told}"
    );
}
