//! Named events on their way into the log: from `tracing` into the outbox.
//!
//! Whoever raises an event waits for nothing: it goes into a queue, and what does not fit is dropped
//! and counted (`colophon_events_dropped_total`). An event raised before the outbox is open waits in
//! the queue; if the host never gets that far, it has been told on standard error alone. The same
//! holds for what happens after the queue was closed, while the last rows are flushed.
//!
//! Writing an event down must not raise the next without end. What this task itself causes is not
//! recorded, and of rows that cannot be read only so many are: each of their events becomes a row
//! that may be as unreadable.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use colophon_core::event::NamedEvent;
use colophon_core::log::{EventDetails, EventMessage, ServerEvent, Severity};
use colophon_core::ports::Outbox;
use colophon_core::time::{Clock as _, Timestamp};
use colophon_receipt::CenterId;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, Filtered, filter_fn};
use tracing_subscriber::layer::Context;

use crate::house::{SystemClock, new_event};

/// Events that may wait to be recorded.
const WAITING_MAX: usize = 256;

/// Illegal requests that are recorded in one minute at most. Strangers can send any number of them,
/// and each may be as large as a request's head; what a flood of them says, its first ones say.
const ILLEGAL_A_MINUTE: u32 = 60;
const MINUTE_MS: i64 = 60_000;

/// Events about unreadable rows that one run records at most. All such rows are kept as dead
/// letters, whatever becomes of their events.
const UNREADABLE_MAX: u32 = 100;

/// The field that makes a `tracing` event a named one.
const CODE: &str = "event.code";

thread_local! {
    /// Whether this thread is recording an event.
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Takes named events out of everything that is traced.
pub(crate) struct EventLayer {
    queue: mpsc::Sender<ServerEvent>,
}

/// Named events that have not been recorded yet.
pub(crate) struct EventQueue {
    waiting: mpsc::Receiver<ServerEvent>,
}

/// The task that records events.
pub(crate) struct Recorder {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A layer with a filter of its own, so that no setting keeps named events out of the log, and what
/// it finds. Everything else costs what it would cost without the layer: the decision is made once
/// for each place in the code that traces.
pub(crate) fn open<S: Subscriber>() -> (Filtered<EventLayer, FilterFn, S>, EventQueue) {
    let (queue, waiting) = mpsc::channel(WAITING_MAX);
    let is_named: fn(&Metadata<'_>) -> bool =
        |metadata| metadata.is_event() && metadata.fields().field(CODE).is_some();
    // Named events are told at this level or a graver one.
    let filter = filter_fn(is_named).with_max_level_hint(LevelFilter::INFO);
    (
        EventLayer { queue }.with_filter(filter),
        EventQueue { waiting },
    )
}

impl<S: Subscriber> Layer<S> for EventLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if RECORDING.get() {
            return;
        }
        let Some(record) = record(event) else { return };
        if self.queue.try_send(record).is_err() {
            count_dropped();
        }
    }
}

impl EventQueue {
    /// Starts to record what waits and what comes.
    pub(crate) fn record_in(self, outbox: Arc<dyn Outbox>) -> Recorder {
        let stop = CancellationToken::new();
        let recording = Recording {
            waiting: self.waiting,
            outbox,
            unreadable_left: UNREADABLE_MAX,
            illegal: Minute::default(),
        };
        let task = tokio::spawn(recording.run(stop.clone()));
        Recorder { stop, task }
    }
}

impl Recorder {
    /// Records everything that has been told so far, and nothing more. The outbox makes it durable
    /// when it is stopped afterwards.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        // A panic has been reported where it happened; there is nothing more to wait for.
        let _panicked = self.task.await;
    }
}

struct Recording {
    waiting: mpsc::Receiver<ServerEvent>,
    outbox: Arc<dyn Outbox>,
    unreadable_left: u32,
    illegal: Minute,
}

/// How many events of a kind were recorded in the minute under way.
#[derive(Default)]
struct Minute {
    number: i64,
    recorded: u32,
}

impl Minute {
    /// Counts one more event, unless the minute it falls in has had `most`.
    fn take(&mut self, at: Timestamp, most: u32) -> Option<()> {
        let number = at.unix_ms().div_euclid(MINUTE_MS);
        if number != self.number {
            *self = Self {
                number,
                recorded: 0,
            };
        }
        (self.recorded < most).then(|| self.recorded += 1)
    }
}

/// Marks this thread as recording, until it is dropped.
struct Marked;

impl Marked {
    fn new() -> Self {
        RECORDING.set(true);
        Self
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        RECORDING.set(false);
    }
}

impl Recording {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let stopping = self.waiting.is_closed();
            let event = tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {
                    self.waiting.close();
                    continue;
                }
                event = self.waiting.recv() => event,
            };
            let Some(event) = event else { return };
            if self.submit(event).is_none() {
                count_dropped();
            }
        }
    }

    /// Hands an event to the outbox, if it may have room there. Nobody waits for its commit.
    fn submit(&mut self, event: ServerEvent) -> Option<()> {
        if event.name == NamedEvent::LogRowUnreadable {
            self.unreadable_left = self.unreadable_left.checked_sub(1)?;
        }
        if event.name == NamedEvent::RequestIllegal {
            self.illegal.take(event.at, ILLEGAL_A_MINUTE)?;
        }
        let _marked = Marked::new();
        let admission = self.outbox.admit_refusal()?;
        drop(admission.submit(event.into()));
        Some(())
    }
}

fn count_dropped() {
    metrics::counter!("colophon_events_dropped_total").increment(1);
}

/// What was told, if it is one of the published events.
fn record(event: &Event<'_>) -> Option<ServerEvent> {
    let mut told = Told::default();
    event.record(&mut told);
    let name = told.name?;
    Some(ServerEvent {
        event: new_event(),
        at: SystemClock.now(),
        name,
        severity: severity(*event.metadata().level()),
        center: told.center,
        message: told
            .message
            .unwrap_or_else(|| EventMessage::cut(name.meaning())),
        details: told.details,
    })
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        _ => Severity::Info,
    }
}

/// The fields of an event as they are visited.
#[derive(Default)]
struct Told {
    name: Option<NamedEvent>,
    center: Option<CenterId>,
    message: Option<EventMessage>,
    details: EventDetails,
}

impl Told {
    /// The code is told before everything else.
    fn is_illegal(&self) -> bool {
        self.name == Some(NamedEvent::RequestIllegal)
    }

    fn take(&mut self, field: &Field, text: &str) {
        match field.name() {
            CODE => self.name = NamedEvent::find(text),
            // The number says it already.
            "event.name" => {}
            "message" => self.message = Some(EventMessage::cut(text)),
            // Who asked for a download stands in its row, where it can be erased. Only an illegal
            // request leaves none.
            "client.address" | "connection.peer" if !self.is_illegal() => {}
            "center.id" if self.center.is_none() => match text.parse() {
                Ok(center) => self.center = Some(center),
                Err(_) => self.details.add(field.name(), text),
            },
            name => self.details.add(name, text),
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.take(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut causes = vec![value.to_string()];
        let mut cause = value.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        self.take(field, &causes.join(": "));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use colophon_core::log::LogRecord;
    use colophon_core::ports::{Admission, Commit};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    /// What is recorded of whatever `tell` traces.
    fn told(tell: impl FnOnce()) -> Vec<ServerEvent> {
        let (layer, mut queue) = open();
        // As in a host whose operator wants to read nothing at all.
        let silent = tracing_subscriber::fmt::layer().with_filter(LevelFilter::OFF);
        with_default(registry().with(silent).with(layer), tell);
        std::iter::from_fn(|| queue.waiting.try_recv().ok()).collect()
    }

    fn raise(number: usize) {
        let event = NamedEvent::RequestIllegal;
        tracing::warn!(event.code = event.code(), event.name = event.slug(), number);
    }

    /// An event of which any number is recorded.
    fn raise_other(number: usize) {
        let event = NamedEvent::DownloadFailed;
        tracing::warn!(event.code = event.code(), event.name = event.slug(), number);
    }

    fn dropped(run: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, run);
        let page = recorder.handle().render();
        let line = page
            .lines()
            .find(|line| line.starts_with("colophon_events_dropped_total"));
        line.unwrap_or_default().to_owned()
    }

    #[test]
    fn a_named_event_arrives_with_all_that_was_told() {
        let event = NamedEvent::PluginFailed;
        let inner = io::Error::other("connection reset");
        let error = anyhow::Error::new(inner).context("no answer");
        let source: &(dyn Error + 'static) = error.as_ref();
        let records = told(|| {
            tracing::error!(
                event.code = event.code(),
                event.name = event.slug(),
                center.id = "main",
                plugin.version = 3,
                request.id = %"01",
                error = source,
                nothing = None::<&str>,
                "it {}",
                "failed\nagain"
            );
        });
        let [record] = records.as_slice() else {
            panic!("{records:?}")
        };
        assert_eq!((record.name, record.severity), (event, Severity::Error));
        assert_eq!(record.center.as_ref().map(CenterId::as_str), Some("main"));
        assert_eq!(record.message.as_str(), "it failed again");
        let pairs = [
            ("plugin.version", "3"),
            ("request.id", "01"),
            ("error", "no answer: connection reset"),
        ];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(record.details.pairs(), pairs);
    }

    #[test]
    fn without_words_of_its_own_an_event_has_those_of_the_list() {
        let [record] = <[_; 1]>::try_from(told(|| raise(7))).unwrap();
        assert_eq!(
            record.message.as_str(),
            NamedEvent::RequestIllegal.meaning()
        );
        assert_eq!(record.severity, Severity::Warning);
    }

    #[test]
    fn what_is_not_a_named_event_does_not_arrive() {
        let records = told(|| {
            tracing::error!("an ordinary one");
            tracing::error!(event.name = "started");
            tracing::error!(event.code = "COL9999", "of no list");
            tracing::info_span!("a span", event.code = "COL1001").in_scope(|| ());
        });
        assert_eq!(records, []);
    }

    #[test]
    fn a_flood_is_dropped_and_counted_and_nobody_waits() {
        let mut kept = 0;
        let line = dropped(|| kept = told(|| (0..WAITING_MAX + 50).for_each(raise)).len());
        assert_eq!(kept, WAITING_MAX);
        assert_eq!(line, "colophon_events_dropped_total 50");
    }

    /// An outbox with room for so many rows, which raises an event whenever it is asked for room.
    struct Loud {
        room: Mutex<usize>,
        rows: Arc<Mutex<Vec<ServerEvent>>>,
    }

    impl Outbox for Loud {
        fn admit(&self) -> Option<Box<dyn Admission>> {
            let event = NamedEvent::OutboxFull;
            tracing::error!(event.code = event.code(), event.name = event.slug());
            let mut room = self.room.lock().unwrap();
            *room = room.checked_sub(1)?;
            Some(Box::new(Place(Arc::clone(&self.rows))))
        }

        fn admit_refusal(&self) -> Option<Box<dyn Admission>> {
            self.admit()
        }
    }

    struct Place(Arc<Mutex<Vec<ServerEvent>>>);

    impl Admission for Place {
        fn submit(self: Box<Self>, record: LogRecord) -> Commit {
            let LogRecord::Event(record) = record else {
                panic!("{record:?}")
            };
            self.0.lock().unwrap().push(record);
            Box::pin(async { Ok(()) })
        }
    }

    /// What gets into an outbox with so much room of whatever `tell` traces.
    fn recorded(room: usize, tell: impl FnOnce()) -> Vec<ServerEvent> {
        let rows = Arc::new(Mutex::new(Vec::new()));
        let outbox = Arc::new(Loud {
            room: Mutex::new(room),
            rows: Arc::clone(&rows),
        });
        let (layer, queue) = open();
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        with_default(registry().with(layer), || {
            tell();
            runtime.unwrap().block_on(async {
                let recorder = queue.record_in(outbox);
                recorder.stop().await;
            });
        });
        let rows = rows.lock().unwrap();
        rows.clone()
    }

    #[test]
    fn what_waited_is_recorded_in_order_before_the_recorder_stops() {
        let rows = recorded(usize::MAX, || (0..100).for_each(raise_other));
        let numbers = rows.iter().map(|row| row.details.pairs()[0].1.clone());
        let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(numbers.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_recording_causes_is_not_recorded() {
        let rows = recorded(usize::MAX, || (0..3).for_each(raise));
        assert_eq!(rows.len(), 3);
        assert!(
            rows.iter()
                .all(|row| row.name == NamedEvent::RequestIllegal)
        );
    }

    #[test]
    fn without_room_events_are_dropped_and_counted() {
        let line = dropped(|| assert_eq!(recorded(2, || (0..5).for_each(raise)).len(), 2));
        assert_eq!(line, "colophon_events_dropped_total 3");
    }

    #[test]
    fn a_clients_address_is_recorded_of_illegal_requests_alone() {
        let records = told(|| {
            for event in [NamedEvent::DownloadFailed, NamedEvent::RequestIllegal] {
                tracing::warn!(
                    event.code = event.code(),
                    request.id = %"01",
                    client.address = %"192.0.2.7",
                    connection.peer = %"192.0.2.7:5",
                );
            }
        });
        let names = |record: &ServerEvent| -> Vec<String> {
            let pairs = record.details.pairs();
            pairs.iter().map(|(name, _)| name.clone()).collect()
        };
        let [failed, illegal] = records.as_slice() else {
            panic!("{records:?}")
        };
        assert_eq!(names(failed), ["request.id"]);
        assert_eq!(
            names(illegal),
            ["request.id", "client.address", "connection.peer"]
        );
    }

    #[test]
    fn a_minute_has_room_for_so_many() {
        let mut minute = Minute::default();
        let at = |ms| Timestamp::from_unix_ms(ms);
        assert_eq!(minute.take(at(60_000), 2), Some(()));
        assert_eq!(minute.take(at(119_999), 2), Some(()));
        assert_eq!(minute.take(at(119_999), 2), None);
        assert_eq!(minute.take(at(120_000), 2), Some(()));
    }

    #[test]
    fn a_flood_of_illegal_requests_leaves_room_for_the_rest() {
        let stopped = NamedEvent::Stopped;
        let rows = recorded(usize::MAX, || {
            (0..200).for_each(raise);
            tracing::info!(event.code = stopped.code(), event.name = stopped.slug());
        });
        let illegal = |row: &&ServerEvent| row.name == NamedEvent::RequestIllegal;
        let kept = u32::try_from(rows.iter().filter(illegal).count()).unwrap();
        // The flood may fall into two minutes.
        assert!(
            (ILLEGAL_A_MINUTE..=2 * ILLEGAL_A_MINUTE).contains(&kept),
            "{kept}"
        );
        assert_eq!(rows.last().unwrap().name, stopped);
    }

    #[test]
    fn rows_that_cannot_be_read_do_not_beget_each_other() {
        let event = NamedEvent::LogRowUnreadable;
        let unreadable = || tracing::error!(event.code = event.code(), event.name = event.slug());
        let rows = recorded(usize::MAX, || {
            (0..UNREADABLE_MAX + 20).for_each(|_| unreadable());
            raise(1);
        });
        assert_eq!(rows.len(), UNREADABLE_MAX as usize + 1);
    }
}
