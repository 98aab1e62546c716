//! Throughput and first byte of downloads against nginx serving the same files.
//!
//! Server and load generator have a processor each. The load generator is `wrk` for both sides,
//! over the same number of kept-alive connections; every answer must be a success.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use colophon_tests::book::noise;
use colophon_tests::colophon::{Host, House, succeed};
use colophon_tests::tool::on_path;

use crate::figure::{Figure, Target};
use crate::nginx::{Nginx, Sending};

/// Sizes of the titles, with the least ratio of the whole path to nginx.
const SIZES: [(&str, usize, f64); 3] = [
    ("0.3", 300_000, 0.4),
    ("2", 2_000_000, 0.9),
    ("20", 20_000_000, 1.0),
];
pub(crate) const SERVER: usize = 0;
pub(crate) const CLIENT: usize = 1;
pub(crate) const CONNECTIONS: usize = 64;

/// A host on one processor with a title of every size in its catalog.
struct Shop {
    house: House,
    secret: String,
    host: Host,
}

impl Shop {
    fn open(more: &[&str]) -> Self {
        let house = House::new();
        for (name, size, _) in SIZES {
            let file = house.path().join(format!("{name}.pdf"));
            let mut bytes = b"%PDF-1.7\n".to_vec();
            bytes.extend(noise(size, size as u64));
            fs::write(&file, bytes).expect("the title can be written");
            house.add_title(&file, name, &["--level", "1", "--title", "Bench"]);
        }
        let secret = house.add_retailer("shop", &[]);
        let arguments = [
            &["--set", "runtime.workers=1", "--set", "log.filter=warn"],
            more,
        ]
        .concat();
        let host = house.serve(&arguments);
        pin(host.id(), SERVER);
        Self {
            house,
            secret,
            host,
        }
    }

    fn url(&self, book: &str, level: &str) -> String {
        let more = [
            "--level",
            level,
            "--user-name",
            "Bench Buyer",
            "--lifetime",
            "86400",
        ];
        let receipt = self.house.mint(&self.secret, book, "bench", &more);
        format!(
            "http://{}/main/ds?action=download&value={receipt}",
            self.host.address()
        )
    }
}

/// Downloads per second of the whole path, levels 1 to 3, beside the better nginx.
pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let wrk = on_path("wrk").ok_or("wrk is not installed (cargo xtask setup)")?;
    let shop = Shop::open(&[]);
    let root = shop.house.path();
    let mut figures = Vec::new();
    for (name, _, least) in SIZES {
        let path = format!("{name}.pdf");
        let mut peers = Vec::new();
        for sending in [Sending::Sendfile, Sending::Buffers] {
            let nginx = Nginx::start(root, sending, SERVER)?;
            let url = format!("http://{}/{path}", nginx.address);
            peers.push((format!("nginx, {sending:?}"), load(&wrk, &url)?));
        }
        let peer = peers
            .into_iter()
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .ok_or("no peer")?;
        for level in ["1", "2", "3"] {
            figures.push(Figure {
                name: format!("whole download path, level {level}, {name} MB, 64 connections"),
                ours: load(&wrk, &shop.url(name, level))?,
                peer: Some(peer.clone()),
                unit: "MB/s",
                target: Target::RatioAtLeast(least),
            });
        }
    }
    figures.extend(from_disk(&wrk)?);
    Ok(figures)
}

/// The same with a cache too small for the titles.
fn from_disk(wrk: &std::path::Path) -> Result<Vec<Figure>, String> {
    let shop = Shop::open(&["--set", "cache.bytes=1000000"]);
    let (name, ..) = SIZES[2];
    let mut peers = Vec::new();
    for sending in [Sending::Sendfile, Sending::Buffers] {
        let nginx = Nginx::start(shop.house.path(), sending, SERVER)?;
        peers.push((
            format!("nginx, {sending:?}"),
            load(wrk, &format!("http://{}/{name}.pdf", nginx.address))?,
        ));
    }
    let peer = peers.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    Ok(vec![Figure {
        name: format!("from disk (title larger than the cache), level 3, {name} MB"),
        ours: load(wrk, &shop.url(name, "3"))?,
        peer,
        unit: "MB/s",
        target: Target::RatioAtLeast(0.8),
    }])
}

/// Median megabytes per second of three runs; any failed answer spoils the measurement.
fn load(wrk: &std::path::Path, url: &str) -> Result<f64, String> {
    let mut rates = Vec::new();
    for run in 0..4 {
        let seconds = if run == 0 { "1s" } else { "4s" };
        let connections = CONNECTIONS.to_string();
        let printed = succeed(
            Command::new("taskset")
                .args(["-c", &CLIENT.to_string()])
                .arg(wrk)
                .args([
                    "-t",
                    "1",
                    "-c",
                    &connections,
                    "-d",
                    seconds,
                    "--timeout",
                    "30s",
                    url,
                ]),
        );
        if printed.contains("Non-2xx") || printed.contains("Socket errors") {
            return Err(format!("the load generator saw errors:\n{printed}"));
        }
        let rate = printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("Transfer/sec:"));
        let rate = rate
            .and_then(|text| megabytes(text.trim()))
            .ok_or("wrk printed no rate")?;
        if run > 0 {
            rates.push(rate);
        }
    }
    rates.sort_by(f64::total_cmp);
    Ok(rates[1])
}

fn megabytes(text: &str) -> Option<f64> {
    let units = [("GB", 1024.0), ("MB", 1.0), ("KB", 1.0 / 1024.0)];
    units
        .iter()
        .find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.parse::<f64>().ok()? * factor))
}

pub(crate) fn pin(process: u32, processor: usize) {
    succeed(Command::new("taskset").args([
        "-a",
        "-cp",
        &processor.to_string(),
        &process.to_string(),
    ]));
}

/// Time from sending the request to the first byte of the answer, level 3 from the cache, idle.
pub(crate) fn first_byte() -> Result<Vec<Figure>, String> {
    let shop = Shop::open(&[]);
    let url = shop.url("2", "3");
    let path = url
        .split_once("/main")
        .map(|(_, rest)| format!("/main{rest}"))
        .ok_or("no path")?;
    let mut times = Vec::new();
    for _ in 0..300 {
        times.push(time_to_first_byte(shop.host.address(), &path)?);
    }
    times.sort();
    let at = |share: usize| times[times.len() * share / 100].as_secs_f64() * 1000.0;
    let row = |name: &str, ours, target| Figure {
        name: name.to_owned(),
        ours,
        peer: None,
        unit: "ms",
        target,
    };
    Ok(vec![
        row(
            "time to first byte, level 3, cached, p50",
            at(50),
            Target::AtMost(1.0),
        ),
        row(
            "time to first byte, level 3, cached, p99",
            at(99),
            Target::None,
        ),
    ])
}

fn time_to_first_byte(address: SocketAddr, path: &str) -> Result<Duration, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).map_err(text)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let begun = Instant::now();
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut first = [0; 16];
    stream.read_exact(&mut first).map_err(text)?;
    let took = begun.elapsed();
    if !first.starts_with(b"HTTP/1.1 200") {
        return Err("the answer is no success".to_owned());
    }
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map_err(text)?;
    Ok(took)
}
