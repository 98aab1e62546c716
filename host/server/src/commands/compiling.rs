//! What a host starts itself again for: compiling one component under limits. No person calls it.

use std::process::ExitCode;

use anyhow::Result;
use colophon_plugin_host::compile_for_parent;

/// Compiles what standard input hands over. Nothing is read of the data folder or the environment.
pub(super) fn run() -> Result<ExitCode> {
    compile_for_parent(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}
