//! Centers beside one whose versions are slow or broken.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Instant;

use colophon_tests::guest::{naming, naming_slow_to_compile, trapping_naming, trapping_policy};

use super::{PATIENCE, Shop, add_center, download_at, file_name, manifest, until_named};

/// Waits until the log says something, while the center goes on to be served.
fn until_told(shop: &Shop, text: &str) {
    let begun = Instant::now();
    while !shop.house.log().contains(text) {
        assert!(begun.elapsed() < PATIENCE, "{text}: {}", shop.house.log());
        std::thread::yield_now();
    }
}

/// Puts other bytes in the place of a version's component.
fn damage(shop: &Shop, version: &str) {
    let database = shop.house.path().join("colophon.db");
    let changed = tokio::runtime::Runtime::new().unwrap().block_on(async {
        use sqlx::Connection as _;
        let address = format!("sqlite://{}", database.display());
        let mut connection = sqlx::SqliteConnection::connect(&address).await.unwrap();
        let update = sqlx::query("UPDATE plugin_components SET component = $1 WHERE version = $2");
        let done = update.bind(&b"rubbish"[..]).bind(version);
        done.execute(&mut connection).await.unwrap().rows_affected()
    });
    assert_eq!(changed, 1);
}

#[test]
fn a_center_does_not_notice_what_another_one_publishes() {
    let shop = Shop::open();
    let north = add_center(&shop, "north");
    let at_north = |transaction: &str| {
        let house = &shop.house;
        house.mint(&north, "b-1", transaction, &["--center", "north"])
    };
    // How long the machine takes for a call while it compiles beside it is not the matter here.
    let patient = "[limits]\ntime_ms = 10000\n";
    let grant = shop.house.path().join("grant.toml");
    std::fs::write(&grant, format!("plugin = \"names\"\n{patient}")).unwrap();
    shop.plugin(&["grant", grant.to_str().unwrap(), "--center", "north"]);
    let written = manifest("names", "n", "naming") + patient;
    let folder = shop.write(&naming("northern"), &written);
    let folder = folder.to_str().unwrap();
    shop.plugin(&["publish", folder, "--without-cases", "--center", "north"]);
    shop.plugin(&["promote", "names", "--center", "north"]);
    shop.publish(&naming("one"), &manifest("names", "1", "naming"));
    shop.plugin(&["promote", "names", "1"]);
    // With a folder of its own the host finds no code that the commands have made.
    let code = shop.house.path().join("code-of-the-host");
    let code = format!("plugins.compiled={}", code.display());
    let host = shop.house.serve(&["--set", &code]);
    let receipts: Vec<String> = (0..2).map(|n| at_north(&format!("t-{n}"))).collect();
    let own = shop.receipt("t-0");
    until_named(&host, &shop.house, &own, "one");
    let stop = AtomicBool::new(false);
    let (host, stop) = (&host, &stop);
    std::thread::scope(|scope| {
        let downloading = receipts.iter().map(|receipt| {
            scope.spawn(move || {
                let mut count = 0_u32;
                while !stop.load(SeqCst) {
                    let answer = download_at(host, "north", receipt);
                    assert_eq!(answer.status, 200);
                    assert!(answer.complete);
                    assert!(file_name(&answer).contains("northern"));
                    count += 1;
                }
                count
            })
        });
        let downloading: Vec<_> = downloading.collect();
        let slow = naming_slow_to_compile("two");
        shop.publish(&slow, &manifest("names", "2", "naming"));
        shop.plugin(&["promote", "names", "2"]);
        until_named(host, &shop.house, &own, "two");
        // One that traps whenever it is asked.
        shop.publish(&trapping_naming(), &manifest("names", "3", "naming"));
        shop.plugin(&["promote", "names", "3", "--without-shadow"]);
        until_named(host, &shop.house, &own, "Emma");
        // One that cannot be loaded, after one that could.
        shop.publish(&naming("four"), &manifest("names", "4", "naming"));
        damage(&shop, "4");
        shop.plugin(&["promote", "names", "4", "--without-shadow"]);
        until_told(&shop, "the digest differs");
        // A center that is closed, for its policy was never there.
        shop.publish(&trapping_policy(), &manifest("rules", "5", "policy"));
        damage(&shop, "5");
        shop.plugin(&["promote", "rules", "5", "--without-shadow"]);
        until_told(&shop, "downloads are refused until it can");
        assert_eq!(host.download(&own).status, 503);
        stop.store(true, SeqCst);
        for one in downloading {
            let count = one.join().unwrap();
            assert!(count > 10, "{count}");
        }
    });
    assert_eq!(download_at(host, "north", &at_north("t-9")).status, 200);
}
