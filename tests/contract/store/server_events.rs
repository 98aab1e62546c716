//! The event log, which comes by the way of the download log.

use colophon_core::event::NamedEvent;
use colophon_core::id::EventId;
use colophon_core::log::{LogRecord, ServerEvent, Severity};
use colophon_core::ports::LogRows;
use colophon_store::log::{EventFilter, EventRow, NodeProgress, RowCursor};
use colophon_store::store::Store;

use crate::log::{always, between, billed};
use crate::place::{Place, moment};
use crate::samples::{download, event, furnish, node, server_event};

fn everything() -> EventFilter {
    EventFilter {
        period: always(),
        name: None,
        center: None,
    }
}

async fn append(store: &Store, records: impl IntoIterator<Item = (i64, LogRecord)>) {
    let records: Vec<_> = records.into_iter().collect();
    store.append(node(1), &records).await.unwrap();
}

async fn listed(store: &Store, filter: &EventFilter) -> Vec<EventRow> {
    store
        .list_server_events(filter, None, 10_000)
        .await
        .unwrap()
}

async fn events(store: &Store, filter: &EventFilter) -> Vec<EventId> {
    let rows = listed(store, filter).await;
    rows.iter().map(|row| row.event).collect()
}

/// Every third row is a named event.
fn mixed(sequence: i64) -> (i64, LogRecord) {
    let number = sequence as u32;
    let record = if sequence % 3 == 0 {
        server_event(number).into()
    } else {
        download(number, &format!("order-{}", sequence % 7)).into()
    };
    (sequence, record)
}

pub(crate) async fn an_event_comes_back_as_it_was_handed_in(ground: &Place) {
    let store = ground.store().await;
    let told = ServerEvent {
        center: Some("main".parse().unwrap()),
        severity: Severity::Error,
        ..server_event(1)
    };
    append(&store, [(1, told.clone().into())]).await;
    let [row] = listed(&store, &everything()).await.try_into().unwrap();
    assert_eq!(
        (row.event, row.node, row.at),
        (event(1), node(1), moment(1000))
    );
    assert_eq!(
        (row.code.as_str(), row.name.as_str(), row.severity),
        ("COL3001", "request-illegal", Severity::Error)
    );
    assert_eq!(row.center, told.center);
    assert_eq!(row.message, "Canarymessage");
    assert_eq!(row.details, told.details.pairs());
    assert_eq!(store.count_records().await.unwrap().events, 1);
}

pub(crate) async fn both_kinds_arrive_once_and_without_a_gap(ground: &Place) {
    let store = ground.store().await;
    furnish(&store).await;
    let batch: Vec<_> = (1..=300).map(mixed).collect();
    let progress = async || {
        let [progress] = store.node_progress().await.unwrap().try_into().unwrap();
        let NodeProgress {
            complete, highest, ..
        } = progress;
        (complete, highest)
    };
    append(&store, batch[..10].to_vec()).await;
    assert_eq!(progress().await, (10, 10));
    // A gap that begins and ends with events, filled later; some rows come again each time.
    append(&store, batch[12..100].to_vec()).await;
    assert_eq!(progress().await, (10, 100));
    append(&store, batch[5..20].to_vec()).await;
    assert_eq!(progress().await, (100, 100));
    append(&store, batch.clone()).await;
    append(&store, batch.iter().chain(&batch).cloned()).await;
    assert_eq!(progress().await, (300, 300));

    let counts = store.count_records().await.unwrap();
    assert_eq!((counts.downloads, counts.events), (200, 100));
    assert_eq!(billed(&store, always()).await, 7);
    // Events alone make a batch as well.
    append(&store, [mixed(303), mixed(303)]).await;
    append(&store, [mixed(301), mixed(302)]).await;
    assert_eq!(progress().await, (303, 303));
    // The same event from a node that claims another sequence is the same event.
    append(&store, [(9999, server_event(3).into())]).await;
    assert_eq!(store.count_records().await.unwrap().events, 101);
}

pub(crate) async fn events_are_listed_from_the_latest_back(ground: &Place) {
    let store = ground.store().await;
    // Three at each moment, so that the moment alone does not tell where a page ended.
    let mut expected = Vec::new();
    for number in 0..30u32 {
        let record = ServerEvent {
            at: moment(i64::from(number / 3)),
            name: NamedEvent::ALL[number as usize % 2],
            center: (number % 5 == 0).then(|| "main".parse().unwrap()),
            ..server_event(number)
        };
        append(&store, [(i64::from(number) + 1, record.into())]).await;
        expected.push(event(number));
    }
    expected.reverse();
    for limit in [1, 4, 29, 30, 31] {
        let mut listed: Vec<EventId> = Vec::new();
        let mut after = None;
        loop {
            let page = store
                .list_server_events(&everything(), after, limit)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            after = Some(RowCursor {
                at: last.at,
                event: last.event,
            });
            listed.extend(page.iter().map(|row| row.event));
        }
        assert_eq!(listed, expected, "in pages of {limit}");
    }
    let filter = EventFilter {
        period: between(2, 4),
        name: Some(NamedEvent::Stopped),
        center: None,
    };
    assert_eq!(
        events(&store, &filter).await,
        [event(11), event(9), event(7)]
    );
    let filter = EventFilter {
        center: Some("main".parse().unwrap()),
        ..filter
    };
    assert_eq!(events(&store, &filter).await, []);
    let filter = EventFilter {
        name: Some(NamedEvent::Started),
        ..filter
    };
    assert_eq!(events(&store, &filter).await, [event(10)]);
}

pub(crate) async fn an_event_moved_to_another_row_does_not_open(ground: &Place) {
    let store = ground.store().await;
    append(&store, [mixed(3), mixed(6)]).await;
    assert_eq!(store.check_integrity().await.unwrap(), []);
    let mut stranger = ground.log_stranger().await;
    let sql = "UPDATE server_events SET details = \
        (SELECT details FROM server_events WHERE at = 3000) WHERE at <> 3000";
    let moved = stranger.run(sql).await;
    assert_eq!(moved, 1);
    let result = store.list_server_events(&everything(), None, 10).await;
    let said = result.unwrap_err().to_string();
    assert!(said.contains("details"), "{said}");
    let [problem] = store.check_integrity().await.unwrap().try_into().unwrap();
    assert!(
        problem
            .text
            .starts_with("1 of 2 values of server_events.details"),
        "{problem:?}"
    );
}
