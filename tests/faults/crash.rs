//! A host that is killed under load loses no download that its client has whole.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House};

const CYCLES: usize = 50;
const BUYERS: usize = 8;
/// Downloads after which the host is killed: enough that some are under way at any moment.
const DOWNLOADS_BEFORE_KILL: usize = 12;

#[test]
fn fifty_kills_under_load_log_every_finished_download_exactly_once() {
    let house = House::new();
    let load = Load::on(&house);
    for cycle in 0..CYCLES {
        load.until_killed(house.serve(&[]), cycle);
    }
    // One more life, so that the log writer empties the outbox.
    assert!(house.serve(&[]).stop());
    load.check(&logged(&house), CYCLES);
}

/// How often each transaction is logged as completed.
pub(crate) fn logged(house: &House) -> HashMap<String, usize> {
    let exported = house.json(&["log", "export"]);
    let mut logged = HashMap::new();
    for row in exported["rows"].as_array().unwrap() {
        if row["outcome"] == "completed" {
            let transaction = row["transaction"].as_str().unwrap().to_owned();
            *logged.entry(transaction).or_default() += 1;
        }
    }
    logged
}

/// Buyers who download a title, again and again.
pub(crate) struct Load {
    receipts: Receipts,
    /// The transactions of which the buyer has the whole copy.
    pub(crate) finished: Arc<Mutex<HashSet<String>>>,
}

impl Load {
    pub(crate) fn on(house: &House) -> Self {
        let file = house.path().join("book.epub");
        fs::write(&file, epub("Crash", "Ada", 30)).unwrap();
        house.add_title(&file, "b-1", &["--level", "3"]);
        let secret = house.add_retailer("shop", &[]);
        Self {
            receipts: Receipts::new(&secret),
            finished: Arc::default(),
        }
    }

    /// Downloads from a host until it is killed in the midst of it.
    pub(crate) fn until_killed(&self, host: Host, cycle: usize) {
        let host = Arc::new(host);
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicUsize::new(0));
        let start = Arc::new(Barrier::new(BUYERS + 1));
        let buyers: Vec<_> = (0..BUYERS)
            .map(|buyer| {
                let (host, stop, done, start) = (
                    Arc::clone(&host),
                    Arc::clone(&stop),
                    Arc::clone(&done),
                    Arc::clone(&start),
                );
                let finished = Arc::clone(&self.finished);
                let receipts = self.receipts.of(cycle, buyer);
                thread::spawn(move || {
                    start.wait();
                    for (transaction, receipt) in receipts {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        if downloaded(&host, &receipt) {
                            finished.lock().unwrap().insert(transaction);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        start.wait();
        while done.load(Ordering::Relaxed) < DOWNLOADS_BEFORE_KILL {
            thread::yield_now();
        }
        kill(&host);
        stop.store(true, Ordering::Relaxed);
        for buyer in buyers {
            buyer.join().unwrap();
        }
    }

    /// Every finished download is logged, and nothing twice.
    pub(crate) fn check(&self, logged: &HashMap<String, usize>, lives: usize) {
        let finished = self.finished.lock().unwrap();
        assert!(
            finished.len() >= lives,
            "only {} downloads finished",
            finished.len()
        );
        for transaction in finished.iter() {
            assert_eq!(logged.get(transaction), Some(&1), "{transaction}");
        }
        let doubled: Vec<_> = logged.iter().filter(|(_, count)| **count > 1).collect();
        assert!(doubled.is_empty(), "{doubled:?}");
        eprintln!(
            "{} downloads finished in {lives} lives; each is logged once",
            finished.len()
        );
    }
}

fn downloaded(host: &Host, receipt: &str) -> bool {
    let form = format!("action=download&value={receipt}");
    let answer = host.request("POST", "/main/ds", &[], Some(&form));
    answer.is_some_and(|answer| answer.status == 200 && answer.complete)
}

fn kill(host: &Host) {
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &host.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// Receipts minted through the library, so that minting does not slow the load down.
struct Receipts {
    secret: colophon_receipt::RetailerSecret,
}

impl Receipts {
    fn new(secret: &str) -> Self {
        Self {
            secret: colophon_receipt::RetailerSecret::parse(secret).unwrap(),
        }
    }

    fn of(&self, cycle: usize, buyer: usize) -> Vec<(String, String)> {
        (0..40)
            .map(|number| self.mint(&format!("c{cycle}-b{buyer}-n{number}")))
            .collect()
    }

    fn mint(&self, transaction: &str) -> (String, String) {
        let mut claims = colophon_receipt::Claims::new(
            transaction.parse().unwrap(),
            "b-1".parse().unwrap(),
            "ISBN".parse().unwrap(),
        );
        claims.user_name = Some("Bea Buyer".parse().unwrap());
        let mint = colophon_receipt::Mint {
            engine: &colophon_keys::AwsLc,
            kid: self.secret.kid(),
            key: self.secret.key(),
            center: &"main".parse().unwrap(),
        };
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let now = colophon_receipt::UnixSeconds::new(now.as_secs() as i64);
        let receipt = mint
            .mint(&claims, now, 900, &mut colophon_keys::SystemRandom)
            .unwrap();
        (transaction.to_owned(), receipt)
    }
}
