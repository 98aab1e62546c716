//! Plug-ins of centers, for those who run a host.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::CenterArg;

#[derive(Debug, Subcommand)]
pub(crate) enum CenterPluginCommand {
    /// Say what a plug-in may use in a center. Versions there that fit the grant have it at once,
    /// those published later are held against it. The others have no grant any more and are not
    /// asked again, unless a later grant fits them. A plug-in may be granted something before a
    /// version of it is published.
    Grant {
        #[command(flatten)]
        center: CenterArg,
        /// The grant (TOML).
        file: PathBuf,
        /// Also where it does not fit a version that is active or on trial: that one keeps the grant
        /// it has for as long as it is asked, and is not gone back to afterwards.
        #[arg(long)]
        next: bool,
        /// Also for a plug-in that the center does not have, though one with a similar name is there.
        #[arg(long)]
        new: bool,
    },
    /// Take a version in: hold it against its manifest and the grant, compile it, let it test itself
    /// and run its cases. Nobody is asked it before it is promoted.
    Publish(PluginPublishArgs),
    /// Make a version the active one, or try it with a share of the purchases. Running hosts follow
    /// within seconds, and requests under way keep the version that they began with. Of versions that
    /// were asked once the last five are kept; one that goes is named.
    Promote {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// The version; if left out the one on trial, or else the one published last, unless that
        /// was asked before: what was gone back from is promoted by its number alone.
        version: Option<String>,
        /// Try it with this share of the purchases only. A purchase meets the same version every
        /// time.
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=99))]
        canary: Option<u8>,
        /// Without asking it recorded questions before. Otherwise a version that newly fails on one by
        /// its own fault is not promoted, and the command asks first where one would deny recorded
        /// sales that were allowed, or takes another's place with a role that decides on sales and has
        /// no recorded question.
        #[arg(long)]
        without_shadow: bool,
        /// Do not ask where recorded sales would be denied, or nothing is known of a role.
        #[arg(long)]
        yes: bool,
    },
    /// Go back: the trial ends; without one, the version that was active before becomes active, of
    /// those that fit what is granted and that a publisher has signed where any is named. Of two who go back at the same moment only one does.
    Rollback {
        #[command(flatten)]
        plugin: CenterPluginArgs,
    },
    /// Ask no version any more. What the plug-in has decided is then decided without it.
    Withdraw {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// List a center's plug-ins in the order in which they are asked.
    List {
        #[command(flatten)]
        center: CenterArg,
    },
    /// Show a plug-in's versions and what was done with them.
    Show {
        #[command(flatten)]
        plugin: CenterPluginArgs,
    },
    /// List the questions that versions failed on in service, which later versions are asked before
    /// they are published; or drop some.
    Vectors {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// Drop the question of this number; may be given several times.
        #[arg(long, value_name = "NUMBER")]
        drop: Vec<i64>,
        /// Do not ask.
        #[arg(long, requires = "drop")]
        yes: bool,
    },
    /// Put a center's plug-ins in another order. Those not named come after the others; the built-in
    /// one is always the last.
    Order {
        #[command(flatten)]
        center: CenterArg,
        /// The plug-ins, the first to be asked first.
        #[arg(required = true)]
        plugins: Vec<String>,
    },
    /// Write what a version was published with into a folder: component, manifest and cases.
    Fetch {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// The version.
        version: String,
        /// A folder that is empty or not there.
        #[arg(long, visible_alias = "out", value_name = "DIR")]
        to: PathBuf,
    },
    /// Remove a plug-in that is not asked any more, with its grant, its versions, its history, the
    /// questions that versions failed on and its recorded decisions, or some of its versions alone.
    /// What it keeps in kv stays, and what it has cost.
    Remove {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// Only these versions, none of which is asked.
        versions: Vec<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Hold what a plug-in may use against what it has used, by its recorded decisions, and propose a
    /// grant that allows no more. Nothing is changed.
    Propose(PluginProposeArgs),
    /// Say what a center's plug-ins have cost, the built-in one too: fuel, calls into the host, memory.
    /// Hosts book it every ten seconds and when they end; a call that is given up because the client is
    /// gone is not booked.
    Costs(PluginCostsArgs),
    /// Who may publish plug-ins for a center; anybody with this data folder if nobody is named.
    #[command(subcommand)]
    Publisher(PublisherCommand),
}

#[derive(Debug, Args)]
pub(crate) struct CenterPluginArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// The plug-in, by the name in its manifest.
    pub(crate) plugin: String,
}

#[derive(Debug, Args)]
pub(crate) struct PluginProposeArgs {
    #[command(flatten)]
    pub(crate) plugin: CenterPluginArgs,
    /// How many recorded decisions are looked at, the latest.
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    pub(crate) last: u32,
    /// Leave out also what the versions in use ask for in their manifests and never used: for a
    /// version that asks for no more. `colophon plugin grant --next` takes such a grant.
    #[arg(long)]
    pub(crate) next: bool,
    /// Write the grant into a file that is not there yet, for `colophon plugin grant`. It holds the
    /// mapping database's address and the values that are set, which are printed nowhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PluginCostsArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// One plug-in of the center's own, also one that was removed; all if left out.
    pub(crate) plugin: Option<String>,
    /// What each plug-in's costs are told by.
    #[arg(long, default_value = "version", value_name = "WHAT")]
    pub(crate) by: CostsByArg,
    /// The first day (such as 2027-01-01, UTC); if left out, 30 days are told up to the last.
    #[arg(long, value_name = "DAY")]
    pub(crate) from: Option<jiff::civil::Date>,
    /// The last day; today if left out.
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<jiff::civil::Date>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CostsByArg {
    /// Day of UTC.
    Day,
    /// Retailer.
    Retailer,
    /// Version, with the component's SHA-256.
    Version,
    /// What the plug-in was asked in.
    Role,
}

#[derive(Debug, Args)]
pub(crate) struct PluginPublishArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// The plug-in's folder, or a component.
    #[arg(default_value = ".", value_name = "FILE|DIR")]
    pub(crate) plugin: PathBuf,
    /// The manifest (plugin.toml), instead of the one beside the component.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Files or folders with cases, instead of the folder cases beside plugin.toml.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) cases: Vec<PathBuf>,
    /// Publish it though there are no cases.
    #[arg(long, conflicts_with = "cases")]
    pub(crate) without_cases: bool,
    /// The publisher's signature over what `colophon plugin statement` prints for this center.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublisherCommand {
    /// Let somebody publish. From the first on, versions without a signature of one of them are
    /// neither taken nor asked, whether a host has loaded them already or not.
    Add {
        #[command(flatten)]
        center: CenterArg,
        /// What to call them.
        name: String,
        /// Their public key or a certificate of it (PEM; RSA or P-256).
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Do not ask where versions in use have no signature of those named.
        #[arg(long)]
        yes: bool,
    },
    /// List who may publish.
    List {
        #[command(flatten)]
        center: CenterArg,
    },
    /// Take the right away. What only they have signed is asked no more, by running hosts within
    /// seconds; where it is an active version, the center's downloads are refused until a signed one
    /// is promoted.
    Remove {
        #[command(flatten)]
        center: CenterArg,
        /// Who.
        name: String,
        /// Also if nobody is left: the center then takes and loads versions without a signature.
        #[arg(long)]
        unsigned: bool,
        /// Do not ask where versions in use have no signature of the others.
        #[arg(long)]
        yes: bool,
    },
}
