//! Personas and their readers.

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum ActivationCommand {
    /// Activations per day, week or month, and what there is altogether.
    Report(ActivationReportArgs),
    /// List personas, the latest first.
    List {
        /// Only so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one persona with its devices and the dated list of its activations.
    Show {
        /// The persona id, such as ada@people.example.
        persona: String,
    },
    /// Note that a persona does not use a device any more. What it has activated stays counted,
    /// unless it is given back, now or later.
    Release {
        /// The persona id.
        persona: String,
        /// The device, as `show` lists it; the first digits are enough.
        device: String,
        /// Give back the activation that was last counted for it, so that the persona has one more;
        /// also where the device was released before.
        #[arg(long)]
        give_back: bool,
    },
    /// Take a persona's certificates back and let it activate nothing more, or let it again.
    Revoke {
        /// The persona id.
        persona: String,
        /// Let it activate again. Certificates that were taken back stay so; each device gets a new
        /// one when it is activated again.
        #[arg(long)]
        undo: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// List certificates that were taken back, and write the list for readers and servers anew.
    Revoked,
    /// Erase everything personal about a persona. What it bought opens on no further device.
    Erase {
        /// The persona id.
        persona: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Show or change what all personas are granted. Running hosts follow at once.
    Settings(ActivationSettingsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ActivationReportArgs {
    /// How long a period is. Weeks begin on Mondays; all times are UTC.
    #[arg(long, default_value = "day")]
    pub(crate) by: PeriodArg,
    /// How many periods, the current one included.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) periods: u16,
    /// Report on this database (sqlite:// or postgres://), such as a replica or a copy. It is only
    /// read, and neither a data folder nor a key is needed.
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PeriodArg {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months.
    Month,
}

#[derive(Debug, Args)]
pub(crate) struct ActivationSettingsArgs {
    /// Activations within the first period.
    #[arg(long)]
    pub(crate) initial: Option<u32>,
    /// Days in a period; in each further one a persona is granted one activation more.
    #[arg(long)]
    pub(crate) period_days: Option<u32>,
    /// Activations at most.
    #[arg(long)]
    pub(crate) total: Option<u32>,
    /// How often one machine may be activated again for nothing.
    #[arg(long)]
    pub(crate) free_repeats: Option<u32>,
    /// Key pairs that should wait in the pool.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) keys_min: Option<u32>,
    /// Whom somebody turns to who has reached the limit; empty: nobody.
    #[arg(long)]
    pub(crate) support: Option<String>,
    /// Where the page of congratulations offers a gift; empty: nowhere.
    #[arg(long, value_name = "URL")]
    pub(crate) gift_link: Option<String>,
}
