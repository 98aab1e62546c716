//! Records into the logging database, past those that it refuses.

use std::collections::HashMap;

use colophon_core::id::{EventId, NodeId};
use colophon_core::log::LogRecord;
use colophon_core::ports::{LogRows, NotLogged, RecordRefused, Unavailable};

/// Records that the logging database refuses, by event.
pub(crate) type Refused = HashMap<EventId, RecordRefused>;

/// What came of records that were handed in.
#[derive(Default)]
pub(crate) struct Appended {
    pub(crate) refused: Refused,
    /// How many were taken.
    pub(crate) taken: usize,
}

/// Stores records of a node, and tells those that the logging database refuses. It takes the
/// records of one transaction together or not at all; which of many it refuses is found by handing
/// in halves, so that one costs the others little.
pub(crate) async fn append_by_halves(
    log: &dyn LogRows,
    node: NodeId,
    records: &[(i64, LogRecord)],
) -> Result<Appended, Unavailable> {
    let mut appended = Appended::default();
    let mut parts = vec![records];
    while let Some(part) = parts.pop() {
        match (log.append(node, part).await, part) {
            (Ok(()), _) => {
                let count = part.len() as u64;
                metrics::counter!("colophon_log_written_rows_total").increment(count);
                appended.taken += part.len();
            }
            (Err(NotLogged::Unavailable(unavailable)), _) => return Err(unavailable),
            // There is nothing to refuse, and nothing to halve.
            (Err(NotLogged::Refused(_)), []) => {}
            (Err(NotLogged::Refused(reason)), [(_, record)]) => {
                appended.refused.insert(record.event(), reason);
            }
            (Err(NotLogged::Refused(_)), _) => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
        }
    }
    Ok(appended)
}
