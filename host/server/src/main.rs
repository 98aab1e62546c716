//! The `colophon` command: it puts the host together and lets people work with it.
//!
//! This is the composition root: the only place that knows every crate, and where time, randomness
//! and the environment come from.

mod cli;
mod commands;
mod config;
mod event_log;
mod house;
mod logging;
mod new_file;
mod output;
mod sample;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::Cli;
use crate::output::{Output, plain};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = if cli.json { Output::Json } else { Output::Text };
    match commands::run(cli, output) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("colophon: {}", plain(&one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes in one line, the outermost first.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = cause.to_string();
        // Some libraries repeat their cause in their own message.
        if line.ends_with(&text) {
            continue;
        }
        if depth > 0 {
            line.push_str(": ");
        }
        line.push_str(&text);
    }
    line
}
