//! Centers and their keys.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::{CenterArg, RoleArg};

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
    /// Print the certificate of a key with its issuers (PEM), for those who are to know it: other
    /// centers that delegate rights, or readers' operators.
    Certificate {
        #[command(flatten)]
        center: CenterArg,
        /// What the key is for.
        #[arg(long)]
        role: CenterKeyArg,
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
