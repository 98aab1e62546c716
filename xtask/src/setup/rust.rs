//! The WebAssembly target that the plug-ins are built for.

use std::process::Command;

use crate::setup::{Missing, first_line};
use crate::workspace::output;

const TARGET: &str = "wasm32-wasip2";

/// Adds the target to the toolchain where rustup can.
pub(crate) fn install() -> Option<Missing> {
    let listed = output(Command::new("rustup").args(["target", "list", "--installed"]));
    if listed.is_ok_and(|targets| targets.lines().any(|target| target == TARGET)) {
        return None;
    }
    let cause = output(Command::new("rustup").args(["target", "add", TARGET])).err()?;
    Some(Missing {
        name: format!("the Rust target {TARGET}"),
        untested: "the plug-ins are built by the fallback of `cargo xtask plugins`",
        cause: first_line(&cause),
    })
}
