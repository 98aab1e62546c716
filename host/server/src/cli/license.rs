//! Licenses.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CenterArg;

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    /// Show a license as it was signed. Who signed it is said on standard error.
    Show(LicenseArgs),
    /// Say what a license grants in ODRL 2.2 (JSON-LD), for other systems.
    Odrl(LicenseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LicenseArgs {
    /// File with the license (META-INF/rights.xml), or the copy it is in.
    #[arg(required_unless_present = "event")]
    pub(crate) file: Option<PathBuf>,
    /// The download in the log that the license was made for (`colophon log export --json`).
    #[arg(long, conflicts_with = "file")]
    pub(crate) event: Option<String>,
    #[command(flatten)]
    pub(crate) center: CenterArg,
}
