//! Nothing goes wrong.

use colophon_store::log::NodeProgress;
use colophon_tests::nats::NatsServer;

use crate::ground::{
    LoggingDatabase, Source, all_arrived, connect, eventually, settings, stranger, writer,
};

pub(crate) async fn rows_arrive_once_and_leave_the_outbox(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let (relay, writer) = (source.relay(&broker), writer(&broker, &log));
    source.submit(1000).await;
    all_arrived(&source, &log, 1000).await;
    // A row that comes alone is not waited with.
    source.submit(1).await;
    all_arrived(&source, &log, 1001).await;
    assert_eq!(broker.standing().problem(), None);
    relay.stop().await;
    writer.stop().await;
    let [progress] = log.store.node_progress().await.unwrap().try_into().unwrap();
    let expected = NodeProgress {
        node: source.node.id(),
        complete: 1001,
        highest: 1001,
    };
    assert_eq!(progress, expected);
}

pub(crate) async fn rows_of_an_earlier_run_are_handed_over(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    source.submit(600).await;
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    all_arrived(&source, &log, 600).await;
}

pub(crate) async fn two_log_writers_share_the_rows(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let settings = settings(&server);
    let brokers = [connect(&settings).await, connect(&settings).await];
    let _writers = brokers.each_ref().map(|broker| writer(broker, &log));
    let _relay = source.relay(&brokers[0]);
    for _ in 0..20 {
        source.submit(100).await;
    }
    all_arrived(&source, &log, 2000).await;
    let [progress] = log.store.node_progress().await.unwrap().try_into().unwrap();
    assert_eq!((progress.complete, progress.highest), (2000, 2000));
}

pub(crate) async fn rows_of_many_nodes_arrive_under_their_names(server: NatsServer) {
    let log = LoggingDatabase::new().await;
    let broker = connect(&settings(&server)).await;
    let _writer = writer(&broker, &log);
    let mut sources = Vec::new();
    for count in [10, 20, 30] {
        let source = Source::new().await;
        let relay = source.relay(&broker);
        source.submit(count).await;
        sources.push((source, relay, count));
    }
    for (source, _relay, _count) in &sources {
        eventually("the outbox is empty", async || source.waiting().await == 0).await;
    }
    for (source, _relay, count) in &sources {
        let progress = log.store.node_progress().await.unwrap();
        let of_node = progress.iter().find(|one| one.node == source.node.id());
        assert_eq!(of_node.unwrap().complete, *count as u64);
    }
}

pub(crate) async fn nothing_stays_in_the_stream_that_was_brought(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(300).await;
    all_arrived(&source, &log, 300).await;
    let stranger = stranger(&server).await;
    let stream = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    eventually("the stream is empty", async || {
        stream.get_info().await.unwrap().state.messages == 0
    })
    .await;
}
