//! A whole purchase at every level, against the real programs, in a fresh folder.

use anyhow::{Result, bail};
use clap::Args;

#[derive(Args)]
pub(crate) struct DemoArguments {
    /// Stop after the story instead of serving on; the exit code says whether all went well.
    #[arg(long)]
    once: bool,
}

/// Tells the story.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    bail!(
        "the demonstration is not built yet (once: {})",
        arguments.once
    )
}
