//! The logs of downloads and events.

use clap::{Args, Subcommand};

use super::CenterArg;

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Counts per day, most downloaded titles, billing per retailer.
    Report {
        #[command(flatten)]
        center: CenterArg,
        /// Only the last so many days.
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// Every row of the download log of the last days, oldest first.
    Export {
        #[command(flatten)]
        center: CenterArg,
        /// Only the last so many days.
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
    /// The named events of all hosts, oldest first.
    Events(EventsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only the last so many days.
    #[arg(long, default_value_t = 30)]
    pub(crate) days: u32,
    /// Only events of this name or code, such as request-illegal or COL3001; `colophon codes` lists
    /// them.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only events that concern this center alone.
    #[arg(long)]
    pub(crate) center: Option<String>,
}
