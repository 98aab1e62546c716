//! From the queue into the outbox, as many as may be.

use std::cell::Cell;
use std::sync::Arc;

use colophon_core::event::NamedEvent;
use colophon_core::log::ServerEvent;
use colophon_core::ports::Outbox;
use colophon_core::time::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Events that whoever sends requests can raise at will. An illegal request may be as large as a
/// request's head, and a reader may ask and hang up as often as it likes; and whoever may publish on
/// the broker may hand anything over.
pub(super) const RAISED_AT_WILL: [NamedEvent; 5] = [
    NamedEvent::RequestIllegal,
    NamedEvent::KeyPoolEmpty,
    NamedEvent::ActivationFailed,
    NamedEvent::PackageBroken,
    NamedEvent::LogRowRefused,
];

/// How many of each of these are recorded in one minute at most. What a flood of them says, its
/// first ones say.
pub(super) const AT_WILL_A_MINUTE: u32 = 60;
const MINUTE_MS: i64 = 60_000;

/// Events about rows that were set aside, which one run records at most of each: an event is a row
/// itself, and may be set aside for the same reason. All such rows are kept, whatever becomes of
/// their events.
pub(super) const SET_ASIDE_MAX: u32 = 100;
pub(super) const OF_ROWS_SET_ASIDE: [NamedEvent; 3] = [
    NamedEvent::LogRowUnreadable,
    NamedEvent::LogRowTooLarge,
    NamedEvent::LogRowSetAside,
];

thread_local! {
    /// Whether this thread is recording an event.
    static RECORDING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is recording an event, so that whatever happens now comes of that.
pub(super) fn is_recording() -> bool {
    RECORDING.get()
}

/// Events on their way from the queue into the outbox.
pub(super) struct Recording {
    waiting: mpsc::Receiver<ServerEvent>,
    outbox: Arc<dyn Outbox>,
    set_aside: [(NamedEvent, u32); OF_ROWS_SET_ASIDE.len()],
    at_will: [(NamedEvent, Minute); RAISED_AT_WILL.len()],
}

/// How many events of a kind were recorded in the minute under way.
#[derive(Default)]
pub(super) struct Minute {
    number: i64,
    recorded: u32,
}

impl Minute {
    /// Counts one more event, unless the minute it falls in has had `most`.
    pub(super) fn take(&mut self, at: Timestamp, most: u32) -> Option<()> {
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
    pub(super) fn new(waiting: mpsc::Receiver<ServerEvent>, outbox: Arc<dyn Outbox>) -> Self {
        Self {
            waiting,
            outbox,
            set_aside: OF_ROWS_SET_ASIDE.map(|name| (name, SET_ASIDE_MAX)),
            at_will: RAISED_AT_WILL.map(|name| (name, Minute::default())),
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
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
        let mut set_aside = self.set_aside.iter_mut();
        if let Some((_, left)) = set_aside.find(|(name, _)| *name == event.name) {
            *left = left.checked_sub(1)?;
        }
        let mut at_will = self.at_will.iter_mut();
        if let Some((_, minute)) = at_will.find(|(name, _)| *name == event.name) {
            minute.take(event.at, AT_WILL_A_MINUTE)?;
        }
        let _marked = Marked::new();
        let admission = self.outbox.admit_refusal()?;
        drop(admission.submit(event.into()));
        Some(())
    }
}

pub(super) fn count_dropped() {
    metrics::counter!("colophon_events_dropped_total").increment(1);
}
