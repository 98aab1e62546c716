//! Measurements, each beside a peer or a physical limit in the same run, as ratios.
//!
//! `cargo xtask bench [NAME] [--json]` builds with optimization and runs this.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that lacks its means ends by panicking, as a test does"
)]
mod activation;
mod delivery;
mod figure;
mod licensing;
mod memory;
mod neighbors;
mod nginx;
mod orders;
mod outbox;
mod plugin;
mod reloads;
mod repository;
mod sealing;

use std::process::ExitCode;

use figure::{Figure, print};

/// A measurement: its name and what makes its figures, or why it cannot.
type Measurement = (&'static str, fn() -> Result<Vec<Figure>, String>);

const MEASUREMENTS: &[Measurement] = &[
    ("delivery", delivery::measure),
    ("first-byte", delivery::first_byte),
    ("memory", memory::measure),
    ("level-5", licensing::measure),
    ("plug-in", plugin::measure),
    ("reloads", reloads::measure),
    ("neighbors", neighbors::measure),
    ("repository", repository::measure),
    ("orders", orders::measure),
    ("outbox", outbox::measure),
    ("sealing", sealing::measure),
    ("activation", activation::measure),
];

fn main() -> ExitCode {
    let Some((json, chosen)) = asked_for(std::env::args().skip(1)) else {
        let names: Vec<&str> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
        eprintln!(
            "usage: bench [--json] [MEASUREMENT …]; without a name all of them: {}",
            names.join(", ")
        );
        return ExitCode::from(2);
    };
    let mut figures = Vec::new();
    let mut failed = false;
    for (name, measure) in chosen {
        eprintln!("bench: {name} …");
        match measure() {
            Ok(list) => figures.extend(list),
            Err(reason) => {
                failed = true;
                eprintln!("bench: {name} gave no figures: {reason}");
            }
        }
    }
    print(&figures, json);
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Whether JSON is wanted, and the measurements that were named; all of them where none is. None, if
/// anything else was asked for: what takes half an hour does not begin with a misspelling.
fn asked_for(arguments: impl Iterator<Item = String>) -> Option<(bool, Vec<&'static Measurement>)> {
    let (mut json, mut chosen) = (false, Vec::new());
    for argument in arguments {
        if argument == "--json" {
            json = true;
        } else {
            chosen.push(MEASUREMENTS.iter().find(|(name, _)| *name == argument)?);
        }
    }
    if chosen.is_empty() {
        chosen.extend(MEASUREMENTS);
    }
    Some((json, chosen))
}
