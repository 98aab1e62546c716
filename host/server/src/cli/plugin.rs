//! Plug-ins, for those who write them.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{CenterArg, CenterPluginCommand, DecisionCommand};

/// Who works with plug-ins: authors have no installation, and none is looked for.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    #[command(flatten)]
    Author(AuthorCommand),
    #[command(flatten)]
    Center(CenterPluginCommand),
    #[command(flatten)]
    Decisions(DecisionCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorCommand {
    /// Write a template: a working plug-in with its tests, to begin from.
    New(PluginNewArgs),
    /// Build the plug-in in a folder, with its language's own tool, to build/plugin.wasm.
    Build(PluginFolderArg),
    /// Hold a plug-in against the contract, as a host does before it takes it.
    Check {
        /// The plug-in's folder, or a component.
        #[arg(default_value = ".", value_name = "FILE|DIR")]
        plugin: PathBuf,
    },
    /// Run the plug-in's cases in the sandbox that a host runs it in.
    Test(PluginTestArgs),
    /// Build, check and test.
    Dev {
        #[command(flatten)]
        folder: PluginFolderArg,
        /// Go on: again whenever a file of the plug-in changes, until Ctrl-C.
        #[arg(long)]
        watch: bool,
    },
    /// Print what a publisher signs, for one center: `openssl dgst -sha256 -sign KEY -out SIGNATURE
    /// STATEMENT`. It takes the component and its manifest, and no host; where a data folder is, the
    /// center has to be one that is there.
    Statement(PluginStatementArgs),
    /// Check a center's statement about a decision, as its retailer does: no host is asked.
    Verify {
        /// The statement.
        receipt: PathBuf,
        /// The center's certificate or public key (PEM), as `colophon center signer certificate
        /// --role provider` prints it.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PluginStatementArgs {
    #[command(flatten)]
    pub(crate) center: CenterArg,
    /// The plug-in's folder, or a component.
    #[arg(default_value = ".", value_name = "FILE|DIR")]
    pub(crate) plugin: PathBuf,
    /// The manifest (plugin.toml), instead of the one beside the component.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// The center is on another host: whether it is in the data folder is not looked up.
    #[arg(long)]
    pub(crate) elsewhere: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PluginNewArgs {
    /// The language to write it in.
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Language,
    /// What it is called: 1 to 64 of a-z, 0-9, - and _, with a letter first.
    pub(crate) name: String,
    /// Where to put it: a folder that is empty or not there; one of its name if left out.
    pub(crate) dir: Option<PathBuf>,
}

/// What plug-ins are written in here; others can meet the contract too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Rust, built by cargo.
    Rust,
    /// JavaScript, built by componentize-qjs.
    Js,
    /// Python, built by componentize-py.
    Py,
}

#[derive(Debug, Args)]
pub(crate) struct PluginFolderArg {
    /// The plug-in's folder.
    #[arg(default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PluginTestArgs {
    /// The plug-in's folder, or a component.
    #[arg(default_value = ".", value_name = "FILE|DIR")]
    pub(crate) plugin: PathBuf,
    /// Files or folders with cases (*.toml, *.json), instead of the folder cases beside plugin.toml.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) cases: Vec<PathBuf>,
    /// Only cases whose name has this in it.
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}
