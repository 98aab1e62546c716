//! Messages that are larger than a broker takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::Config;
use colophon_core::ports::SetAside;
use colophon_pipeline::jetstream::{Broker, BrokerSettings};
use colophon_tests::nats::NatsServer;

use crate::ground::{
    LoggingDatabase, Source, all_arrived, connect, eventually, settings, stranger, writer,
};
use crate::strangers::another;

const SMALL: &str = "max_payload: 8192";

pub(crate) async fn a_row_larger_than_the_server_takes_is_set_aside(server: NatsServer) {
    let small = another(&server, SMALL);
    let source = Source::new().await;
    let log = large_rows_are_set_aside(&source, &settings(&small)).await;

    // Another server takes them, with the next start of the host.
    assert_eq!(source.node.bring_back().await.unwrap(), 2);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 42).await;
    assert_eq!(source.set_aside(SetAside::TooLarge).await, 0);
}

pub(crate) async fn a_row_larger_than_the_stream_takes_is_set_aside(server: NatsServer) {
    let narrow = Config {
        name: "COLOPHON_LOG".to_owned(),
        subjects: vec!["colophon.log.rows.*".to_owned()],
        max_message_size: 8192,
        ..Config::default()
    };
    stranger(&server).await.create_stream(narrow).await.unwrap();
    let settings = settings(&server);
    large_rows_are_set_aside(&Source::new().await, &settings).await;
    let inspection = Broker::inspect(&settings).await.unwrap();
    let told = inspection.differences.join("\n");
    assert!(told.contains("max_msg_size 8192 instead of -1"), "{told}");
}

/// Forty rows arrive, and two among them that are larger than 8 KiB are kept apart.
async fn large_rows_are_set_aside(
    source: &Source,
    settings: &BrokerSettings,
) -> Arc<LoggingDatabase> {
    let log = LoggingDatabase::new().await;
    source.submit(20).await;
    source.submit_one_of(8192).await;
    source.submit(10).await;
    let broker = connect(settings).await;
    let (relay, writer) = (source.relay(&broker), writer(&broker, &log));
    all_arrived(source, &log, 30).await;
    // One that comes while the relay is at work.
    source.submit_one_of(8192).await;
    source.submit(10).await;
    all_arrived(source, &log, 40).await;
    assert_eq!(source.set_aside(SetAside::TooLarge).await, 2);
    assert_eq!(broker.standing().problem(), None);
    relay.stop().await;
    writer.stop().await;
    log
}

pub(crate) async fn what_is_told_at_once_fits_into_what_the_server_takes(server: NatsServer) {
    // The numbers of a full batch have 6 KiB.
    let server = another(&server, "max_payload: 4096");
    let log = LoggingDatabase::new().await;
    let mut settings = settings(&server);
    let stranger = stranger(&server).await;
    let taken = async |count: u64| {
        let stream = stranger.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.last_sequence == count)
    };
    // Answers, where nobody has heard what was told unasked.
    let source = Source::new().await;
    let broker = connect(&settings).await;
    let relay = source.relay(&broker);
    source.submit(500).await;
    eventually("the broker has the rows", async || taken(500).await).await;
    relay.stop().await;
    let bringing = writer(&broker, &log);
    eventually("they are brought", async || log.rows().await == 500).await;
    let _relay = source.relay(&broker);
    all_arrived(&source, &log, 500).await;
    bringing.stop().await;
    // What is told unasked, where nobody asks.
    settings.confirm_after = Duration::from_secs(3600);
    let (source, broker) = (Source::new().await, connect(&settings).await);
    let _relay = source.relay(&broker);
    source.submit(500).await;
    eventually("the broker has the rows", async || taken(1000).await).await;
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 1000).await;
}

pub(crate) async fn a_dead_letter_that_has_grown_too_large_is_cut(server: NatsServer) {
    let server = another(&server, SMALL);
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(10).await;
    let stranger = stranger(&server).await;
    eventually("the broker has the rows", async || {
        let stream = stranger.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages == 10)
    })
    .await;
    // As large as the server takes, so that nothing can be added.
    let mut headers = HeaderMap::new();
    headers.insert(
        "Filler",
        "f".repeat(8192 - "NATS/1.0\r\nFiller: \r\n\r\n".len()),
    );
    for (headers, payload) in [(HeaderMap::new(), vec![b'x'; 8192]), (headers, Vec::new())] {
        let subject = "colophon.log.rows.nobody";
        let sent = stranger.publish_with_headers(subject, headers, payload.into());
        sent.await.unwrap().await.unwrap();
    }
    source.submit(10).await;
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 20).await;
    eventually("both are buried", async || {
        let inspection = Broker::inspect(&settings).await.unwrap();
        inspection.dead_letters == 2 && inspection.waiting == Some(0)
    })
    .await;
    let stream = stranger.get_stream("COLOPHON_LOG_DEAD").await.unwrap();
    for (number, bytes) in [(1, "8192"), (2, "0")] {
        let letter = stream.get_raw_message(number).await.unwrap();
        let told = letter.headers.get("Colophon-Payload-Bytes").unwrap();
        assert_eq!(told.as_str(), bytes);
        let problem = letter.headers.get("Colophon-Problem").unwrap();
        assert_eq!(problem.as_str(), "the subject names no node");
    }
}

pub(crate) async fn many_large_messages_are_brought_a_few_at_a_time(server: NatsServer) {
    const ROWS: usize = 400;
    const ROW_BYTES: usize = 12_000;
    const POISON: u64 = 20;
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    for _ in 0..ROWS {
        source.submit_one_of(ROW_BYTES).await;
    }
    let stranger = stranger(&server).await;
    eventually("the broker has the rows", async || {
        let stream = stranger.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages == ROWS as u64)
    })
    .await;
    // Each nearly as large as a server takes.
    for _ in 0..POISON {
        let poison = vec![b'x'; 1_000_000];
        let sent = stranger.publish("colophon.log.rows.nobody", poison.into());
        sent.await.unwrap().await.unwrap();
    }
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, ROWS).await;
    eventually("the rest is buried", async || {
        let inspection = Broker::inspect(&settings).await.unwrap();
        inspection.dead_letters == POISON && inspection.waiting == Some(0)
    })
    .await;
    // Two mebibytes, and what goes beyond with the last.
    let largest = log.largest_batch.load(Ordering::Relaxed);
    assert!(largest <= (2 << 20) / ROW_BYTES + 1, "{largest}");
}
