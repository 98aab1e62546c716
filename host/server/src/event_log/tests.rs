use std::error::Error;
use std::io;
use std::sync::Mutex;

use colophon_core::event::NamedEvent;
use colophon_core::log::{LogRecord, Severity};
use colophon_core::ports::{Admission, Commit};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use metrics_exporter_prometheus::PrometheusBuilder;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use super::recording::{
    AT_WILL_A_MINUTE, Minute, OF_ROWS_SET_ASIDE, RAISED_AT_WILL, SET_ASIDE_MAX,
};
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
fn a_flood_that_anybody_can_raise_leaves_room_for_the_rest() {
    let stopped = NamedEvent::Stopped;
    for event in RAISED_AT_WILL {
        let rows = recorded(usize::MAX, || {
            for _ in 0..200 {
                tracing::warn!(event.code = event.code(), event.name = event.slug());
            }
            tracing::info!(event.code = stopped.code(), event.name = stopped.slug());
        });
        let of_flood = |row: &&ServerEvent| row.name == event;
        let kept = u32::try_from(rows.iter().filter(of_flood).count()).unwrap();
        // The flood may fall into two minutes.
        assert!(
            (AT_WILL_A_MINUTE..=2 * AT_WILL_A_MINUTE).contains(&kept),
            "{event:?}: {kept}"
        );
        assert_eq!(rows.last().unwrap().name, stopped);
    }
}

#[test]
fn a_flood_of_one_event_leaves_room_for_the_others() {
    let other = NamedEvent::PackageBroken;
    let rows = recorded(usize::MAX, || {
        (0..200).for_each(raise);
        tracing::warn!(event.code = other.code(), event.name = other.slug());
    });
    assert_eq!(rows.last().unwrap().name, other);
}

#[test]
fn rows_that_are_set_aside_do_not_beget_each_other() {
    for event in OF_ROWS_SET_ASIDE {
        let tell = || tracing::error!(event.code = event.code(), event.name = event.slug());
        let rows = recorded(usize::MAX, || {
            (0..SET_ASIDE_MAX + 20).for_each(|_| tell());
            raise(1);
        });
        assert_eq!(rows.len(), SET_ASIDE_MAX as usize + 1);
    }
}
