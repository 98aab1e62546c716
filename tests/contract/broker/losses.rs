//! Something is lost on the way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use colophon_pipeline::jetstream::Credentials;
use colophon_tests::nats::NatsServer;

use crate::ground::{
    LoggingDatabase, Source, access, all_arrived, connect, entering, eventually, forgetful, held,
    settings, stranger, writer,
};
use crate::lossy::losing;

pub(crate) async fn a_lost_answer_of_the_logging_database_makes_no_row_twice(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    log.answers_to_lose.store(2, Ordering::Relaxed);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(100).await;
    eventually("they are handed in again", async || {
        log.handed_in.load(Ordering::Relaxed) > 100
    })
    .await;
    all_arrived(&source, &log, 100).await;
}

pub(crate) async fn a_lost_confirmation_is_asked_for(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    source.submit(100).await;
    let relay = source.relay(&broker);
    let stranger = stranger(&server).await;
    eventually("the broker has the rows", async || {
        let stream = stranger.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages == 100)
    })
    .await;
    // The relay is gone when the rows arrive, so nobody hears that they have.
    relay.stop().await;
    let _writer = writer(&broker, &log);
    eventually("the rows are brought", async || log.rows().await == 100).await;
    assert_eq!(source.waiting().await, 100);
    // The broker knows these rows again and hands none of them out.
    let _relay = source.relay(&broker);
    all_arrived(&source, &log, 100).await;
}

pub(crate) async fn a_lost_acknowledgment_has_one_row_handed_over_again(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    stranger.create_stream(forgetful()).await.unwrap();
    source.submit(200).await;
    let address = losing(&server, "\"seq\":7}").await;
    let mut settings = entering(access(&address, Credentials::Anonymous, None));
    settings.confirm_after = Duration::from_secs(3600);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    let held = async || held(&stranger).await;
    eventually("one is handed over again", async || held().await == 201).await;
    eventually("all is well", async || {
        broker.standing().problem().is_none()
    })
    .await;
    assert_eq!(held().await, 201);
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 200).await;
}

pub(crate) async fn a_wiped_broker_loses_nothing(mut server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _relay = source.relay(&broker);
    source.submit(100).await;
    let seen = stranger(&server).await;
    eventually("the broker has the rows", async || {
        let stream = seen.get_stream("COLOPHON_LOG").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages == 100)
    })
    .await;
    server.kill();
    server.wipe();
    server.run();
    assert_eq!(source.waiting().await, 100);
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 100).await;
    // And once more with everybody at work.
    server.kill();
    server.wipe();
    source.submit(100).await;
    server.run();
    all_arrived(&source, &log, 200).await;
}

pub(crate) async fn a_stream_that_is_deleted_is_made_anew(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    let stranger = stranger(&server).await;
    stranger.delete_stream("COLOPHON_LOG").await.unwrap();
    source.submit(10).await;
    all_arrived(&source, &log, 20).await;
}

pub(crate) async fn a_stream_that_is_replayed_makes_no_row_twice(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    let stream = stranger.create_stream(forgetful()).await.unwrap();
    let broker = connect(&settings(&server)).await;
    let _relay = source.relay(&broker);
    source.submit(50).await;
    let held = async || held(&stranger).await;
    eventually("the broker has the rows", async || held().await == 50).await;
    let mut rows = Vec::new();
    for number in 1..=50 {
        rows.push(stream.get_raw_message(number).await.unwrap());
    }
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 50).await;
    for times in 2..=4 {
        for row in &rows {
            // As soon as the broker does not know it again.
            eventually("it is taken", async || {
                let (subject, headers) = (row.subject.clone(), row.headers.clone());
                let sent = stranger.publish_with_headers(subject, headers, row.payload.clone());
                !sent.await.unwrap().await.unwrap().duplicate
            })
            .await;
        }
        eventually("they are handed in again", async || {
            log.handed_in.load(Ordering::Relaxed) >= 50 * times
        })
        .await;
    }
    eventually("the stream is empty", async || held().await == 0).await;
    assert_eq!(log.rows().await, 50);
}
