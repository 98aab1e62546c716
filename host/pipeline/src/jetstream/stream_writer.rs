//! Brings the rows that the broker hands out to the logging database.
//!
//! A message is acknowledged only after the logging database has its row, so one that was handed
//! out to a writer that died is handed out again, to whichever is there. What arrives twice is one
//! row in the logging database.

mod bringing;
mod questions;
mod standstill;
mod unfit;

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::consumer::{self, PullConsumer};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{AckKind, Message};
use colophon_core::causes::causes;
use colophon_core::event::NamedEvent;
use colophon_core::ports::{FieldCipher, LogRows};
use colophon_crypto::Randomness;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use self::standstill::{Looked, Stand, Standstill, is_beyond};
use super::broker::Broker;
use super::names::Names;
use super::settings::PATIENCE;
use super::standing::Part;
use super::stream::{self, ensure_consumer, log_writers};
use super::trouble::Trouble;
use crate::backoff::Backoff;
use crate::doubt::Doubt;
use crate::outgoing::{BATCH_BYTES, BATCH_ROWS};
use crate::running::Running;

/// What a log writer works with.
#[derive(Clone)]
pub struct StreamWriterPorts {
    /// The logging database.
    pub log: Arc<dyn LogRows>,
    /// Decrypts the rows; under the same master key as on the hosts they come from.
    pub cipher: Arc<dyn FieldCipher>,
    /// The broker.
    pub broker: Arc<Broker>,
}

/// How long to wait for more rows after the first of a batch. Most of the cost of a batch is that of
/// its transaction, and nobody waits for these rows.
const GATHER: Duration = Duration::from_millis(100);

/// How often the consumer is looked at: how much waits, and whether it is handed out.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks in a row that find rows waiting and nothing handed out, before all is set up anew.
const STALLED_AFTER: u32 = 4;

/// How often the broker says that it is still there while it has nothing to hand out.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long one request for rows stands.
const REQUEST: Duration = Duration::from_secs(30);

const BEYOND: &str = "the broker has begun to number its messages anew, and passes over them";

const FORGOTTEN: &str = "the broker has forgotten what it has handed out and nobody has brought";

/// Brings rows to the logging database until it is stopped.
pub struct StreamWriter {
    ports: StreamWriterPorts,
    backoff: Backoff,
    /// The kinds of trouble that were told since rows were brought last.
    told: Vec<Discriminant<Trouble>>,
    looked_at: Instant,
    standstill: Standstill,
    doubt: Doubt,
}

/// The way that messages come by.
struct Source {
    stream: Stream,
    /// The subjects of rows.
    rows: String,
    consumer: PullConsumer,
    messages: pull::Stream,
    /// Looks in a row that found rows waiting and nothing handed out.
    idle_looks: u32,
    /// Up to where everything was removed from the stream.
    cleared: u64,
}

/// What a look at the consumer leaves to do.
enum Next {
    GoOn,
    /// The consumer is another one now.
    BeginAnew,
}

impl StreamWriter {
    /// Starts bringing, and answering nodes that ask; `random` spreads the times at which hosts
    /// come back to what was lost. Stopping brings what was handed out and gives the rest back.
    pub fn start(ports: StreamWriterPorts, random: Box<dyn Randomness + Send>) -> Running {
        let writer = Self {
            ports: ports.clone(),
            backoff: Backoff::new(random),
            told: Vec::new(),
            looked_at: Instant::now(),
            standstill: Standstill::default(),
            doubt: Doubt::default(),
        };
        Running::spawn(|stop| async move {
            let answering = tokio::spawn(questions::answer(ports, stop.clone()));
            writer.run(stop).await;
            // A panic has been reported where it happened.
            let _panicked = answering.await;
        })
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut connections = self.ports.broker.standing.connections();
        while !stop.is_cancelled() {
            let Err(trouble) = self.work(&stop).await else {
                return;
            };
            self.note(Some(&trouble));
            tokio::select! {
                () = sleep(self.backoff.fail()) => {}
                Ok(()) = connections.changed() => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Brings rows until it is told to stop or something fails.
    async fn work(&mut self, stop: &CancellationToken) -> Result<(), Trouble> {
        let mut source = Source::open(&self.ports.broker).await?;
        while !stop.is_cancelled() {
            // First of all, since there are messages that end each hand-out as soon as it begins.
            if let Next::BeginAnew = self.look(&mut source).await? {
                source = Source::open(&self.ports.broker).await?;
            }
            let gathered = source.gather(stop).await?;
            if gathered.is_empty() {
                // Nothing waits, and the logging database has refused nothing.
                self.note(None);
            } else if let Err(trouble) = self.ports.bring(gathered, &mut self.doubt).await {
                source.give_back(bringing::LATER).await;
                return Err(trouble);
            } else {
                self.note(None);
            }
        }
        source.give_back(Duration::ZERO).await;
        Ok(())
    }

    /// Looks at the consumer now and then: measures what waits, notices a hand-out that has come to a
    /// standstill, and removes from the stream what is done with.
    async fn look(&mut self, source: &mut Source) -> Result<Next, Trouble> {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Ok(Next::GoOn);
        }
        self.looked_at = Instant::now();
        let info = source.info().await?;
        if is_beyond(&info, source.last().await?) {
            source.replace_consumer(&info, BEYOND).await?;
            return Ok(Next::BeginAnew);
        }
        if let Some(from) = self.standstill.look_from(&info, self.looked_at)
            && let Next::BeginAnew = self.look_into(source, &info, from).await?
        {
            return Ok(Next::BeginAnew);
        }
        source.clear(&info).await?;
        Ok(Next::GoOn)
    }

    /// Buries what the client does not hand up. If that is not it, the broker has forgotten what it
    /// has handed out.
    async fn look_into(
        &mut self,
        source: &Source,
        info: &consumer::Info,
        from: u64,
    ) -> Result<Next, Trouble> {
        let (broker, stream) = (&self.ports.broker, &source.stream);
        let mut looked = Looked {
            buried: 0,
            next: from,
            is_through: false,
        };
        let to = info.delivered.stream_sequence;
        let buried = unfit::bury(broker, stream, to, &mut looked).await;
        self.standstill.looked_into(from, looked, Instant::now());
        buried?;
        let is_forgetful = Stand::of(info) == Stand::Forgetful;
        if !is_forgetful || looked.buried > 0 || !looked.is_through {
            return Ok(Next::GoOn);
        }
        // What else comes into the stream is passed over, and looks the same.
        let behind = info.ack_floor.stream_sequence.saturating_add(1);
        if !unfit::is_any_between(broker, stream, behind, to).await? {
            return Ok(Next::GoOn);
        }
        source.replace_consumer(info, FORGOTTEN).await?;
        Ok(Next::BeginAnew)
    }

    /// Reports the beginning of a delay, once for each kind of trouble, and its end.
    fn note(&mut self, trouble: Option<&Trouble>) {
        let reason = trouble.map(|trouble| causes(trouble));
        let kind = trouble.map(discriminant);
        if let (Some(reason), Some(kind)) = (&reason, kind)
            && !self.told.contains(&kind)
        {
            let event = NamedEvent::LogWriterDelayed;
            tracing::warn!(
                event.code = event.code(),
                event.name = event.slug(),
                reason,
                "log rows from the broker are not brought to the logging database"
            );
            self.told.push(kind);
        }
        if reason.is_none() {
            self.backoff.succeed();
            if !std::mem::take(&mut self.told).is_empty() {
                tracing::info!("log rows from the broker are written again");
            }
        }
        self.ports.broker.standing.set(Part::Writer, reason);
    }
}

impl Source {
    async fn open(broker: &Broker) -> Result<Self, Trouble> {
        broker.connected()?;
        let stream = broker.rows().await?;
        broker.dead_letters().await?;
        let found = ensure_consumer(&stream, log_writers(&broker.settings)).await?;
        let consumer = broker.noted(found);
        let messages = consumer
            .stream()
            .max_messages_per_batch(BATCH_ROWS)
            .max_bytes_per_batch(BATCH_BYTES.max(2 * broker.client().max_payload()))
            .heartbeat(HEARTBEAT)
            .expires(REQUEST)
            .messages();
        let messages = timeout(PATIENCE, messages).await;
        let messages = messages.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
        let messages = messages.map_err(|error| Trouble::Consumer(error.into()))?;
        Ok(Self {
            stream,
            rows: broker.settings.names.all_rows(),
            consumer,
            messages,
            idle_looks: 0,
            cleared: 0,
        })
    }

    /// Takes messages: those that come within a moment of the first, as far as their number and
    /// their bytes allow, or none where none comes for a while or the writer is told to stop.
    async fn gather(&mut self, stop: &CancellationToken) -> Result<Vec<Message>, Trouble> {
        let mut gathered = Vec::new();
        let mut bytes = 0_usize;
        let mut until = Instant::now() + LOOK_EVERY;
        // The clock is looked at here as well: messages that somebody foists on this writer may come
        // without end.
        while gathered.len() < BATCH_ROWS && bytes < BATCH_BYTES && Instant::now() < until {
            let next = timeout_at(until, self.messages.next());
            let Some(next) = stop.run_until_cancelled(next).await else {
                break;
            };
            match next {
                Err(_elapsed) => break,
                // Acknowledged by publishing where it says: only what the broker hands out is.
                Ok(Some(Ok(message))) if !self.has_handed_out(&message) => {
                    tracing::debug!("a message came that the broker did not hand out");
                }
                Ok(Some(Ok(message))) => {
                    if gathered.is_empty() {
                        until = Instant::now() + GATHER;
                    }
                    bytes = bytes.saturating_add(message.length);
                    gathered.push(message);
                }
                // What was gathered is brought; the next turn meets the failure again, or not.
                Ok(_) if !gathered.is_empty() => break,
                Ok(Some(Err(error))) => return Err(Trouble::Stalled(error.to_string())),
                Ok(None) => return Err(Trouble::Stalled("its hand-out ended".to_owned())),
            }
        }
        if !gathered.is_empty() {
            self.idle_looks = 0;
        }
        Ok(gathered)
    }

    /// How the consumer stands, unless rows wait there and none is handed out.
    async fn info(&mut self) -> Result<consumer::Info, Trouble> {
        let info = timeout(PATIENCE, self.consumer.get_info()).await;
        let info = info.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
        let info = info.map_err(|error| Trouble::Consumer(error.into()))?;
        metrics::gauge!("colophon_nats_waiting_rows").set(stream::waiting(&info) as f64);
        self.idle_looks = match info.num_pending {
            0 => 0,
            _ => self.idle_looks.saturating_add(1),
        };
        if self.idle_looks >= STALLED_AFTER {
            let problem = format!("{} wait and none comes", info.num_pending);
            return Err(Trouble::Stalled(problem));
        }
        Ok(info)
    }

    /// The number of the last message in the stream, or of the one that was it.
    async fn last(&self) -> Result<u64, Trouble> {
        let name = &self.stream.cached_info().config.name;
        let info = timeout(PATIENCE, self.stream.get_info()).await;
        let info = info.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
        let info = info.map_err(|error| Trouble::stream(name, error))?;
        Ok(info.state.last_sequence)
    }

    /// Has the broker hand out everything that is in the stream: by another consumer, with the
    /// settings of this one. What has been brought already is in the logging database once all the
    /// same.
    async fn replace_consumer(&self, info: &consumer::Info, why: &str) -> Result<(), Trouble> {
        tracing::warn!(
            brought = info.ack_floor.stream_sequence,
            handed_out = info.delivered.stream_sequence,
            "{why}; its consumer is made anew"
        );
        let replaced = stream::replace_consumer(&self.stream, info);
        let replaced = timeout(PATIENCE, replaced).await;
        replaced.unwrap_or(Err(Trouble::Silent(PATIENCE)))
    }

    /// Removes what has been brought, without a gap from the beginning: rows, and nothing that has
    /// come into the stream in another way. Only where there is more of it than before, since a
    /// server before 2.9.15 forgets what was handed out.
    async fn clear(&mut self, info: &consumer::Info) -> Result<(), Trouble> {
        let brought = info.ack_floor.stream_sequence;
        let config = &self.stream.cached_info().config;
        if brought <= self.cleared || config.deny_purge {
            return Ok(());
        }
        let purged = self
            .stream
            .purge()
            .filter(self.rows.clone())
            .sequence(brought.saturating_add(1));
        let purged = timeout(PATIENCE, purged.into_future()).await;
        let purged = purged.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
        purged.map_err(|error| Trouble::clearing(&config.name, error))?;
        self.cleared = brought;
        Ok(())
    }

    /// Whether the broker has handed a message out, and not somebody who has found out where it
    /// hands out to. What is acknowledged is named by the message itself.
    fn has_handed_out(&self, message: &Message) -> bool {
        let stream = &self.stream.cached_info().config.name;
        let info = message.info();
        info.is_ok_and(|info| info.stream == stream && info.consumer == Names::CONSUMER)
    }

    /// Has the broker hand out elsewhere, or later, what it has handed out here and nobody brings.
    async fn give_back(mut self, later: Duration) {
        while let Some(Some(Ok(message))) = self.messages.next().now_or_never() {
            give_back(&message, later).await;
        }
    }
}

/// Has the broker hand a message out again.
async fn give_back(message: &Message, later: Duration) {
    let later = Some(later).filter(|later| !later.is_zero());
    // If that does not arrive, it is handed out again when its time is over.
    let _lost = timeout(PATIENCE, message.ack_with(AckKind::Nak(later))).await;
}
