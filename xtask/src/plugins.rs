//! Builds the guest components that are embedded in the host.

use anyhow::Result;

/// Builds every plug-in under `plugins/`.
pub(crate) fn run() -> Result<()> {
    eprintln!("plugins: nothing to build yet");
    Ok(())
}
