//! Node packages under `target/npm`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::setup::{Missing, first_line};
use crate::workspace::{output, target};

/// The JOSE library most Node shops use, whose receipts must open; the XML signatures of Node, which
/// must accept our licenses; a certified OpenID Connect provider, at which people must be able to
/// sign in; what drives a browser through the pages, and what judges how accessible they are; what plug-ins
/// in JavaScript are built with.
const PACKAGES: [&str; 6] = [
    "jose@6.2.17",
    "xml-crypto@6.3.2",
    "oidc-provider@9.13.3",
    "playwright-core@1.65.1",
    "axe-core@4.14.1",
    "componentize-qjs@0.4.5",
];

/// Installs what is missing.
pub(crate) fn install() -> Option<Missing> {
    let cause = attempt().err()?;
    Some(Missing {
        name: format!("Node packages {}", PACKAGES.join(" ")),
        untested: "Node receipts, xml-crypto, a real provider, browsers and plug-ins in JavaScript are not tested",
        cause: first_line(&cause),
    })
}

fn attempt() -> Result<()> {
    let folder = target().join("npm");
    let stamp = folder.join("installed.txt");
    let wanted = PACKAGES.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    eprintln!("── setup: Node packages");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let quietly = [
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
    ];
    let mut npm = Command::new("npm");
    output(
        npm.args(quietly)
            // Where those who write plug-ins find their packages in the tests.
            .arg("--cache")
            .arg(folder.join("cache"))
            .arg("--prefix")
            .arg(&folder)
            .args(PACKAGES),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
