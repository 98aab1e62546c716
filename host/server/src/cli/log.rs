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
    /// Erase a buyer: everything personal in the log becomes unreadable for good, and recorded
    /// decisions of plug-ins about their requests go. Billing and counts stay as they are. A buyer is
    /// kept under one thing, the id of the customer, or else the name, or else the sale: where the log
    /// keeps this one under another, that is named and nothing is erased. Exit code 4 says that nothing
    /// is known by what was named. What running hosts have yet to write, of the last seconds, is not there to be erased;
    /// what plug-ins keep as values or hand to services of their own is theirs.
    Erase(EraseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// The retailer that the buyer bought from.
    #[arg(long)]
    pub(crate) retailer: String,
    #[command(flatten)]
    pub(crate) buyer: BuyerArg,
    /// Also decisions of plug-ins that were made for other buyers, where this text stands in them.
    #[arg(long)]
    pub(crate) mentions: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What the retailer's receipts knew the buyer by: the log keeps rows under the first of these that a
/// receipt had.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct BuyerArg {
    /// The buyer, by the retailer's id of the customer.
    #[arg(long = "customer-id", alias = "customer", value_name = "ID")]
    pub(crate) customer: Option<String>,
    /// The buyer's name, where receipts had no id of the customer.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A sale, where its receipt had neither.
    #[arg(long, value_name = "TRANSACTION")]
    pub(crate) sale: Option<String>,
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
