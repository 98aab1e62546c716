//! Writes the published test vectors anew from the crates that define the formats.
//!
//! The vectors are committed files. Tests read them and never write them, so a change of a format
//! shows as a difference in version control; `--check` turns such a difference into a failure.

use anyhow::{Result, bail};
use clap::Args;

use crate::workspace::{cargo, output, root, step};

#[derive(Args)]
pub(crate) struct VectorsArguments {
    /// Fail when the vectors written differ from the committed ones.
    #[arg(long)]
    check: bool,
}

/// The packages, their examples that write vectors, and the folders they write into.
const GENERATORS: [(&str, &str, &str); 3] = [
    ("colophon-receipt", "receipt_vectors", "sdk/receipt/vectors"),
    (
        "colophon-activation",
        "activation_vectors",
        "sdk/activation/vectors",
    ),
    ("colophon-title", "title_vectors", "sdk/title/vectors"),
];

/// Runs the generators.
pub(crate) fn run(arguments: &VectorsArguments) -> Result<()> {
    for (package, example, _) in GENERATORS {
        let mut generator = cargo();
        generator.args(["run", "--quiet", "--package", package, "--example", example]);
        step(&format!("vectors of {package}"), &mut generator)?;
    }
    if arguments.check { unchanged() } else { Ok(()) }
}

fn unchanged() -> Result<()> {
    let folders = GENERATORS.map(|(_, _, folder)| folder);
    let mut git = std::process::Command::new("git");
    git.current_dir(root())
        .args(["status", "--porcelain", "--"])
        .args(folders);
    let changed = output(&mut git)?;
    if !changed.is_empty() {
        bail!("these vectors differ from the committed ones:\n{changed}");
    }
    Ok(())
}
