//! From messages to rows in the logging database.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_nats::PublishError;
use async_nats::jetstream::Message;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::LogRecord;
use futures_util::future::join_all;
use tokio::time::{Duration, timeout};

use super::{StreamWriterPorts, give_back};
use crate::doubt::Doubt;
use crate::halving::{Refused, append_by_halves};
use crate::jetstream::dead_letters::bury;
use crate::jetstream::message::{self, MessageRefused, ROW_TOLD_BYTES, seal_confirmation};
use crate::jetstream::refusal::{self, Refusal, seal_refusals};
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
    /// The messages they came in, some more than once.
    messages: Vec<(EventId, Message)>,
}

/// Messages by what they are.
#[derive(Default)]
struct Sorted {
    nodes: BTreeMap<NodeId, OfNode>,
    unfit: Vec<Unfit>,
}

/// A message for the dead letters.
struct Unfit {
    message: Message,
    refused: MessageRefused,
    /// What its node is to be told, if it holds a row of one.
    refusal: Option<(NodeId, Refusal)>,
}

impl OfNode {
    /// Takes out what the logging database refuses.
    fn without(&mut self, node: NodeId, refused: &Refused) -> Vec<Unfit> {
        let mut sequences = HashMap::new();
        self.records.retain(|(sequence, record)| {
            let event = record.event();
            let is_taken = !refused.contains_key(&event);
            if !is_taken {
                sequences.insert(event, *sequence);
            }
            is_taken
        });
        let mut unfit = Vec::new();
        for (event, message) in std::mem::take(&mut self.messages) {
            let (Some(reason), Some(sequence)) = (refused.get(&event), sequences.get(&event))
            else {
                self.messages.push((event, message));
                continue;
            };
            let number = message.info().map(|info| info.stream_sequence);
            let refusal = |number| Refusal {
                sequence: *sequence,
                event,
                number,
                reason: reason.clone(),
            };
            unfit.push(Unfit {
                refused: reason.clone().into(),
                refusal: number.ok().map(|number| (node, refusal(number))),
                message,
            });
        }
        unfit
    }
}

impl StreamWriterPorts {
    /// Brings the rows in these messages to the logging database, acknowledges them, and tells
    /// their nodes. What is no row, or one that the logging database refuses, goes among the dead
    /// letters, unless that refuses everything. After a failure, what is left is given back to the
    /// broker.
    pub(super) async fn bring(
        &self,
        messages: Vec<Message>,
        doubt: &mut Doubt,
    ) -> Result<(), Trouble> {
        let Sorted { nodes, mut unfit } = self.sort(messages);
        let mut back = Vec::new();
        let (mut taken, mut refused, mut refused_in) = (0, Refused::new(), Vec::new());
        let mut failed = None;
        for (node, mut of_node) in nodes {
            if failed.is_some() {
                back.extend(of_node.messages.into_iter().map(|(_, message)| message));
                continue;
            }
            match append_by_halves(self.log.as_ref(), node, &of_node.records).await {
                Ok(appended) => {
                    taken += appended.taken;
                    refused_in.extend(of_node.without(node, &appended.refused));
                    refused.extend(appended.refused);
                    failed = self.tell(node, &of_node).await.err();
                }
                Err(unavailable) => {
                    failed = Some(unavailable.into());
                    back.extend(of_node.messages.into_iter().map(|(_, message)| message));
                }
            }
        }
        match doubt.note(taken, &refused) {
            Ok(()) => unfit.extend(refused_in),
            Err(everything) => {
                // Others are handed out before these are again.
                let much_later = self.broker.settings.ack_wait.saturating_mul(2);
                let refused_in = refused_in.iter();
                let given = refused_in.map(|one| give_back(&one.message, much_later));
                join_all(given).await;
                failed = failed.or(Some(everything.into()));
            }
        }
        let buried = self.bury_all(unfit, &mut back).await;
        join_all(back.iter().map(|message| give_back(message, LATER))).await;
        failed.map_or(buried, Err)
    }

    /// Puts messages among the dead letters and tells their nodes, as far as that goes; the others
    /// are to go back.
    async fn bury_all(&self, unfit: Vec<Unfit>, back: &mut Vec<Message>) -> Result<(), Trouble> {
        let mut refusals: BTreeMap<NodeId, Vec<Refusal>> = BTreeMap::new();
        let mut unfit = unfit.into_iter();
        let mut failed = None;
        for one in unfit.by_ref() {
            if let Err(trouble) = bury(&self.broker, &one.message, &one.refused).await {
                back.push(one.message);
                failed = Some(trouble);
                break;
            }
            if let Some((node, refusal)) = one.refusal {
                refusals.entry(node).or_default().push(refusal);
            }
        }
        back.extend(unfit.map(|one| one.message));
        for (node, refusals) in refusals {
            self.tell_refused(node, &refusals).await;
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
                Err(refused) => sorted.unfit.push(Unfit {
                    message,
                    refused,
                    refusal: None,
                }),
            }
        }
        for of_node in sorted.nodes.values_mut() {
            of_node.records.sort_by_key(|(sequence, _)| *sequence);
        }
        sorted
    }

    /// Acknowledges what the logging database has, and tells the node. What of that is lost is
    /// handed out once more, or asked for by the node; it fails where the broker says nothing at all.
    async fn tell(&self, node: NodeId, of_node: &OfNode) -> Result<(), Trouble> {
        let records = of_node.records.iter();
        let arrived: Vec<(i64, EventId)> = records
            .map(|(sequence, record)| (*sequence, record.event()))
            .collect();
        let at_once = self.broker.told_at_once(ROW_TOLD_BYTES);
        let sealed = arrived.chunks(at_once);
        let sealed = sealed.map(|rows| seal_confirmation(self.cipher.as_ref(), node, rows));
        let told = join_all(sealed.map(|sealed| self.say(node, sealed)));
        let acknowledged = of_node.messages.iter();
        let acknowledged = join_all(acknowledged.map(|(_, message)| message.double_ack()));
        let both = async { tokio::join!(told, acknowledged) };
        let silent = || Trouble::Silent(PATIENCE);
        let (told, acknowledged) = timeout(PATIENCE, both).await.map_err(|_elapsed| silent())?;
        let lost = acknowledged.iter().filter(|one| one.is_err()).count();
        if lost > 0 && lost == acknowledged.len() {
            return Err(silent());
        }
        if lost > 0 || told.iter().any(Result::is_err) {
            tracing::debug!(%node, "rows may be handed out once more");
        }
        Ok(())
    }

    /// Tells a node what the logging database refuses of it. If that is lost, the node hands it over
    /// again, and is told again.
    async fn tell_refused(&self, node: NodeId, refusals: &[Refusal]) {
        for some in refusals.chunks(self.broker.told_at_once(refusal::BYTES_MAX)) {
            let Ok(sealed) = seal_refusals(self.cipher.as_ref(), node, some) else {
                continue;
            };
            let _lost = timeout(PATIENCE, self.say(node, sealed)).await;
        }
    }

    async fn say(&self, node: NodeId, sealed: Vec<u8>) -> Result<(), PublishError> {
        let subject = self.broker.settings.names.complete(node);
        self.broker.client().publish(subject, sealed.into()).await
    }
}
