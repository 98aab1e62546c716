//! The workspace's packages and their dependencies, as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::workspace::{cargo, output, root};

/// One package of ours.
pub(crate) struct Package {
    /// Its name in the manifest.
    pub(crate) name: String,
    /// Its folder relative to the workspace, with `/` between the parts.
    pub(crate) folder: String,
    /// What it names in its manifest.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's manifest.
pub(crate) struct Dependency {
    /// The name of the package depended on, whatever it is renamed to.
    pub(crate) name: String,
    /// A development dependency: built for tests and examples only.
    pub(crate) only_for_tests: bool,
}

/// All packages of the workspace.
pub(crate) struct Graph {
    /// In the order of their folders.
    pub(crate) packages: Vec<Package>,
    folders: BTreeMap<String, String>,
}

impl Graph {
    /// Asks cargo.
    pub(crate) fn read() -> Result<Self> {
        let mut metadata = cargo();
        metadata.args(["metadata", "--format-version", "1", "--no-deps"]);
        let text = output(&mut metadata)?;
        let value: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let mut packages = Vec::new();
        for package in list(&value, "packages") {
            packages.push(read_package(package)?);
        }
        packages.sort_by(|a, b| a.folder.cmp(&b.folder));
        let folders = packages
            .iter()
            .map(|package| (package.name.clone(), package.folder.clone()))
            .collect();
        Ok(Self { packages, folders })
    }

    /// The folder of one of our own packages; none for everybody else's.
    pub(crate) fn folder(&self, name: &str) -> Option<&str> {
        self.folders.get(name).map(String::as_str)
    }
}

/// The names of all packages that are linked into this one, tests aside, on this machine.
pub(crate) fn reached_from(name: &str) -> Result<BTreeSet<String>> {
    // `cargo tree` works out the features of this package alone; the workspace's metadata would
    // add what other members switch on.
    let mut tree = cargo();
    tree.args([
        "tree",
        "--package",
        name,
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    let text = output(&mut tree)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}

fn read_package(package: &Value) -> Result<Package> {
    let manifest = text(package, "manifest_path");
    let folder = Path::new(&manifest)
        .parent()
        .and_then(|folder| folder.strip_prefix(root()).ok())
        .with_context(|| format!("{manifest} lies outside the workspace"))?;
    let dependencies = list(package, "dependencies");
    Ok(Package {
        name: text(package, "name"),
        folder: folder.to_string_lossy().replace('\\', "/"),
        dependencies: dependencies
            .iter()
            .map(|dependency| Dependency {
                name: text(dependency, "name"),
                only_for_tests: text(dependency, "kind") == "dev",
            })
            .collect(),
    })
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text(value: &Value, member: &str) -> String {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
