//! Resident memory of a host that serves 64 downloads of a 1 GB title at once from a small cache.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use colophon_tests::book::noise;
use colophon_tests::colophon::House;

use crate::figure::{Figure, Target};

const DOWNLOADS: usize = 64;
const TITLE_BYTES: usize = 1_000_000_000;

pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let text = |error: std::io::Error| error.to_string();
    let house = House::new();
    let file = house.path().join("large.pdf");
    let mut out = BufWriter::new(File::create(&file).map_err(text)?);
    out.write_all(b"%PDF-1.7\n").map_err(text)?;
    let block = noise(1_000_000, 5);
    for _ in 0..TITLE_BYTES / block.len() {
        out.write_all(&block).map_err(text)?;
    }
    drop(out);
    house.add_title(&file, "large", &["--level", "3", "--title", "Large"]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&["--set", "cache.bytes=67108864", "--set", "log.filter=warn"]);
    let receipt = house.mint(
        &secret,
        "large",
        "t",
        &["--user-name", "B", "--lifetime", "86400"],
    );
    let address = host.address();
    let path = format!("/main/ds?action=download&value={receipt}");
    let readers: Vec<_> = (0..DOWNLOADS)
        .map(|_| {
            let path = path.clone();
            thread::spawn(move || read_all(address, &path))
        })
        .collect();
    let mut total = 0;
    for reader in readers {
        total += reader
            .join()
            .map_err(|_| "a download panicked")?
            .map_err(text)?;
    }
    let expected = (DOWNLOADS * TITLE_BYTES) as u64;
    if total < expected {
        return Err(format!(
            "only {total} of more than {expected} bytes arrived"
        ));
    }
    Ok(vec![Figure {
        name: format!("peak resident memory, {DOWNLOADS} parallel downloads of 1 GB, cache 64 MiB"),
        ours: peak_resident_mib(host.id())?,
        peer: None,
        unit: "MiB",
        target: Target::AtMost(256.0),
    }])
}

fn read_all(address: std::net::SocketAddr, path: &str) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(total),
            read => total += read as u64,
        }
    }
}

fn peak_resident_mib(process: u32) -> Result<f64, String> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))
        .map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0)
        .ok_or_else(|| "the process has no VmHWM".to_owned())
}
