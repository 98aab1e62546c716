//! Recorded decisions of centers' plug-ins, asked again.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CenterArg, CenterPluginArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum DecisionCommand {
    /// List what a plug-in has decided, the latest first. Hosts write decisions down off the way of
    /// downloads: one is listed a second or so after its download, and later while a host is busy.
    Decisions {
        #[command(flatten)]
        plugin: CenterPluginArgs,
        /// How many.
        #[arg(long, default_value_t = 20, value_name = "NUMBER")]
        last: u32,
        /// Only those of one request, by its id in the log.
        #[arg(long, value_name = "ID")]
        request: Option<String>,
    },
    /// Ask the version that made a decision once more, with the host's answers of then, and say
    /// whether it decides the same to the byte, or where it goes another way. Exit code 1: it does
    /// not decide the same.
    Replay {
        #[command(flatten)]
        center: CenterArg,
        /// The decision, as `colophon plugin decisions` lists it.
        id: String,
    },
    /// Write a signed statement about a decision for the retailer: which version decided, what came of
    /// it, and digests of all that it rests on. Signed with the center's key as provider.
    Receipt {
        #[command(flatten)]
        center: CenterArg,
        /// The decision, as `colophon plugin decisions` lists it.
        id: String,
        /// A file that is not there yet.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Ask a version what others were asked, and say what it would have decided otherwise. No service
    /// is asked and nothing changes. Exit code 1: something differs.
    Shadow(ShadowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    #[command(flatten)]
    pub(crate) plugin: CenterPluginArgs,
    /// The version; the one on trial or else the one published last if left out.
    #[arg(value_name = "VERSION")]
    pub(crate) candidate: Option<String>,
    /// The same, as it was written before versions stood behind their plug-in in every command.
    #[arg(
        long = "version",
        value_name = "VERSION",
        hide = true,
        conflicts_with = "candidate"
    )]
    pub(crate) candidate_by_option: Option<String>,
    /// How many recorded decisions, the latest.
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    pub(crate) last: u32,
}
