//! What may be said on the command line.

use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

const AFTER_HELP: &str = "\
Examples:
  colophon-reader trust add colophon-root.pem     trust a fulfillment center's authority
  colophon-reader add ~/Downloads/book.epub       check a download and take it in
  colophon-reader open \"night compositor\"         show its title page and contents
  colophon-reader open \"night compositor\" --chapter 1
  colophon-reader open \"night compositor\" --to ~/Books

Exit codes:
  0 done
  1 a file or folder cannot be read or written
  2 wrong usage
  3 refused: damaged, altered, or not a publication
  4 needs activation (level 5)
  5 not in the library, or several titles fit
  6 intact, but its origin is unproven (verify --strict)
  7 not activated: denied, out of time, all activations used, or the service is busy
  8 the license does not permit it (level 5)";

/// Keeps, opens and checks title files. Only activating, and fetching a certificate, use the
/// network.
#[derive(Debug, Parser)]
#[command(name = "colophon-reader", version, about, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Folder of the library [default: colophon/library in the user's data folder].
    #[arg(long, global = true, env = "COLOPHON_LIBRARY", value_name = "DIR")]
    pub(crate) library: Option<PathBuf>,
    /// Folder of the reader's settings [default: colophon-reader in the user's settings folder].
    #[arg(
        long,
        global = true,
        env = "COLOPHON_READER_CONFIG",
        value_name = "DIR"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Read what the machine is made of below this folder. Only builds for development can: in
    /// the hands of a person it would make every machine the one that was activated.
    #[cfg(debug_assertions)]
    #[arg(
        long,
        global = true,
        hide = true,
        env = "COLOPHON_READER_MACHINE",
        value_name = "DIR"
    )]
    pub(crate) machine: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a file and move it into the library.
    Add(AddArguments),
    /// List the library.
    List,
    /// Show a title: cover, title page and contents; a chapter; or write it out.
    Open(OpenArguments),
    /// Show everything a file says of itself and who answers for it.
    Info(Chosen),
    /// Check every byte, the seal and the signatures of a file.
    Verify(VerifyArguments),
    /// The authorities this reader trusts.
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Print the text of a title; at level 5, that is a use of the right to print.
    Print(PrintArguments),
    /// Tie this machine to you, so that copies of level 5 open here.
    Activate(ActivateArguments),
    /// Print the persona this reader is activated for, or tell it to one shop.
    Persona(PersonaArguments),
    /// Print your activation certificate, sealed to one center, for a shop to keep.
    Certificate(CertificateArguments),
    /// Which files the desktop opens with this reader.
    #[command(subcommand)]
    Desktop(DesktopCommand),
}

#[derive(Debug, Args)]
pub(crate) struct PrintArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Only this chapter, as numbered in the contents.
    #[arg(long, value_name = "N")]
    pub(crate) chapter: Option<NonZeroUsize>,
    /// The program that takes the text on its standard input.
    #[arg(long, value_name = "PROGRAM", default_value = "lp")]
    pub(crate) with: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PersonaArguments {
    /// Print it sealed to this shop alone: a file with the shop's certificate, or its address.
    #[arg(long = "for", value_name = "SHOP")]
    pub(crate) shop: Option<String>,
    /// Believe servers under the roots in this PEM file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CertificateArguments {
    /// The center: its address, like https://books.example/main, or a file with its certificate.
    #[arg(long = "for", value_name = "CENTER")]
    pub(crate) center: String,
    /// For how many days the shop may use it; never longer than the certificates last.
    #[arg(long, value_name = "N", default_value = "90")]
    pub(crate) days: NonZeroU16,
    /// Believe servers under the roots in this PEM file too.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ActivateArguments {
    /// The activation service [default: activation.address in settings.toml, else built in].
    #[arg(long, env = "COLOPHON_ACTIVATION", value_name = "URL")]
    pub(crate) at: Option<String>,
    /// What you call this machine; the page proposes it, and you may choose another there.
    #[arg(long, value_name = "NAME")]
    pub(crate) device_name: Option<String>,
    /// Activate again, though this reader is activated.
    #[arg(long)]
    pub(crate) again: bool,
    /// Open no browser; only show the address and the code.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Believe servers under the roots in this PEM file too [default: activation.tls_root in
    /// settings.toml, and the system's].
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_root: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DesktopCommand {
    /// Open title files with this reader, and offer it for EPUBs.
    Install,
    /// Take that back.
    Remove,
}

#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// A file; or a title, a part of one, a Book ID or a file name in the library.
    #[arg(value_name = "TITLE")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    /// The file.
    pub(crate) file: PathBuf,
    /// Leave the original where it is and put a copy into the library.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Show its title page then.
    #[arg(long)]
    pub(crate) open: bool,
    /// Wait for Enter at the end, so that a window does not close at once.
    #[arg(long)]
    pub(crate) pause: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Print the text of this chapter, as numbered in the contents.
    #[arg(long, visible_alias = "page", value_name = "N")]
    pub(crate) chapter: Option<NonZeroUsize>,
    /// Write the opened publication into this folder; at level 5, that is a use of the right to
    /// copy.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Write the cover picture to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) cover: Option<PathBuf>,
    /// Columns of a line [default: the terminal's, at most 80].
    #[arg(long, value_name = "N")]
    pub(crate) width: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) chosen: Chosen,
    /// Fail (6) as well unless trusted signatures prove where the copy comes from.
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Trust the authorities, or heed the revocation lists, in a PEM or DER file.
    Add {
        /// The file.
        file: PathBuf,
    },
    /// List what is trusted.
    List,
    /// Stop trusting an authority, or forget a revocation list.
    Remove {
        /// The beginning of its fingerprint, as listed.
        fingerprint: String,
    },
}
