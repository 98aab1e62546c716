//! From messages to rows in the logging database.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_nats::jetstream::Message;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::LogRecord;
use colophon_core::ports::{NotLogged, RecordRefused};
use futures_util::future::join_all;
use tokio::time::{Duration, timeout};

use super::{StreamWriterPorts, give_back};
use crate::jetstream::dead_letters::bury;
use crate::jetstream::message::{self, MessageRefused, seal_confirmation};
use crate::jetstream::settings::PATIENCE;
use crate::jetstream::trouble::Trouble;

/// How long a message is left alone after something did not answer.
pub(super) const LATER: Duration = Duration::from_secs(1);

/// Records that the logging database refuses, by event.
type Refused = HashMap<EventId, RecordRefused>;

/// What came of one node.
#[derive(Default)]
struct OfNode {
    records: Vec<(i64, LogRecord)>,
    /// The events of these records.
    events: HashSet<EventId>,
    /// The messages they came in, some more than once.
    messages: Vec<(EventId, Message)>,
}

/// Messages by what they are.
#[derive(Default)]
struct Sorted {
    nodes: BTreeMap<NodeId, OfNode>,
    refused: Vec<(Message, MessageRefused)>,
}

impl OfNode {
    /// Takes out what the logging database refuses.
    fn without(&mut self, refused: &Refused) -> Vec<(Message, MessageRefused)> {
        let is_taken = |record: &LogRecord| !refused.contains_key(&record.event());
        self.records.retain(|(_, record)| is_taken(record));
        let mut out = Vec::new();
        for (event, message) in std::mem::take(&mut self.messages) {
            match refused.get(&event) {
                Some(reason) => out.push((message, reason.clone().into())),
                None => self.messages.push((event, message)),
            }
        }
        out
    }
}

impl StreamWriterPorts {
    /// Brings the rows in these messages to the logging database, acknowledges them, and tells
    /// their nodes. What is no row, or one that the logging database refuses, goes among the dead
    /// letters. After a failure, what is left is given back to the broker.
    pub(super) async fn bring(&self, messages: Vec<Message>) -> Result<(), Trouble> {
        let Sorted { nodes, mut refused } = self.sort(messages);
        let mut failed = None;
        for (node, mut of_node) in nodes {
            if failed.is_none() {
                match self.append(node, &of_node.records).await {
                    Ok(none_of) => refused.extend(of_node.without(&none_of)),
                    Err(trouble) => failed = Some(trouble),
                }
            }
            match failed {
                None => self.tell(node, &of_node).await,
                Some(_) => {
                    let back = of_node.messages.iter();
                    join_all(back.map(|(_, message)| give_back(message, LATER))).await;
                }
            }
        }
        for (message, refused) in &refused {
            if let Err(trouble) = bury(&self.broker, message, refused).await {
                give_back(message, LATER).await;
                failed.get_or_insert(trouble);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn sort(&self, messages: Vec<Message>) -> Sorted {
        let mut sorted = Sorted::default();
        for message in messages {
            match message::open(self.cipher.as_ref(), &message) {
                Ok(row) => {
                    let of_node = sorted.nodes.entry(row.node).or_default();
                    let event = row.record.event();
                    // The same row twice in one transaction would count twice.
                    if of_node.events.insert(event) {
                        of_node.records.push((row.sequence, row.record));
                    }
                    of_node.messages.push((event, message));
                }
                Err(refused) => sorted.refused.push((message, refused)),
            }
        }
        for of_node in sorted.nodes.values_mut() {
            of_node.records.sort_by_key(|(sequence, _)| *sequence);
        }
        sorted
    }

    /// Stores records of a node, and gives those that the logging database refuses. Which of many
    /// it refuses is found by handing in halves, so that one costs the others little.
    async fn append(&self, node: NodeId, records: &[(i64, LogRecord)]) -> Result<Refused, Trouble> {
        let mut refused = Refused::new();
        let mut parts = vec![records];
        while let Some(part) = parts.pop() {
            match (self.log.append(node, part).await, part) {
                (Ok(()), _) => {
                    let count = part.len() as u64;
                    metrics::counter!("colophon_log_written_rows_total").increment(count);
                }
                (Err(NotLogged::Unavailable(unavailable)), _) => return Err(unavailable.into()),
                (Err(NotLogged::Refused(reason)), [(_, record)]) => {
                    refused.insert(record.event(), reason);
                }
                (Err(NotLogged::Refused(_)), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(refused)
    }

    /// Acknowledges what the logging database has, and tells the node. What of that is lost is
    /// handed out once more, or asked for by the node.
    async fn tell(&self, node: NodeId, of_node: &OfNode) {
        if of_node.messages.is_empty() {
            return;
        }
        let records = of_node.records.iter();
        let arrived: Vec<(i64, EventId)> = records
            .map(|(sequence, record)| (*sequence, record.event()))
            .collect();
        let sealed = seal_confirmation(self.cipher.as_ref(), node, &arrived);
        let subject = self.broker.settings.names.complete(node);
        let told = self.broker.client.publish(subject, sealed.into());
        let acknowledged = join_all(
            of_node
                .messages
                .iter()
                .map(|(_, message)| message.double_ack()),
        );
        let both = async { tokio::join!(told, acknowledged) };
        match timeout(PATIENCE, both).await {
            Ok((Ok(()), acknowledged)) if acknowledged.iter().all(Result::is_ok) => {}
            Ok(_) | Err(_) => tracing::debug!(%node, "rows may be handed out once more"),
        }
    }
}
