//! From messages to rows in the logging database.

use std::collections::{BTreeMap, HashSet};

use async_nats::jetstream::Message;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::LogRecord;
use futures_util::future::join_all;
use tokio::time::{Duration, timeout};

use super::{StreamWriterPorts, give_back};
use crate::jetstream::dead_letters::bury;
use crate::jetstream::message::{self, MessageRefused, seal_confirmation};
use crate::jetstream::settings::PATIENCE;
use crate::jetstream::trouble::Trouble;

/// How long a message is left alone after something did not answer.
pub(super) const LATER: Duration = Duration::from_secs(1);

/// What came of one node.
#[derive(Default)]
struct OfNode {
    records: Vec<(i64, LogRecord)>,
    /// The events of these records.
    events: HashSet<EventId>,
    messages: Vec<Message>,
}

/// Messages by what they are.
#[derive(Default)]
struct Sorted {
    nodes: BTreeMap<NodeId, OfNode>,
    refused: Vec<(Message, MessageRefused)>,
}

impl StreamWriterPorts {
    /// Brings the rows in these messages to the logging database, acknowledges them, and tells
    /// their nodes. What is no row goes among the dead letters. After a failure, what is left is
    /// given back to the broker.
    pub(super) async fn bring(&self, messages: Vec<Message>) -> Result<(), Trouble> {
        let sorted = self.sort(messages);
        let mut failed = None;
        for (node, of_node) in sorted.nodes {
            if failed.is_none() {
                failed = self.append(node, &of_node).await.err();
            }
            match failed {
                None => self.tell(node, &of_node).await,
                Some(_) => {
                    let back = of_node.messages.iter();
                    join_all(back.map(|message| give_back(message, LATER))).await;
                }
            }
        }
        for (message, refused) in &sorted.refused {
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
                    // The same row twice in one transaction would count twice.
                    if of_node.events.insert(row.record.event()) {
                        of_node.records.push((row.sequence, row.record));
                    }
                    of_node.messages.push(message);
                }
                Err(refused) => sorted.refused.push((message, refused)),
            }
        }
        for of_node in sorted.nodes.values_mut() {
            of_node.records.sort_by_key(|(sequence, _)| *sequence);
        }
        sorted
    }

    async fn append(&self, node: NodeId, of_node: &OfNode) -> Result<(), Trouble> {
        self.log.append(node, &of_node.records).await?;
        let count = of_node.records.len() as u64;
        metrics::counter!("colophon_log_written_rows_total").increment(count);
        Ok(())
    }

    /// Acknowledges what the logging database has, and tells the node. What of that is lost is
    /// handed out once more, or asked for by the node.
    async fn tell(&self, node: NodeId, of_node: &OfNode) {
        let records = of_node.records.iter();
        let arrived: Vec<(i64, EventId)> = records
            .map(|(sequence, record)| (*sequence, record.event()))
            .collect();
        let sealed = seal_confirmation(self.cipher.as_ref(), node, &arrived);
        let subject = self.broker.settings.names.complete(node);
        let told = self.broker.client.publish(subject, sealed.into());
        let acknowledged = join_all(of_node.messages.iter().map(Message::double_ack));
        let both = async { tokio::join!(told, acknowledged) };
        match timeout(PATIENCE, both).await {
            Ok((Ok(()), acknowledged)) if acknowledged.iter().all(Result::is_ok) => {}
            Ok(_) | Err(_) => tracing::debug!(%node, "rows may be handed out once more"),
        }
    }
}
