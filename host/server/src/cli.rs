//! The `colophon` command line: each command with its arguments in a file of its own.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod activation;
mod center;
mod center_plugin;
mod decision;
mod license;
mod log;
mod node;
mod plugin;
mod receipt;
mod retailer;
mod title;

pub(crate) use self::activation::{
    ActivationCommand, ActivationReportArgs, ActivationSettingsArgs, PeriodArg,
};
pub(crate) use self::center::{CenterCommand, CenterKeyArg, KeyKindArg, SignerCommand};
pub(crate) use self::center_plugin::{
    CenterPluginArgs, CenterPluginCommand, CostsByArg, PluginCostsArgs, PluginProposeArgs,
    PluginPublishArgs, PublisherCommand,
};
pub(crate) use self::decision::DecisionCommand;
pub(crate) use self::license::{DelegateArgs, LicenseArgs, LicenseCommand};
pub(crate) use self::log::{BuyerArg, EraseArgs, EventsArgs, LogCommand};
pub(crate) use self::node::NodeCommand;
pub(crate) use self::plugin::{
    AuthorCommand, Language, PluginCommand, PluginNewArgs, PluginStatementArgs, PluginTestArgs,
};
pub(crate) use self::receipt::{MintArgs, ReceiptCommand, SecretArgs};
pub(crate) use self::retailer::RetailerCommand;
pub(crate) use self::title::{TitleAddArgs, TitleCommand, TitleListArgs, TitleUpdateArgs};

/// Delivers protected eBooks and other digital goods for many retailers.
#[derive(Debug, Parser)]
#[command(name = "colophon", version, about, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Folder with the configuration, databases, keys and content.
    #[arg(
        long,
        global = true,
        default_value = ".",
        env = "COLOPHON_DATA",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// Configuration file, instead of colophon.toml in the data folder.
    #[arg(long, global = true, env = "COLOPHON_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What a host calls itself with to compile a component in a process of its own.
pub(crate) const COMPILE: &str = "compile-plug-in";

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 something is not healthy (doctor, title verify, node list), 4 nothing is known of the buyer by this, and nothing was erased (log erase).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the data folder: keys, databases, trust roots and the first center.
    Init(InitArgs),
    /// Run the host. A data folder that is empty or not there is initialized first.
    Serve(ServeArgs),
    /// Check configuration, databases, content store, keys and free space.
    Doctor,
    /// Bring the databases to this version's tables.
    Migrate(MigrateArgs),
    /// Check or show the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Centers served by this host.
    #[command(subcommand)]
    Center(CenterCommand),
    /// Titles in a center's catalog.
    #[command(subcommand)]
    Title(TitleCommand),
    /// Retailers and their keys.
    #[command(subcommand)]
    Retailer(RetailerCommand),
    /// Make, open and explain receipts.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// Licenses of copies at level 5.
    #[command(subcommand)]
    License(LicenseCommand),
    /// Personas and the readers they have activated.
    #[command(subcommand)]
    Activation(ActivationCommand),
    /// What has been downloaded, and what has happened to the hosts.
    #[command(subcommand)]
    Log(LogCommand),
    /// The hosts of this installation: who is there, and who lags.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Plug-ins: begin one, build, check and test it; publish it for a center and watch over it.
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print the published list of error codes and events.
    Codes,
    /// Compile a component for the host that has started this: an order on standard input, code on
    /// standard output.
    #[command(name = COMPILE, hide = true)]
    Compile,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Name of the first center: lower-case letters, digits and hyphens.
    #[arg(long, default_value = "main")]
    pub(crate) center: String,
    /// Also enter a sample title and a sample retailer, to try things out with.
    #[arg(long)]
    pub(crate) sample: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArgs {
    /// Make a new activation database where the old one is lost: without personas, devices and
    /// revoked certificates, and with every persona's name free for anybody.
    #[arg(long)]
    pub(crate) new_activation: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port of the download service (listen.address).
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// Roles to run, comma-separated. A host that activates without the role repository has its
    /// repositories made by hosts that have it, on the same activation database.
    /// [default: download,activation,repository, and fulfillment where nats.url is set]
    #[arg(long, value_delimiter = ',')]
    pub(crate) roles: Vec<Role>,
    /// Set any setting, as section.key=value; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) settings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Opens receipts and serves personalized copies.
    Download,
    /// Ties readers to personas.
    Activation,
    /// Makes secure repositories, for activations of this host and for those ordered in the
    /// activation database. Alone, it needs that database and the master key, and listens nowhere
    /// but at listen.admin.
    Repository,
    /// Brings log rows from NATS to the logging database: those of this host and of all others.
    Fulfillment,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Parse everything and say whether it can be used.
    Check,
    /// Print every setting with its value and where that comes from.
    Show,
}

#[derive(Debug, Args)]
pub(crate) struct CenterArg {
    /// The center.
    #[arg(long, default_value = "main")]
    pub(crate) center: String,
}

#[derive(Debug, Args)]
pub(crate) struct BookArgs {
    /// The Book ID retailers use.
    #[arg(long)]
    pub(crate) book_id: String,
    /// What kind of id it is: ISBN, DOI, PATH, …
    #[arg(long, default_value = "ISBN")]
    pub(crate) book_id_type: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleArg {
    /// Made by a trusted tool.
    Tool,
    /// The rights owner.
    Owner,
    /// The publisher or retailer, for each copy.
    Provider,
}
