//! Installs what the tests use beyond cargo's own packages, as far as that is possible.
//!
//! Nothing here is needed to build or run Colophon. Tests look for each tool themselves and skip
//! by name what they cannot have, so a failure to install is named and is not an error.

mod node;
pub(crate) mod python;
pub(crate) mod rust;
mod system;

use anyhow::Result;

/// What could not be had, and what goes untested for want of it.
pub(crate) struct Missing {
    pub(crate) name: String,
    pub(crate) untested: &'static str,
    pub(crate) cause: String,
}

/// Installs what is missing and names what stays missing.
pub(crate) fn run() -> Result<()> {
    let mut missing = system::install();
    missing.extend(rust::install());
    missing.extend(python::install());
    missing.extend(node::install());
    for tool in &missing {
        eprintln!(
            "setup: without {}: {} ({})",
            tool.name, tool.untested, tool.cause
        );
    }
    if missing.is_empty() {
        eprintln!("setup: everything the tests use is here");
    }
    Ok(())
}

/// The first line of a complaint, which is all that is shown of it.
fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or("no reason given").to_owned()
}
