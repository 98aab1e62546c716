//! Receipts.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{BookArgs, CenterArg};

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
    #[arg(long, conflicts_with = "persona_form")]
    pub(crate) persona: Option<String>,
    /// File with the persona form that the buyer's reader has made for this retailer. The command
    /// says the form's id and until when it has to be remembered; it remembers nothing itself.
    #[arg(long, value_name = "FILE", requires_all = ["shop_key", "shop_certificate"])]
    pub(crate) persona_form: Option<PathBuf>,
    /// The retailer's private key that opens the persona form.
    #[arg(long, value_name = "FILE", requires = "persona_form")]
    pub(crate) shop_key: Option<PathBuf>,
    /// The retailer's certificate that the persona form is sealed to.
    #[arg(long, value_name = "FILE", requires = "persona_form")]
    pub(crate) shop_certificate: Option<PathBuf>,
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
    #[arg(long, value_parser = at_least_once)]
    pub(crate) max_downloads: Option<NonZeroU32>,
    /// Seconds until it expires.
    #[arg(long, default_value_t = 900)]
    pub(crate) lifetime: u32,
    /// When it is issued, in seconds since 1970; now if left out.
    #[arg(long)]
    pub(crate) issued_at: Option<i64>,
}

fn at_least_once(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| "write a whole number from 1 on; leave it out for any number".to_owned())
}
