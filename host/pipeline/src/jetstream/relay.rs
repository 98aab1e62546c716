//! Hands the rows of this node's outbox to the broker.
//!
//! A row leaves the outbox only when a log writer has said that the logging database has it, however
//! often the broker has said that it has it. A confirmation that is lost is asked for; a row that
//! neither a log writer nor the broker has any more is handed over again, after longer and longer. So
//! neither a broker that forgets everything nor one that takes nothing loses a row, none is filled
//! with copies, and no request waits for either.

mod confirmations;
mod handing_over;

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use colophon_core::causes::causes;
use colophon_core::event::NamedEvent;
use colophon_core::id::NodeId;
use colophon_core::ports::{FieldCipher, OutboxRows};
use colophon_crypto::Randomness;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::confirmations::Told;
use super::broker::Broker;
use super::held::Made;
use super::in_flight::InFlight;
use super::standing::Part;
use super::trouble::Trouble;
use crate::backoff::Backoff;
use crate::outgoing::Outgoing;
use crate::room::Backlog;
use crate::running::Running;

/// What a relay works with.
#[derive(Clone)]
pub struct RelayPorts {
    /// This node, whose rows these are.
    pub node: NodeId,
    /// The node's database.
    pub rows: Arc<dyn OutboxRows>,
    /// Decrypts and encrypts the rows.
    pub cipher: Arc<dyn FieldCipher>,
    /// The outbox's account of what waits.
    pub backlog: Backlog,
    /// The broker.
    pub broker: Arc<Broker>,
}

/// How long the outbox may go unlooked at when no commit calls.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How long a relay that is told to stop waits for one confirmation after the other. Rows without
/// one are handed over again by the next run.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Confirmations that may wait to be read. One that finds no room is asked for later.
const CONFIRMATIONS_MAX: usize = 256;

/// Hands log rows over until it is stopped.
pub struct Relay {
    node: NodeId,
    outgoing: Outgoing,
    broker: Arc<Broker>,
    in_flight: InFlight,
    told_rows: mpsc::Receiver<Told>,
    /// The number of the row that follows what was taken last; unknown until something was.
    next: Option<i64>,
    /// The stream, if it was seen since the last failure.
    stream: Option<Made>,
    backoff: Backoff,
    /// The kinds of trouble that were told since rows were handed over last.
    told: Vec<Discriminant<Trouble>>,
    /// Whether it was told that nobody confirms rows, and not that they are confirmed again.
    unconfirmed: bool,
    /// Whether a log writer has answered the last question.
    is_answered: bool,
}

/// What a turn leaves to do.
enum Turn {
    /// There may be more at once.
    More,
    /// Nothing until a commit, a confirmation, or the time for one.
    Rest,
}

impl Relay {
    /// Starts handing over; `random` spreads the times at which hosts come back to a broker that
    /// was lost. Stopping hands over what is in the outbox and waits a moment for confirmations;
    /// rows left behind are handed over by the next run.
    pub fn start(ports: RelayPorts, random: Box<dyn Randomness + Send>) -> Running {
        ports.backlog.hand_over.open();
        let (heard, told_rows) = mpsc::channel(CONFIRMATIONS_MAX);
        let listening = confirmations::Listening {
            node: ports.node,
            broker: Arc::clone(&ports.broker),
            cipher: Arc::clone(&ports.cipher),
            heard,
        };
        let relay = Self {
            node: ports.node,
            broker: ports.broker,
            outgoing: Outgoing {
                rows: ports.rows,
                cipher: ports.cipher,
                backlog: ports.backlog,
            },
            in_flight: InFlight::default(),
            told_rows,
            next: None,
            stream: None,
            backoff: Backoff::new(random),
            told: Vec::new(),
            unconfirmed: false,
            is_answered: false,
        };
        Running::spawn(|stop| async move {
            let ended = CancellationToken::new();
            let listener = tokio::spawn(listening.run(ended.clone()));
            relay.run(stop).await;
            ended.cancel();
            // A panic has been reported where it happened.
            let _panicked = listener.await;
        })
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut connections = self.broker.standing.connections();
        loop {
            let turn = self.turn().await;
            self.note(turn.as_ref().err());
            self.measure();
            match turn {
                Ok(Turn::More) => {}
                Ok(Turn::Rest) if stop.is_cancelled() => break,
                Ok(Turn::Rest) => self.rest(&stop).await,
                Err(_) => {
                    self.stream = None;
                    if stop.is_cancelled() {
                        break;
                    }
                    tokio::select! {
                        () = sleep(self.backoff.fail()) => {}
                        Ok(()) = connections.changed() => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
        self.last_words().await;
        self.outgoing.backlog.hand_over.close();
    }

    /// Lets confirmed rows go, asks for overdue confirmations, and hands over what there is.
    async fn turn(&mut self) -> Result<Turn, Trouble> {
        self.hear().await?;
        self.take_rows().await?;
        self.broker.connected()?;
        // This may find that the stream is another one now.
        self.ask_for_overdue().await?;
        let stream = match self.stream {
            Some(seen) => seen,
            None => Made::of(&self.broker.rows().await?),
        };
        self.stream = Some(stream);
        self.hand_over(stream).await
    }

    /// Waits for something to do.
    async fn rest(&mut self, stop: &CancellationToken) {
        let after = self.broker.settings.confirm_after;
        let look_again = Instant::now() + LOOK_AGAIN;
        let due = self.in_flight.next_due(after).unwrap_or(look_again);
        let has_room = self.in_flight.has_room();
        let told = tokio::select! {
            told = self.told_rows.recv() => told,
            () = self.outgoing.backlog.committed.notified(), if has_room => None,
            () = sleep_until(due.min(look_again)) => None,
            () = stop.cancelled() => None,
        };
        if let Some(told) = told {
            self.take_note_of(told).await;
        }
    }

    /// Waits a moment for the confirmations of what was handed over.
    async fn last_words(&mut self) {
        while !self.in_flight.is_empty()
            && let Ok(Some(told)) = timeout(LAST_WORDS, self.told_rows.recv()).await
        {
            self.take_note_of(told).await;
        }
    }

    /// Begins anew with what is in the outbox.
    fn forget(&mut self) {
        self.in_flight.clear();
        self.next = None;
    }

    fn measure(&self) {
        metrics::gauge!("colophon_nats_unconfirmed_rows").set(self.in_flight.len() as f64);
    }

    /// Reports the beginning of a failure, once for each kind of trouble, and its end.
    fn note(&mut self, trouble: Option<&Trouble>) {
        match trouble {
            Some(trouble) => {
                let mut reason = causes(trouble);
                if let Some(complaint) = self.broker.standing.complaint() {
                    reason = format!("{reason} (the broker said: {complaint})");
                }
                let kind = discriminant(trouble);
                if !self.told.contains(&kind) {
                    self.told.push(kind);
                    let event = NamedEvent::LogBrokerFailed;
                    tracing::warn!(
                        event.code = event.code(),
                        event.name = event.slug(),
                        reason,
                        "log rows are not handed to the broker and wait in the outbox"
                    );
                }
                self.broker.standing.set(Part::Relay, Some(reason));
            }
            None => {
                self.backoff.succeed();
                if !std::mem::take(&mut self.told).is_empty() {
                    tracing::info!("log rows are handed to the broker again");
                }
                self.note_unconfirmed();
            }
        }
    }

    fn note_unconfirmed(&mut self) {
        let unconfirmed = self.in_flight.has_stale();
        let was = std::mem::replace(&mut self.unconfirmed, unconfirmed);
        let (problem, question) = match self.is_answered {
            false => (
                "log rows were handed to the broker and no log writer confirms them",
                "is a host with the role fulfillment at work?",
            ),
            true => (
                "log rows were handed to the broker, and log writers answer and have not brought \
                 them yet",
                "are there enough hosts with the role fulfillment, and does the logging database \
                 answer them?",
            ),
        };
        if unconfirmed && !was {
            let event = NamedEvent::LogRowsUnconfirmed;
            tracing::warn!(
                event.code = event.code(),
                event.name = event.slug(),
                rows = self.in_flight.len(),
                "{problem}; {question}"
            );
        }
        if was && !unconfirmed {
            tracing::info!("log rows are confirmed again");
        }
        let problem = unconfirmed.then(|| problem.to_owned());
        self.broker.standing.set(Part::Relay, problem);
    }
}
