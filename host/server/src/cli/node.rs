//! The hosts of an installation.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Every host that has said that it is there: when it did so last, and how far it has followed the
    /// changes. Names those that need a look, and exits with 3 then.
    List,
    /// Forget a host that is gone for good. One that is there is not forgotten.
    Forget {
        /// Its name, or the beginning of its id.
        node: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}
