//! Titles in a catalog.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::{BookArgs, CenterArg, RoleArg};

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
    /// License by which another licensor lets this center grant these rights (with --rights).
    #[arg(long, value_name = "FILE", requires = "rights")]
    pub(crate) delegation: Option<PathBuf>,
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

/// What `title update` changes; one of these at least.
const CHANGES: [&str; 10] = [
    "level",
    "licensed",
    "rights",
    "center_rights",
    "delegation",
    "no_delegation",
    "price",
    "file",
    "withdrawn",
    "ready",
];

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").args(CHANGES).required(true).multiple(true))]
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
    /// License by which another licensor lets this center grant the title's rights from now on.
    #[arg(long, value_name = "FILE")]
    pub(crate) delegation: Option<PathBuf>,
    /// Grant the title's rights on the center's own authority.
    #[arg(long, conflicts_with = "delegation")]
    pub(crate) no_delegation: bool,
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
