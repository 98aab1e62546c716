//! Level 5: how fast copies are licensed, against the one signature that each of them needs.
//!
//! The host has a processor to itself and serves a title of 20 KB, so that what is measured is the
//! making of copies and not the sending of bytes. The buyer's form is the same in every request, as
//! where a shop keeps it for its members.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use colophon_crypto::{Engine as _, Key32, OaepKey};
use colophon_keys::{AwsLc, KeyKind, PrivateKey};
use colophon_tests::book::noise;
use colophon_tests::colophon::{Host, House, succeed};
use colophon_tests::persona::{Activation, Persona};
use colophon_tests::tool::on_path;

use crate::delivery::{CLIENT, CONNECTIONS, SERVER, pin};
use crate::figure::{Figure, Target};

const PERSONA: &str = "bench@people.example";
const BOOK: &str = "licensed";

struct Shop {
    house: House,
    host: Host,
    secret: String,
    persona: Persona,
}

impl Shop {
    fn open() -> Self {
        let house = House::new();
        let file = house.path().join("book.bin");
        fs::write(&file, noise(20_000, 5)).expect("the title can be written");
        house.add_title(&file, BOOK, &["--level", "3", "--licensed"]);
        let secret = house.add_retailer("shop", &[]);
        let persona = Activation::of(&house).persona(PERSONA);
        let arguments = ["--set", "runtime.workers=1", "--set", "log.filter=warn"];
        let host = house.serve(&arguments);
        pin(host.id(), SERVER);
        Self {
            house,
            host,
            secret,
            persona,
        }
    }

    /// The body of a request at a level.
    fn form(&self, level: &str) -> String {
        let claims = [
            "--level",
            level,
            "--user-name",
            "Bench Buyer",
            "--persona",
            PERSONA,
            "--lifetime",
            "86400",
        ];
        let receipt = self.house.mint(&self.secret, BOOK, "bench", &claims);
        let certificate = self.persona.form(&self.host);
        format!("action=download&value={receipt}&Certificate={certificate}")
    }

    /// Copies per second at a level: the median of three runs.
    fn rate(&self, wrk: &Path, level: &str) -> Result<f64, String> {
        let form = self.form(level);
        let script = self.house.path().join("post.lua");
        let text = format!(
            "wrk.method = \"POST\"\nwrk.body = \"{form}\"\n\
             wrk.headers[\"Content-Type\"] = \"application/x-www-form-urlencoded\"\n"
        );
        fs::write(&script, text).map_err(|error| error.to_string())?;
        let url = format!("http://{}/main/ds", self.host.address());
        let mut rates = Vec::new();
        for seconds in ["1s", "4s", "4s", "4s"] {
            let printed = succeed(
                Command::new("taskset")
                    .args(["-c", &CLIENT.to_string()])
                    .arg(wrk)
                    .args(["-t", "1", "-c", &CONNECTIONS.to_string(), "-d", seconds])
                    .args(["--timeout", "30s", "-s"])
                    .arg(&script)
                    .arg(&url),
            );
            if printed.contains("Non-2xx") || printed.contains("Socket errors") {
                return Err(format!("the load generator saw errors:\n{printed}"));
            }
            let rate = printed
                .lines()
                .find_map(|line| line.trim().strip_prefix("Requests/sec:"))
                .and_then(|text| text.trim().parse().ok());
            rates.push(rate.ok_or("wrk printed no rate")?);
        }
        let mut measured: Vec<f64> = rates.split_off(1);
        measured.sort_by(f64::total_cmp);
        Ok(measured[1])
    }

    /// Gives the center a licensor on P-256, and waits until the host has it.
    fn sign_on_a_curve(&self) {
        let subject = |answer: &[u8]| {
            let text = String::from_utf8_lossy(answer).into_owned();
            text.contains("ecdsa-sha256")
        };
        let new = ["center", "signer", "new", "--role", "licensor"];
        self.house.json(&[&new[..], &["--kind", "p256"]].concat());
        let form = self.form("5");
        let changed = || {
            let answer = self.host.request("POST", "/main/ds", &[], Some(&form));
            subject(&answer.expect("an answer").body)
        };
        let begun = Instant::now();
        while !changed() {
            assert!(begun.elapsed().as_secs() < 20, "the host never followed");
        }
    }
}

/// Copies per second at level 5, and where their time goes.
pub(crate) fn measure() -> Result<Vec<Figure>, String> {
    let wrk = on_path("wrk").ok_or("wrk is not installed (cargo xtask setup)")?;
    let shop = Shop::open();
    let rsa = PrivateKey::generate(KeyKind::Rsa2048).map_err(|error| error.to_string())?;
    let curve = PrivateKey::generate(KeyKind::P256).map_err(|error| error.to_string())?;
    let sign_us = micros(|| rsa.sign(b"a license").map(drop).is_ok());
    let signing = 1e6 / sign_us;
    let at_3 = shop.rate(&wrk, "3")?;
    let at_5 = shop.rate(&wrk, "5")?;
    shop.sign_on_a_curve();
    let on_curve = shop.rate(&wrk, "5")?;
    let mut figures = vec![
        Figure {
            name: "whole download path, level 5, RSA-2048 licensor".to_owned(),
            ours: at_5,
            peer: Some(("bare RSA-2048 signing, one processor".to_owned(), signing)),
            unit: "1/s",
            target: Target::RatioAtLeast(0.55),
        },
        Figure {
            name: "whole download path, level 5, ECDSA P-256 licensor".to_owned(),
            ours: on_curve,
            peer: Some(("the same with an RSA-2048 licensor".to_owned(), at_5)),
            unit: "1/s",
            target: Target::RatioAtLeast(1.4),
        },
        Figure {
            name: "whole download path, level 3, the same title".to_owned(),
            ours: at_3,
            peer: None,
            unit: "1/s",
            target: Target::None,
        },
    ];
    let row = |name: &str, us: f64| Figure {
        name: format!("level 5, of which: {name}"),
        ours: us,
        peer: None,
        unit: "µs",
        target: Target::None,
    };
    let spki = shop.persona.key.public_spki_der();
    let persona_key = OaepKey::parse(spki).map_err(|_| "the persona's key is unusable")?;
    let encrypted = persona_key
        .encrypt(&[1; 32], Key32::new([2; 32]).expose())
        .map_err(|_| "nothing can be encrypted")?;
    let signature = rsa.sign(b"a license").map_err(|error| error.to_string())?;
    let rsa_verifier = AwsLc
        .verifier(rsa.algorithm(), rsa.public_spki_der())
        .map_err(|_| "the licensor's key is unusable")?;
    let curve_signature = curve
        .sign(b"a license")
        .map_err(|error| error.to_string())?;
    let curve_verifier = AwsLc
        .verifier(curve.algorithm(), curve.public_spki_der())
        .map_err(|_| "the licensor's key is unusable")?;
    figures.extend([
        row("everything, RSA licensor", 1e6 / at_5),
        row("everything, ECDSA licensor", 1e6 / on_curve),
        row("what level 3 costs too", 1e6 / at_3),
        row("RSA-2048 signature", sign_us),
        row(
            "its verification before it leaves",
            micros(|| rsa_verifier.verify(b"a license", &signature).is_ok()),
        ),
        row(
            "ECDSA P-256 signature",
            micros(|| curve.sign(b"a license").map(drop).is_ok()),
        ),
        row(
            "its verification before it leaves, on the curve",
            micros(|| {
                curve_verifier
                    .verify(b"a license", &curve_signature)
                    .is_ok()
            }),
        ),
        row(
            "encrypting the content key to the persona",
            micros(|| persona_key.encrypt(&[1; 32], &[2; 40]).is_ok()),
        ),
        row(
            "opening a form that came for the first time",
            micros(|| shop.persona.key.decrypt(&encrypted).is_ok()),
        ),
    ]);
    Ok(figures)
}

/// Microseconds that something takes, in the median of many times.
fn micros(mut work: impl FnMut() -> bool) -> f64 {
    let mut times: Vec<f64> = (0..2_000)
        .map(|_| {
            let begun = Instant::now();
            assert!(black_box(work()), "what is measured has to succeed");
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
