//! `colophon node forget`: a node that is gone for good.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow, bail};
use colophon_core::causes::causes;
use colophon_core::id::NodeId;
use colophon_core::node::known::{Lasting, NodeRecord};
use colophon_store::nodes::Forgotten;
use serde_json::json;

use crate::house::House;
use crate::output::{Output, confirm};

pub(super) async fn forget(house: &House, typed: &str, yes: bool, output: Output) -> Result<()> {
    let nodes = house.store.list_nodes().await?;
    let node = meant(&nodes, typed)?;
    let records: Vec<&NodeRecord> = nodes.iter().filter(|one| one.node == node).collect();
    let name = records.first().map_or(typed, |record| record.name.as_str());
    if records.iter().all(|record| record.is_there()) {
        return Err(is_there(name, &records));
    }
    let left = left_behind(house, node, &records).await;
    for warning in &left {
        eprintln!("{warning}");
    }
    confirm(&format!("Forget the node {name} ({node})?"), yes)?;
    match house.store.forget_node(node).await? {
        Forgotten::Now => {}
        Forgotten::IsThere => return Err(is_there(name, &records)),
        Forgotten::Unknown => bail!("somebody else has forgotten {name} meanwhile"),
    }
    let printed = json!({ "node": node.to_string(), "name": name, "warnings": left });
    output.print(&printed, |_| format!("Forgot the node {name} ({node})."))
}

fn is_there(name: &str, records: &[&NodeRecord]) -> anyhow::Error {
    let seen = records.iter().map(|record| record.seen_ago_ms()).min();
    anyhow!(
        "{name} is there: it was seen {} ago. Stop it first",
        Lasting(seen.unwrap_or_default())
    )
}

/// The node of this name, or the one whose id begins so.
fn meant(nodes: &[NodeRecord], typed: &str) -> Result<NodeId> {
    let digits = typed.to_lowercase();
    let found: BTreeSet<NodeId> = nodes
        .iter()
        .filter(|one| one.name == typed || one.node.to_string().starts_with(&digits))
        .map(|one| one.node)
        .collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(node), None) if !typed.is_empty() => Ok(node),
        (None, _) => bail!("there is no node {typed:?}; see `colophon node list`"),
        _ => bail!("there are several nodes {typed:?}; name one by more of its id"),
    }
}

/// Rows of the node that the log lacks, as far as anybody knows.
async fn left_behind(house: &House, node: NodeId, records: &[&NodeRecord]) -> Vec<String> {
    let mut warnings = Vec::new();
    let waiting = records.iter().map(|record| record.rows_waiting).max();
    if let Some(rows @ 1..) = waiting {
        warnings.push(format!(
            "When it was seen last, {rows} log rows waited in its outbox. Those that have not arrived \
             since are in its own database (database.node) alone: start it once more where that is \
             there"
        ));
    }
    match house.store.node_progress().await {
        Ok(progress) => {
            let its = progress.into_iter().find(|progress| progress.node == node);
            if let Some(its) = its.filter(|its| its.complete < its.highest) {
                warnings.push(format!(
                    "The logging database has its rows without a gap to number {} and some up to {}: \
                     what is between was set aside there, or is still under way",
                    its.complete, its.highest
                ));
            }
        }
        Err(error) => warnings.push(format!(
            "What the logging database has of it is not known: {}",
            causes(&error)
        )),
    }
    warnings
}
