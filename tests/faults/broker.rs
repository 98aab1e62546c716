//! A host that hands its log rows to a broker is killed under load.

use std::thread::yield_now;
use std::time::{Duration, Instant};

use colophon_tests::colophon::House;
use colophon_tests::nats::{NatsRelease, NatsServer};

use crate::crash::{Load, logged};

const CYCLES: usize = 6;
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn kills_under_load_lose_nothing_on_the_way_through_a_broker() {
    let Some(mut server) = NatsServer::start("kills and a broker", NatsRelease::Current) else {
        return;
    };
    let shop = House::new();
    let load = Load::on(&shop);
    let office = House::copy_of(&shop);
    let url = format!("nats.url={}", server.address());
    let log = format!(
        "database.logging=sqlite://{}/log.db",
        office.path().display()
    );
    let node = format!("database.node=sqlite://{}/shop.db", shop.path().display());
    let both = [
        "--set",
        &url,
        "--set",
        &log,
        "--set",
        "nats.confirm_ms=1000",
    ];
    let with = |more: &[&'static str]| [&both[..], more].concat();
    let _writer = office.serve(&with(&["--roles", "fulfillment"]));
    let mut downloads = with(&["--roles", "download"]);
    downloads.extend(["--set", &node]);
    for cycle in 0..CYCLES {
        load.until_killed(shop.serve(&downloads), cycle);
        if cycle % 2 == 0 {
            server.kill();
            server.run();
        }
    }
    let _host = shop.serve(&downloads);
    let begun = Instant::now();
    let has_all = || {
        let logged = logged(&office);
        let finished = load.finished.lock().unwrap();
        finished.iter().all(|one| logged.contains_key(one))
    };
    while !has_all() {
        assert!(begun.elapsed() < PATIENCE, "rows are missing");
        yield_now();
    }
    load.check(&logged(&office), CYCLES);
}
