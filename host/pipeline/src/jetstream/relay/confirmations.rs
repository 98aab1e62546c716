//! What log writers tell a node of its rows, whether it has asked or not.

use std::ops::RangeInclusive;
use std::sync::Arc;

use colophon_core::id::{EventId, NodeId};
use colophon_core::ports::FieldCipher;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::Relay;
use crate::jetstream::broker::Broker;
use crate::jetstream::message::open_confirmation;
use crate::jetstream::question::{Answer, open_answer, question};
use crate::jetstream::trouble::Trouble;

/// Numbers asked for at once.
const ASKED_MAX: usize = 1000;

/// How long to wait before listening again where that was not possible.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Listens to what log writers tell unasked.
pub(super) struct Listening {
    pub(super) node: NodeId,
    pub(super) broker: Arc<Broker>,
    pub(super) cipher: Arc<dyn FieldCipher>,
    pub(super) heard: mpsc::Sender<Vec<(i64, EventId)>>,
}

impl Listening {
    pub(super) async fn run(self, ended: CancellationToken) {
        while !ended.is_cancelled() {
            // A subscription outlives its connection; it ends with the client.
            let subject = self.broker.settings.names.complete(self.node);
            let subscribed = self.broker.client.subscribe(subject).await;
            if let Ok(mut messages) = subscribed {
                while let Some(Some(message)) = ended.run_until_cancelled(messages.next()).await {
                    self.hear(&message.payload);
                }
            }
            ended.run_until_cancelled(sleep(LISTEN_AGAIN)).await;
        }
    }

    fn hear(&self, payload: &[u8]) {
        match open_confirmation(self.cipher.as_ref(), self.node, payload) {
            // What finds no room is asked for later.
            Ok(arrived) => drop(self.heard.try_send(arrived)),
            Err(damaged) => tracing::debug!(%damaged, "a confirmation is no log writer's"),
        }
    }
}

impl Relay {
    /// Asks for the oldest confirmation that is overdue, and for those of the rows after it. What
    /// has not arrived is handed over again, unless it is known to wait for the logging database or
    /// for a log writer.
    pub(super) async fn ask_for_overdue(&mut self) -> Result<(), Trouble> {
        let after = self.broker.settings.confirm_after;
        let now = Instant::now();
        let Some(overdue) = self.in_flight.overdue(now, after, ASKED_MAX) else {
            return Ok(());
        };
        match self.ask(&overdue).await {
            Answer::Arrived(arrived) => self.confirm(&arrived).await?,
            Answer::CannotSay => self.in_flight.wait_on(overdue.clone(), now, after),
            Answer::Nobody => {}
        }
        if self.in_flight.is_overdue(overdue.clone(), now, after) {
            let held = self.broker.held().await?;
            self.in_flight.again(overdue, now, after, held.as_ref());
        }
        Ok(())
    }

    async fn ask(&mut self, sequences: &RangeInclusive<i64>) -> Answer {
        let subject = self.broker.settings.names.question(self.node);
        let asked = self
            .broker
            .client
            .request(subject, question(sequences).into());
        let Ok(answer) = asked.await else {
            return Answer::Nobody;
        };
        let cipher = self.outgoing.cipher.as_ref();
        open_answer(cipher, self.node, sequences, &answer.payload)
    }
}
