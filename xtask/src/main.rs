//! The project's own commands: `cargo xtask …`.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let test = std::env::args().nth(1).as_deref() == Some("test");
    if !test {
        eprintln!("usage: cargo xtask test");
        return ExitCode::from(2);
    }
    match Command::new("cargo").args(["test", "--workspace"]).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
