//! The `colophon` command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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

const EXIT_CODES: &str = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 something is not healthy (doctor, title verify).";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the data folder: keys, databases, trust roots and the first center.
    Init(InitArgs),
    /// Run the host. A data folder that is empty or not there is initialized first.
    Serve(ServeArgs),
    /// Check configuration, databases, content store, keys and free space.
    Doctor,
    /// Bring the databases to this version's tables.
    Migrate,
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
    /// Print the published list of error codes and events.
    Codes,
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
pub(crate) struct ServeArgs {
    /// Address and port of the download service (listen.address).
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    /// Roles to run, comma-separated.
    #[arg(long, value_delimiter = ',', default_value = "download,activation")]
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

#[derive(Debug, Subcommand)]
pub(crate) enum CenterCommand {
    /// Add a center, with signing certificates of its own.
    Add {
        /// Lower-case letters, digits and hyphens; part of every address.
        id: String,
    },
    /// List the centers.
    List,
    /// The keys a center signs titles, copies and licenses with, and the one that opens buyers'
    /// activation certificates. Running hosts follow within seconds.
    #[command(subcommand)]
    Signer(SignerCommand),
    /// Show or set what a center's licenses grant of titles that have no rights of their own.
    Rights {
        #[command(flatten)]
        center: CenterArg,
        /// XML file with the rights, as the schema of licenses has them.
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
        /// Back to what is granted where nobody says: viewing.
        #[arg(long, conflicts_with = "set")]
        reset: bool,
    },
    /// Issue a certificate under the platform authority, for a rights owner or publisher who signs
    /// titles with a key of their own.
    Issue {
        /// What the key may sign as.
        #[arg(long)]
        role: RoleArg,
        /// Who holds the key.
        #[arg(long)]
        name: String,
        /// Folder for the certificate and the private key.
        #[arg(long)]
        to: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignerCommand {
    /// List a center's keys with their certificates.
    List {
        #[command(flatten)]
        center: CenterArg,
    },
    /// Replace a key by a fresh one, certified under the platform authority.
    New {
        #[command(flatten)]
        center: CenterArg,
        /// What the key is for.
        #[arg(long)]
        role: CenterKeyArg,
        /// The kind of key.
        #[arg(long, default_value = "rsa")]
        kind: KeyKindArg,
    },
    /// Replace a key by one from files.
    Set {
        #[command(flatten)]
        center: CenterArg,
        /// What the key is for.
        #[arg(long)]
        role: CenterKeyArg,
        /// PEM file with the certificate, its issuers after it.
        #[arg(long)]
        certificate: PathBuf,
        /// PEM file with the private key (PKCS#8).
        #[arg(long)]
        key: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CenterKeyArg {
    /// Signs titles as the tool that seals them.
    Tool,
    /// Signs copies as the channel they come through.
    Provider,
    /// Signs licenses.
    Licensor,
    /// Opens the forms in which activation certificates arrive. What was sealed to the key before
    /// it still opens.
    Center,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKindArg {
    /// RSA with 2048 bits.
    Rsa,
    /// P-256: faster to sign with; opens no forms.
    P256,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseCommand {
    /// Show a license as it was signed.
    Show(LicenseArgs),
    /// Say what a license grants in ODRL 2.2 (JSON-LD), for other systems.
    Odrl(LicenseArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LicenseArgs {
    /// File with the license (META-INF/rights.xml), or the copy it is in.
    #[arg(required_unless_present = "event")]
    pub(crate) file: Option<PathBuf>,
    /// The download in the log that the license was made for (`colophon log export`).
    #[arg(long, conflicts_with = "file")]
    pub(crate) event: Option<String>,
    #[command(flatten)]
    pub(crate) center: CenterArg,
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

#[derive(Debug, Subcommand)]
pub(crate) enum TitleCommand {
    /// Take a title in: check the file, encrypt it, enter it into the catalog.
    Add(Box<TitleAddArgs>),
    /// List titles.
    List(TitleListArgs),
    /// Show one title.
    Show {
        #[command(flatten)]
        center: CenterArg,
        #[command(flatten)]
        book: BookArgs,
    },
    /// Change a title's level, price, availability, or file and what is sealed into it.
    Update(TitleUpdateArgs),
    /// Take a title out of the catalog and delete its files.
    Remove {
        #[command(flatten)]
        center: CenterArg,
        #[command(flatten)]
        book: BookArgs,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Read every byte of a title's stored forms and check them; of all titles if none is named.
    Verify {
        #[command(flatten)]
        center: CenterArg,
        /// The Book ID; all titles if left out.
        #[arg(long)]
        book_id: Option<String>,
        /// What kind of id it is.
        #[arg(long, default_value = "ISBN")]
        book_id_type: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TitleAddArgs {
    /// The file: EPUB, PDF, audio, video, image or any other.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) center: CenterArg,
    #[command(flatten)]
    pub(crate) book: BookArgs,
    /// Least level it is sold with: 1 clear, 2 source sealed, 3 individually sealed, 5 licensed to
    /// a persona's activated readers.
    #[arg(long, default_value_t = 2, value_parser = least_level)]
    pub(crate) level: u8,
    /// Sell it at level 5 too, whatever its least level is.
    #[arg(long)]
    pub(crate) licensed: bool,
    /// XML file with what its licenses grant, instead of what the center's licenses grant. With it,
    /// signed copies below level 5 carry a license too.
    #[arg(long, value_name = "FILE")]
    pub(crate) rights: Option<PathBuf>,
    /// Signatures every sealed copy carries: tool, owner, provider.
    #[arg(long, value_delimiter = ',')]
    pub(crate) sign: Vec<RoleArg>,
    /// PEM file with the rights owner's certificate chain (with --sign owner).
    #[arg(long)]
    pub(crate) owner_certificate: Option<PathBuf>,
    /// PEM file with the rights owner's private key (PKCS#8).
    #[arg(long)]
    pub(crate) owner_key: Option<PathBuf>,
    /// Media type, instead of the one the file name tells.
    #[arg(long)]
    pub(crate) media_type: Option<String>,
    /// Title, instead of the one in the file.
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Author, instead of the ones in the file; may be repeated.
    #[arg(long = "author")]
    pub(crate) authors: Vec<String>,
    /// Copyright notice, instead of the one in the file.
    #[arg(long)]
    pub(crate) copyright: Option<String>,
    /// Price in minor units and currency, such as 1299EUR.
    #[arg(long)]
    pub(crate) price: Option<String>,
    /// Content-store root.
    #[arg(long, default_value = "main")]
    pub(crate) root: String,
    /// Center-defined attribute, name=value; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    pub(crate) attributes: Vec<String>,
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

#[derive(Debug, Args)]
pub(crate) struct TitleListArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// Only titles whose Book ID, title or author holds this text.
    #[arg(long)]
    pub(crate) matching: Option<String>,
    /// Only so many.
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u32,
}

#[derive(Debug, Args)]
pub(crate) struct TitleUpdateArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    #[command(flatten)]
    pub(crate) book: BookArgs,
    /// New least level.
    #[arg(long, value_parser = least_level)]
    pub(crate) level: Option<u8>,
    /// Sell it at level 5 too: its licensed form is made of the sealed one if there is none yet.
    #[arg(long)]
    pub(crate) licensed: bool,
    /// XML file with what its licenses grant from now on.
    #[arg(long, value_name = "FILE")]
    pub(crate) rights: Option<PathBuf>,
    /// Grant what the center's licenses grant.
    #[arg(long, conflicts_with = "rights")]
    pub(crate) center_rights: bool,
    /// New price, such as 1299EUR.
    #[arg(long)]
    pub(crate) price: Option<String>,
    /// New content: replaces every stored form. Title, author and copyright stay unless they are
    /// given too.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// New title. It is sealed into every copy, so the content has to be handed in again.
    #[arg(long, requires = "file")]
    pub(crate) title: Option<String>,
    /// New author, likewise with --file; may be repeated.
    #[arg(long = "author", requires = "file")]
    pub(crate) authors: Vec<String>,
    /// New copyright notice, likewise with --file.
    #[arg(long, requires = "file")]
    pub(crate) copyright: Option<String>,
    /// Stop delivering.
    #[arg(long, conflicts_with = "ready")]
    pub(crate) withdrawn: bool,
    /// Deliver again.
    #[arg(long)]
    pub(crate) ready: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetailerCommand {
    /// Register a retailer and print its first secret, once.
    Add {
        /// Letters, digits and hyphens.
        id: String,
        #[command(flatten)]
        center: CenterArg,
        /// The retailer's name.
        #[arg(long)]
        name: String,
        /// Address that buyers are sent to on errors; the first is the default; may be repeated.
        #[arg(long = "error-url")]
        error_urls: Vec<String>,
        /// Make a secret for tests (`rk_test_`).
        #[arg(long)]
        test: bool,
    },
    /// List retailers and their keys.
    List {
        #[command(flatten)]
        center: CenterArg,
    },
    /// Give a retailer another secret; the old ones go on working until revoked.
    Rotate {
        id: String,
        #[command(flatten)]
        center: CenterArg,
        /// Make a secret for tests (`rk_test_`).
        #[arg(long)]
        test: bool,
    },
    /// Withdraw a key: no receipt made with it opens any more.
    Revoke {
        /// The key id, such as shop.1.
        kid: String,
        #[command(flatten)]
        center: CenterArg,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// The retailer secret (better: --secret-file).
    #[arg(long, env = "COLOPHON_RETAILER_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
    /// File with the retailer secret.
    #[arg(long, conflicts_with = "secret")]
    pub(crate) secret_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Make a receipt, as a retailer's site does.
    Mint(Box<MintArgs>),
    /// Open a receipt and print what is in it. Reads it from standard input if not given.
    Open {
        receipt: Option<String>,
        #[command(flatten)]
        center: CenterArg,
        #[command(flatten)]
        secret: SecretArgs,
    },
    /// Say what the server would do with a receipt and why. Reads it from standard input if not given.
    Explain {
        receipt: Option<String>,
        #[command(flatten)]
        center: CenterArg,
        /// File with the activation certificate (upload form) that the buyer sends along.
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MintArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    #[command(flatten)]
    pub(crate) secret: SecretArgs,
    #[command(flatten)]
    pub(crate) book: BookArgs,
    /// The retailer's transaction id.
    #[arg(long)]
    pub(crate) transaction: String,
    /// Protection level: 1 clear, 2 source sealed, 3 individually sealed, 4 signed, 5 licensed; the
    /// catalog's if left out.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub(crate) level: Option<u8>,
    /// The buyer's name, or whatever the copy shall be bound to.
    #[arg(long)]
    pub(crate) user_name: Option<String>,
    /// The buyer's persona id.
    #[arg(long)]
    pub(crate) persona: Option<String>,
    /// The retailer's customer id.
    #[arg(long)]
    pub(crate) customer_id: Option<String>,
    /// Name of the downloaded file.
    #[arg(long)]
    pub(crate) file_name: Option<String>,
    /// Where the buyer goes on errors; must be registered.
    #[arg(long)]
    pub(crate) error_url: Option<String>,
    /// What the buyer paid, in minor units.
    #[arg(long)]
    pub(crate) retail_price: Option<u64>,
    /// What the retailer paid, in minor units.
    #[arg(long)]
    pub(crate) cost: Option<u64>,
    /// List price in minor units.
    #[arg(long)]
    pub(crate) list_price: Option<u64>,
    /// ISO 4217 code.
    #[arg(long)]
    pub(crate) currency: Option<String>,
    /// When it was sold, in seconds since 1970; keeps copies of one sale identical.
    #[arg(long)]
    pub(crate) sold_at: Option<i64>,
    /// How often it may be downloaded.
    #[arg(long)]
    pub(crate) max_downloads: Option<std::num::NonZeroU32>,
    /// Seconds until it expires.
    #[arg(long, default_value_t = 900)]
    pub(crate) lifetime: u32,
    /// When it is issued, in seconds since 1970; now if left out.
    #[arg(long)]
    pub(crate) issued_at: Option<i64>,
}

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
    /// Note that a persona does not use a device any more. What it has activated stays counted.
    Release {
        /// The persona id.
        persona: String,
        /// The device, as `show` lists it; the first digits are enough.
        device: String,
        /// Give back the activation that was last counted for it, so that the persona has one more.
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

/// A level that a title can be sold with at least.
fn least_level(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(level @ (1..=3 | 5)) => Ok(level),
        Ok(4) => Err(
            "level 4 is levels 2 and 3 with signatures: choose 2 or 3, and add --sign tool \
             (owner, provider)"
                .to_owned(),
        ),
        _ => Err(
            "write 1 (clear), 2 (source sealed), 3 (individually sealed) or 5 (licensed)"
                .to_owned(),
        ),
    }
}
