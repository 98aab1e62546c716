//! Messages that are no rows, and rows that the logging database refuses.

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::pull;
use colophon_core::ports::SetAside;
use colophon_pipeline::jetstream::Broker;
use colophon_tests::nats::NatsServer;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::ground::{
    LoggingDatabase, Source, all_arrived, connect, eventually, forgetful, settings, stranger,
    writer,
};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, *value);
    }
    headers
}

pub(crate) async fn what_is_no_row_is_kept_apart_and_the_others_arrive(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(50).await;
    let stranger = stranger(&server).await;
    eventually("the broker has the rows", async || {
        let stream = stranger.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages == 50)
    })
    .await;

    let node = format!("colophon.log.rows.{}", source.node.id());
    let event = "0123456789abcdef0123456789abcdef";
    let whole = [("Nats-Msg-Id", event), ("Colophon-Sequence", "7")];
    let no_number = [("Nats-Msg-Id", "x"), ("Colophon-Sequence", "7")];
    // What the broker would not accept in another place.
    let expecting = [("Nats-Expected-Last-Sequence", "53")];
    let poison = [
        ("colophon.log.rows.nobody", headers(&whole)),
        (&node, headers(&no_number)),
        (&node, HeaderMap::new()),
        (&node, headers(&expecting)),
    ];
    let buried = poison.len() as u64;
    for (subject, headers) in poison {
        let sent = stranger.publish_with_headers(subject.to_owned(), headers, "poison".into());
        sent.await.unwrap().await.unwrap();
    }
    source.submit(50).await;
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 100).await;

    eventually("all are buried", async || {
        let inspection = Broker::inspect(&settings).await.unwrap();
        inspection.dead_letters == buried && inspection.waiting == Some(0)
    })
    .await;
    let stream = stranger.get_stream("COLOPHON_LOG_DEAD").await.unwrap();
    let letter = stream.get_raw_message(1).await.unwrap();
    let problem = letter.headers.get("Colophon-Problem").unwrap();
    assert_eq!(problem.as_str(), "the subject names no node");
    assert_eq!(&letter.payload[..], b"poison");
    let rows = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    let consumer = rows
        .get_consumer::<pull::Config>("log-writer")
        .await
        .unwrap();
    assert_eq!(consumer.cached_info().num_ack_pending, 0);
}

pub(crate) async fn a_row_that_the_logging_database_refuses_holds_up_no_other(server: NatsServer) {
    let (source, other) = (Source::new().await, Source::new().await);
    let log = LoggingDatabase::new().await;
    log.run(
        "CREATE TRIGGER refuses BEFORE INSERT ON server_events WHEN NEW.sequence IN (57, 300) \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    let stranger = stranger(&server).await;
    stranger.create_stream(forgetful()).await.unwrap();
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relays = (source.relay(&broker), other.relay(&broker));
    source.submit(600).await;
    other.submit(50).await;
    let _writer = writer(&broker, &log);
    eventually("all others have arrived", async || {
        source.waiting().await == 0 && other.waiting().await == 0
    })
    .await;
    assert_eq!(log.rows().await, 648);
    // Kept at its host, out of the way of the others.
    assert_eq!(refused(&source).await, 2);
    eventually("the two are buried", async || {
        let inspection = Broker::inspect(&settings).await.unwrap();
        inspection.dead_letters >= 2
    })
    .await;
    let stream = stranger.get_stream("COLOPHON_LOG_DEAD").await.unwrap();
    let letter = stream.get_raw_message(1).await.unwrap();
    let problem = letter.headers.get("Colophon-Problem").unwrap().as_str();
    let expected = "the logging database refuses the record (SQLite 1811)";
    assert_eq!(problem, expected);
    // The next start tries them again.
    log.run("DROP TRIGGER refuses").await;
    assert_eq!(source.node.bring_back().await.unwrap(), 2);
    source.submit(1).await;
    all_arrived(&source, &log, 651).await;
    assert_eq!(refused(&source).await, 0);
}

/// Rows that were set aside since the logging database refuses them.
async fn refused(source: &Source) -> u64 {
    source.set_aside(SetAside::Refused).await
}

pub(crate) async fn a_refusal_holds_for_one_try_alone(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    log.run(
        "CREATE TRIGGER refuses BEFORE INSERT ON server_events WHEN NEW.sequence <= 5 \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    let stranger = stranger(&server).await;
    stranger.create_stream(forgetful()).await.unwrap();
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut told = client.subscribe("colophon.log.complete.*").await.unwrap();
    client.flush().await.unwrap();
    let broker = connect(&settings(&server)).await;
    let (relay, bringing) = (source.relay(&broker), writer(&broker, &log));
    // One that is taken: otherwise it may be the database that refuses everything.
    source.submit(6).await;
    eventually("all are set aside", async || refused(&source).await == 5).await;
    relay.stop().await;
    bringing.stop().await;
    // Somebody has listened, and says it again while the same rows are tried anew.
    log.run("DROP TRIGGER refuses").await;
    assert_eq!(source.node.bring_back().await.unwrap(), 5);
    let before = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    let before = before.cached_info().state.last_sequence;
    let _relay = source.relay(&broker);
    eventually("the broker has the rows", async || {
        let stream = stranger.get_stream("COLOPHON_LOG").await.unwrap();
        stream.cached_info().state.last_sequence >= before + 5
    })
    .await;
    let mut times = 0;
    while let Some(message) = told.next().now_or_never().flatten() {
        let said = client.publish(message.subject, message.payload);
        said.await.unwrap();
        times += 1;
        if times == 50 {
            // They come back to this listener too.
            break;
        }
    }
    assert!(times > 0);
    client.flush().await.unwrap();
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 6).await;
    assert_eq!(refused(&source).await, 0);
}

pub(crate) async fn a_logging_database_that_refuses_everything_buries_nothing(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    log.run(
        "CREATE TRIGGER refuses BEFORE INSERT ON server_events \
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .await;
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(300).await;
    eventually("it is told", async || {
        let problem = broker.standing().problem();
        problem.is_some_and(|problem| problem.contains("takes none of the records"))
    })
    .await;
    log.run("DROP TRIGGER refuses").await;
    all_arrived(&source, &log, 300).await;
    assert_eq!(refused(&source).await, 0);
    let inspection = Broker::inspect(&settings).await.unwrap();
    assert_eq!(inspection.dead_letters, 0);
    eventually("all is well", async || {
        broker.standing().problem().is_none()
    })
    .await;
}
