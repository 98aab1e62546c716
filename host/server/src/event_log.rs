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

mod recording;
#[cfg(test)]
mod tests;
mod told;

use std::sync::Arc;

use colophon_core::log::ServerEvent;
use colophon_core::ports::Outbox;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, Filtered, filter_fn};
use tracing_subscriber::layer::Context;

use self::recording::{Recording, count_dropped, is_recording};
use self::told::record;

/// Events that may wait to be recorded.
const WAITING_MAX: usize = 256;

/// The field that makes a `tracing` event a named one.
const CODE: &str = "event.code";

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
        if is_recording() {
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
        let recording = Recording::new(self.waiting, outbox);
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
