//! What waits in this node's outbox, and what was set aside there.

use colophon_core::causes::causes;
use colophon_core::ports::{OutboxRows as _, SetAside};
use colophon_store::failure::ReadError;
use colophon_store::node::NodeStore;

use super::{Finding, finding};
use crate::config::Config;
use crate::house::open_node;

/// Different problems that are told of rows that were set aside for one reason.
const PROBLEMS_MAX: u32 = 5;

pub(super) async fn node(config: &Config) -> Vec<Finding> {
    let node = match open_node(config).await {
        Ok(node) => node,
        Err(error) => return vec![finding("this node's database", Err(format!("{error:#}")))],
    };
    let waiting = node.waiting().await;
    let waiting = waiting.map(|(rows, _)| format!("{rows} log rows wait"));
    let waiting = waiting.map_err(|error| causes(&error));
    let mut findings = vec![finding("this node's database", waiting)];
    for reason in SetAside::ALL {
        findings.extend(set_aside(&node, reason).await);
    }
    node.close().await;
    findings
}

/// Rows that no log has, though they are kept here.
async fn set_aside(node: &NodeStore, reason: SetAside) -> Option<Finding> {
    let state = match told(node, reason).await {
        Ok(state) => state?,
        Err(error) => causes(&error),
    };
    Some(finding("log rows set aside", Err(state)))
}

async fn told(node: &NodeStore, reason: SetAside) -> Result<Option<String>, ReadError> {
    let rows = node.count_set_aside(reason).await?;
    if rows == 0 {
        return Ok(None);
    }
    let problems = node.problems_set_aside(reason, PROBLEMS_MAX).await?;
    let problems = problems
        .iter()
        .map(|(problem, rows)| format!("{problem} ({rows})"));
    let problems: Vec<String> = problems.collect();
    Ok(Some(format!(
        "{}: {}",
        words(rows, reason),
        problems.join("; ")
    )))
}

fn words(rows: u64, reason: SetAside) -> String {
    match reason {
        SetAside::Unreadable => format!(
            "{rows} log rows cannot be read, and are kept in the table dead_letters of this node's \
             database with what is wrong with them: damaged, under another master key, or of a \
             later version"
        ),
        SetAside::TooLarge => format!(
            "{rows} log rows are larger than the message broker takes, and are kept in this node's \
             database; raise max_payload of its servers to 64 KiB or more (and max_msg_size of the \
             stream, if it has one), and start the host again"
        ),
        SetAside::Refused => format!(
            "{rows} log rows are refused by the logging database, and are kept in this node's \
             database; mend what it says, and start the host again"
        ),
    }
}
