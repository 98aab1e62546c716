//! One host takes over from another, and nobody notices.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use colophon_tests::book::noise;
use colophon_tests::colophon::{House, request};
use colophon_tests::supervisor::Supervisor;

/// More than the sockets between two processes hold.
const TITLE_BYTES: usize = 24_000_000;

/// Who downloads again and again while hosts come and go.
const BUYERS: usize = 3;

const HANDOVERS: usize = 3;

/// Two hosts, buyers and whatever else is tested share the processors, so plug-ins may take their time.
const UNHURRIED: [&str; 2] = ["--set", "plugins.deadline_ms=20000"];

/// How long downloads may take to get on.
const PATIENCE: Duration = Duration::from_secs(120);

fn shop() -> (House, String) {
    let house = House::new();
    for (name, bytes) in [("small", 300_000), ("large", TITLE_BYTES)] {
        let mut title = b"%PDF-1.7\n".to_vec();
        title.extend(noise(bytes, bytes as u64));
        let file = house.path().join(format!("{name}.pdf"));
        fs::write(&file, title).unwrap();
        house.add_title(&file, name, &["--level", "3", "--title", name]);
    }
    let secret = house.add_retailer("shop", &[]);
    (house, secret)
}

/// Downloads whole copies of a purchase, each on a connection of its own, until it is told that it is
/// enough. All of them are the same.
fn buy_until(enough: &AtomicBool, address: SocketAddr, receipt: &str, bought: &AtomicUsize) {
    let form = format!("action=download&value={receipt}");
    let form = ("application/x-www-form-urlencoded", form.as_str());
    let mut first = None;
    while !enough.load(Ordering::Relaxed) {
        let answer = request(address, "POST", "/main/ds", &[], Some(form));
        assert!(answer.is_some(), "a request failed");
        let answer = answer.unwrap();
        let told = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, 200, "{told}");
        assert!(answer.complete, "no download is cut");
        let first = first.get_or_insert_with(|| answer.body.clone());
        assert!(*first == answer.body, "every copy is whole and the same");
        bought.fetch_add(1, Ordering::Relaxed);
    }
}

/// A download of which the client has taken no more than the head and a first piece.
struct BegunDownload {
    stream: TcpStream,
    taken: Vec<u8>,
}

impl BegunDownload {
    fn begin(address: SocketAddr, receipt: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "GET /main/ds?action=download&value={receipt} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut taken = vec![0; 10_000];
        stream.read_exact(&mut taken).unwrap();
        Self { stream, taken }
    }

    /// All of it.
    fn finish(mut self) -> Vec<u8> {
        self.stream.read_to_end(&mut self.taken).unwrap();
        let head = self.taken.windows(4).position(|end| end == b"\r\n\r\n");
        self.taken.split_off(head.unwrap() + 4)
    }
}

#[test]
fn hosts_take_over_from_each_other_and_no_download_fails() {
    let (house, secret) = shop();
    let supervisor = Supervisor::new();
    let address = supervisor.address();
    let mint = |book: &str, transaction: &str| {
        let more = ["--user-name", "Bea", "--lifetime", "3600"];
        house.mint(&secret, book, transaction, &more)
    };
    let receipts: Vec<String> = (0..BUYERS)
        .map(|n| mint("small", &format!("t-{n}")))
        .collect();
    let large = mint("large", "t-large");
    let mut serving = supervisor.start(&house, "0", &UNHURRIED);
    let expected = BegunDownload::begin(address, &large).finish();
    assert!(expected.len() > TITLE_BYTES);

    let (enough, bought) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (receipts, enough, bought) = (&receipts, &enough, &bought);
    std::thread::scope(|scope| {
        // Whatever becomes of this, nobody goes on buying.
        let _closing = Enough(enough);
        for receipt in receipts {
            scope.spawn(move || buy_until(enough, address, receipt, bought));
        }
        let more_are_bought = || {
            let (before, begun) = (bought.load(Ordering::Relaxed), Instant::now());
            while bought.load(Ordering::Relaxed) < before + 2 * BUYERS {
                assert!(begun.elapsed() < PATIENCE, "nothing is sold any more");
                std::thread::yield_now();
            }
        };
        for number in 1..=HANDOVERS {
            more_are_bought();
            let under_way = BegunDownload::begin(address, &large);
            let next = supervisor.start(&house, &number.to_string(), &UNHURRIED);
            let before = std::mem::replace(&mut serving, next);
            before.ask_to_stop();
            supervisor.hears("STOPPING=1");
            // The next one serves, while the one before has still something to finish.
            more_are_bought();
            assert!(under_way.finish() == expected, "what was begun is finished");
            let log = supervisor.log(&(number - 1).to_string());
            assert!(before.ended_well(), "{log}");
        }
    });
    assert!(serving.stop());

    let report = house.json(&["log", "report"]);
    let downloads = bought.load(Ordering::Relaxed) + HANDOVERS + 1;
    assert_eq!(report["downloads"]["completed"], downloads);
    assert_eq!(report["billing"][0]["purchases"], BUYERS + 1);
}

/// Says that it is enough when it goes, also when a test fails.
struct Enough<'a>(&'a AtomicBool);

impl Drop for Enough<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_watchdog_hears_that_the_host_is_at_work() {
    let house = House::new();
    let supervisor = Supervisor::watching(Duration::from_millis(500));
    let host = supervisor.start(&house, "0", &[]);
    supervisor.hears("WATCHDOG=1");
    supervisor.hears("WATCHDOG=1");
    assert!(host.stop());
    supervisor.hears("STOPPING=1");
}

#[test]
fn sockets_without_names_are_not_guessed_at() {
    let house = House::new();
    let script = "export LISTEN_PID=$$ LISTEN_FDS=2; exec \"$@\"";
    let host = house.colophon();
    let said = std::process::Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(host.get_program())
        .args(host.get_args())
        .arg("serve")
        .output()
        .unwrap();
    assert!(!said.status.success());
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("name them public and admin"), "{said}");
}
