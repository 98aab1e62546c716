//! What a plug-in call costs, against native functions that give the same answers.
//!
//! Run with `cargo run --release --package colophon-plugin-host --example call_cost`; with
//! `--json` it prints one object. Every call goes the way of a request: begin, an instance, the
//! role's function with its host calls, and the instance's end or rest. `--terms FILE` and
//! `--edition-names FILE` name the worked examples in JavaScript and Python as they were built;
//! without a file its rows are missing. `--reloads` measures calls while plug-ins are replaced, and
//! `--neighbors` calls beside a center that means harm, and nothing else.

mod engine;
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the tests use the rest; and what fails them fails a measurement"
)]
#[path = "../../tests/sandbox/guest.rs"]
mod guest;
#[path = "../../tests/sandbox/harm.rs"]
mod harm;
mod interpreters;
mod loading;
mod measured;
mod neighbors;
mod reloads;
#[expect(clippy::expect_used, reason = "what fails tests fails a measurement")]
#[path = "../../tests/sandbox/request.rs"]
mod request;
mod rust;
mod sale;

use std::error::Error;
use std::path::Path;

use serde_json::{Map, Value};
use tokio::runtime::{Builder, Runtime};

/// What was measured, by name; the unit is the end of the name.
type Rows = Vec<(&'static str, f64)>;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let file = |option: &str| {
        let mut rest = arguments.iter().skip_while(|argument| *argument != option);
        rest.nth(1).map(Path::new)
    };
    let rows = if has("--reloads") {
        threads()?.block_on(reloads::measure())?
    } else if has("--neighbors") {
        threads()?.block_on(neighbors::measure())?
    } else {
        // One thread: what is measured is the work, and not who does it.
        let thread = Builder::new_current_thread().enable_all().build()?;
        thread.block_on(calls(file("--terms"), file("--edition-names")))?
    };
    print(rows, has("--json"));
    Ok(())
}

/// As a host has them: one for each processor, which look at once for what comes from outside.
fn threads() -> std::io::Result<Runtime> {
    let mut threads = Builder::new_multi_thread();
    threads.global_queue_interval(1);
    threads.enable_all().build()
}

async fn calls(terms: Option<&Path>, edition_names: Option<&Path>) -> Result<Rows, Box<dyn Error>> {
    let mut rows = rust::measure().await?;
    rows.extend(loading::measure().await?);
    if let Some(component) = terms {
        rows.extend(interpreters::terms(component).await?);
    }
    if let Some(component) = edition_names {
        rows.extend(interpreters::edition_names(component).await?);
    }
    Ok(rows)
}

fn print(rows: Rows, json: bool) {
    if json {
        let rows = rows.into_iter();
        let rows: Map<_, _> = rows
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        println!("{}", Value::Object(rows));
        return;
    }
    for (name, value) in rows {
        println!("{name:<40} {value:>12.2}");
    }
}
