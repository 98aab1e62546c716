//! Checks that the crates depend on each other only as the layering table allows.
//!
//! Three things are checked: the arrows between our own packages, who may depend on the packages
//! that belong to one adapter, and that nothing with a runtime, a network or a database can reach
//! a pure crate, however indirectly. What a compiler can see inside a crate (clock, randomness,
//! files) is left to clippy and the crates' `clippy.toml`.

mod graph;
mod table;

use anyhow::{Result, bail};

use crate::layers::graph::{Dependency, Graph, Package};

/// Checks the whole workspace; every breach is named.
pub(crate) fn run() -> Result<()> {
    let graph = Graph::read()?;
    let mut breaches: Vec<String> = Vec::new();
    for package in &graph.packages {
        breaches.extend(forbidden_arrows(&graph, package));
        breaches.extend(borrowed_adapters(package));
    }
    for folder in table::PURE {
        breaches.extend(impurities(&graph, folder)?);
    }
    if breaches.is_empty() {
        eprintln!(
            "layers: {} packages, every arrow allowed",
            graph.packages.len()
        );
        return Ok(());
    }
    for breach in &breaches {
        eprintln!("layers: {breach}");
    }
    bail!(
        "{} dependencies break the layering table (xtask/src/layers/table.rs)",
        breaches.len()
    )
}

fn forbidden_arrows(graph: &Graph, package: &Package) -> Vec<String> {
    let Some(rule) = table::rule(&package.folder) else {
        return vec![format!(
            "{} has no row in the layering table",
            package.folder
        )];
    };
    let inside = |dependency: &&Dependency| graph.folder(&dependency.name).is_some();
    let mut breaches = Vec::new();
    for dependency in package.dependencies.iter().filter(inside) {
        let Some(target) = graph.folder(&dependency.name) else {
            continue;
        };
        let allowed = if dependency.only_for_tests {
            table::allowed_in_tests(&package.folder, target)
        } else {
            rule.allows(target)
        };
        if !allowed {
            breaches.push(format!("{} → {target} is not allowed", package.folder));
        }
    }
    breaches
}

fn borrowed_adapters(package: &Package) -> Vec<String> {
    let mut breaches = Vec::new();
    let linked = package
        .dependencies
        .iter()
        .filter(|dependency| !dependency.only_for_tests);
    for dependency in linked {
        let Some(owners) = table::owners(&dependency.name) else {
            continue;
        };
        if !owners
            .iter()
            .any(|owner| table::matches(owner, &package.folder))
        {
            breaches.push(format!(
                "{} depends on {}, which only {} may",
                package.folder,
                dependency.name,
                owners.join(", ")
            ));
        }
    }
    breaches
}

fn impurities(graph: &Graph, folder: &str) -> Result<Vec<String>> {
    let Some(package) = graph
        .packages
        .iter()
        .find(|package| package.folder == folder)
    else {
        return Ok(Vec::new());
    };
    let reached = graph::reached_from(&package.name)?;
    let impure = reached
        .iter()
        .filter(|name| table::IMPURE.contains(&name.as_str()));
    let named = package
        .dependencies
        .iter()
        .filter(|dependency| !dependency.only_for_tests);
    let chance = named
        .map(|named| &named.name)
        .filter(|name| table::CHANCE.contains(&name.as_str()));
    Ok(impure
        .chain(chance)
        .map(|name| format!("{folder} is pure and must not reach {name}"))
        .collect())
}
