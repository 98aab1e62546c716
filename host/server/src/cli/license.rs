//! Licenses.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{BookArgs, CenterArg};

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    /// Show a license as it was signed. Who signed it is said on standard error.
    Show(LicenseArgs),
    /// Say what a license grants in ODRL 2.2 (JSON-LD), for other systems.
    Odrl(LicenseArgs),
    /// Let another licensor grant rights of a title, by a license that this center signs.
    Delegate(DelegateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DelegateArgs {
    /// PEM file with the other licensor's certificate.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    #[command(flatten)]
    pub(crate) book: BookArgs,
    /// XML file with the most that it may grant.
    #[arg(long, value_name = "FILE")]
    pub(crate) rights: PathBuf,
    /// Day (such as 2027-01-01, UTC) that ends the leave: nothing sold from that day on is licensed
    /// under it, by the sale's date in the receipt, which the other center believes. Copies that
    /// were sold before stay as they are. Without one, it ends with what this center holds itself,
    /// if that ends.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<jiff::civil::Date>,
    /// Where the delegation is written. The other center takes it with `colophon title update
    /// --delegation`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) center: CenterArg,
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
