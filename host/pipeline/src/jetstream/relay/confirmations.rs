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
use crate::jetstream::held::Held;
use crate::jetstream::message::{ROW_TOLD_BYTES, open_confirmation};
use crate::jetstream::question::{Answer, open_answer, question};
use crate::jetstream::refusal::{Refusal, open_refusals};
use crate::jetstream::trouble::Trouble;
use crate::outgoing::RefusedRow;

/// Numbers asked for at once.
const ASKED_MAX: usize = 1000;

/// How long to wait before listening again where that was not possible.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// What log writers tell unasked.
pub(super) enum Told {
    /// The logging database has these rows.
    Arrived(Vec<(i64, EventId)>),
    /// It refuses these.
    Refused(Vec<Refusal>),
}

/// Listens to what log writers tell unasked.
pub(super) struct Listening {
    pub(super) node: NodeId,
    pub(super) broker: Arc<Broker>,
    pub(super) cipher: Arc<dyn FieldCipher>,
    pub(super) heard: mpsc::Sender<Told>,
}

impl Listening {
    pub(super) async fn run(self, ended: CancellationToken) {
        while !ended.is_cancelled() {
            // A subscription outlives its connection; it ends with the client.
            let subject = self.broker.settings.names.complete(self.node);
            let subscribed = self.broker.client().subscribe(subject).await;
            if let Ok(mut messages) = subscribed {
                while let Some(Some(message)) = ended.run_until_cancelled(messages.next()).await {
                    self.hear(&message.payload);
                }
            }
            ended.run_until_cancelled(sleep(LISTEN_AGAIN)).await;
        }
    }

    fn hear(&self, payload: &[u8]) {
        let cipher = self.cipher.as_ref();
        let arrived = open_confirmation(cipher, self.node, payload).map(Told::Arrived);
        let told =
            arrived.or_else(|_| open_refusals(cipher, self.node, payload).map(Told::Refused));
        match told {
            // What finds no room is asked for later.
            Ok(told) => drop(self.heard.try_send(told)),
            Err(damaged) => tracing::debug!(%damaged, "a confirmation is no log writer's"),
        }
    }
}

impl Relay {
    /// Takes note of everything that log writers have told.
    pub(super) async fn hear(&mut self) -> Result<(), Trouble> {
        let (mut arrived, mut refused) = (Vec::new(), Vec::new());
        while let Ok(told) = self.told_rows.try_recv() {
            match told {
                Told::Arrived(rows) => arrived.extend(rows),
                Told::Refused(rows) => refused.extend(rows),
            }
        }
        self.confirm(&arrived).await?;
        self.set_aside(refused).await
    }

    /// Takes note of one thing that they have told. After a failure it begins anew.
    pub(super) async fn take_note_of(&mut self, told: Told) {
        let noted = match told {
            Told::Arrived(rows) => self.confirm(&rows).await,
            Told::Refused(rows) => self.set_aside(rows).await,
        };
        if let Err(trouble) = noted {
            self.note(Some(&trouble));
        }
    }

    /// Removes rows that the logging database has.
    async fn confirm(&mut self, arrived: &[(i64, EventId)]) -> Result<(), Trouble> {
        let confirmed = self.in_flight.confirm(arrived);
        if confirmed.rows.is_empty() {
            return Ok(());
        }
        let removed = self.outgoing.remove(&confirmed.rows, confirmed.bytes);
        if let Err(error) = removed.await {
            self.forget();
            return Err(error.into());
        }
        let count = confirmed.rows.len() as u64;
        metrics::counter!("colophon_nats_confirmed_rows_total").increment(count);
        Ok(())
    }

    /// Sets rows aside that the logging database refuses; they would come again and again, and in
    /// the end leave no room for others.
    async fn set_aside(&mut self, refusals: Vec<Refusal>) -> Result<(), Trouble> {
        let refused = self.in_flight.refuse(refusals).into_iter();
        let rows = refused.map(|refusal| RefusedRow {
            sequence: refusal.sequence,
            event: refusal.event,
            reason: refusal.reason,
        });
        let rows: Vec<RefusedRow> = rows.collect();
        if let Err(error) = self.outgoing.set_refused_aside(&rows).await {
            self.forget();
            return Err(error.into());
        }
        Ok(())
    }

    /// Asks for the oldest confirmation that is overdue, and for those of the rows after it. What
    /// has not arrived is handed over again, unless it is known to wait for the logging database or
    /// for a log writer.
    pub(super) async fn ask_for_overdue(&mut self) -> Result<(), Trouble> {
        let after = self.broker.settings.confirm_after;
        let now = Instant::now();
        let most = ASKED_MAX.min(self.broker.told_at_once(ROW_TOLD_BYTES));
        let Some(overdue) = self.in_flight.overdue(now, after, most) else {
            return Ok(());
        };
        let answer = self.ask(&overdue).await;
        self.is_answered = answer != Answer::Nobody;
        match answer {
            Answer::Arrived(arrived) => self.confirm(&arrived).await?,
            Answer::CannotSay => self.in_flight.wait_on(overdue.clone(), now, after),
            Answer::Nobody => {}
        }
        if self.in_flight.is_overdue(overdue.clone(), now, after) {
            let held = self.broker.held().await?;
            // Somebody else may have made it anew while this relay rested.
            if held.as_ref().map(Held::stream) != self.stream {
                self.stream = None;
            }
            // What was told meanwhile need not be handed over again.
            self.hear().await?;
            self.in_flight.again(overdue, now, after, held.as_ref());
        }
        Ok(())
    }

    async fn ask(&mut self, sequences: &RangeInclusive<i64>) -> Answer {
        let subject = self.broker.settings.names.question(self.node);
        let client = self.broker.client();
        let asked = client.request(subject, question(sequences).into());
        let Ok(answer) = asked.await else {
            return Answer::Nobody;
        };
        let cipher = self.outgoing.cipher.as_ref();
        open_answer(cipher, self.node, sequences, &answer.payload)
    }
}
