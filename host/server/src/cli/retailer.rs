//! Retailers and their secrets.

use std::path::PathBuf;

use clap::Subcommand;

use super::CenterArg;

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
    /// Issue a certificate with a new private key, by which buyers' readers tell the retailer who
    /// they are; written into a folder, and kept nowhere else.
    Certificate {
        id: String,
        #[command(flatten)]
        center: CenterArg,
        /// Folder for `retailer.pem` and `retailer.key`.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
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
