//! Whether the hosts of this installation are there and follow the changes.

use std::collections::BTreeSet;

use colophon_core::causes::causes;
use colophon_core::node::known::{NodeRecord, Trouble, troubles};

use super::{Finding, finding};
use crate::house::House;

/// Nodes that are named of those with trouble.
const NAMED: usize = 5;

pub(super) async fn nodes(house: &House) -> Finding {
    let state = match house.store.list_nodes().await {
        Ok(nodes) => judged(&nodes),
        Err(error) => Err(causes(&error)),
    };
    finding("nodes", state)
}

fn judged(nodes: &[NodeRecord]) -> Result<String, String> {
    let wrong = troubles(nodes);
    if wrong.is_empty() {
        let there = nodes.iter().filter(|node| node.is_there()).count();
        return Ok(format!("{there} are there and follow the changes"));
    }
    let named = wrong.iter().take(NAMED).map(words);
    let named: Vec<String> = named.collect();
    let more = match wrong.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let troubles = wrong.iter().flat_map(|(_, troubles)| troubles);
    let advice: BTreeSet<&str> = troubles.map(advice).collect();
    let advice: Vec<&str> = advice.into_iter().collect();
    Err(format!("{}{more}. {}", named.join("; "), advice.join(" ")))
}

fn words((node, troubles): &(&NodeRecord, Vec<Trouble>)) -> String {
    let texts: Vec<String> = troubles.iter().map(ToString::to_string).collect();
    format!("{} ({})", node.name, texts.join(", "))
}

/// What an operator does about it.
fn advice(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Silent { .. } => {
            "Start what is silent, or run `colophon node forget` if it is gone for good."
        }
        Trouble::Copied => {
            "Stop one of those that share an identity, and let it begin with a database.node of its \
             own."
        }
        Trouble::Behind { .. } | Trouble::AnotherHistory | Trouble::LeaseLost => {
            "What lags cannot read the fulfillment database in time; its own log says why."
        }
        Trouble::ClockOff { .. } => "Set the clocks: receipts are refused where they are off.",
    }
}
