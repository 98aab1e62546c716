//! Something does not answer for a while.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use colophon_tests::nats::NatsServer;
use futures_util::StreamExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::ground::{
    LoggingDatabase, PATIENCE, Source, all_arrived, connect, eventually, forgetful, held, settings,
    stranger, writer,
};

/// Rows that may wait before no more are submitted: enough to be killed in the midst of.
const LOAD: u64 = 400;

pub(crate) async fn a_broker_that_is_killed_under_load_loses_nothing(mut server: NatsServer) {
    let (source, log) = (Arc::new(Source::new().await), LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    let stop = CancellationToken::new();
    let load = {
        let (source, stop) = (Arc::clone(&source), stop.clone());
        tokio::spawn(async move {
            let mut submitted = 0;
            while !stop.is_cancelled() {
                if source.waiting().await < LOAD {
                    source.submit(20).await;
                    submitted += 20;
                }
            }
            submitted
        })
    };
    for _ in 0..5 {
        let before = log.rows().await;
        eventually("rows pass", async || log.rows().await > before + 50).await;
        // In the midst of them, and more come meanwhile.
        server.kill();
        eventually("rows wait", async || source.waiting().await >= LOAD).await;
        server.run();
    }
    stop.cancel();
    let submitted = load.await.unwrap();
    all_arrived(&source, &log, submitted).await;
    eventually("all is well", async || {
        broker.standing().problem().is_none()
    })
    .await;
}

pub(crate) async fn a_broker_that_counts_its_messages_anew_hands_out_all(mut server: NatsServer) {
    server.kill();
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    let mut submitted = 0;
    // Fewer than it has counted, so that it passes over all of them, and more, so that it does over
    // some.
    for rows in [100, 20, 300] {
        source.submit(rows).await;
        submitted += rows;
        server.run();
        all_arrived(&source, &log, submitted).await;
        let stranger = stranger(&server).await;
        eventually("the stream is empty", async || held(&stranger).await == 0).await;
        // Release 2.9 has forgotten how far it had come then.
        server.kill();
    }
}

pub(crate) async fn what_a_broker_forgets_that_it_has_handed_out_comes_again(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    log.away.store(true, Ordering::Relaxed);
    source.submit(50).await;
    eventually("it is told", async || {
        let problem = broker.standing().problem();
        problem.is_some_and(|problem| problem.contains("the logging database"))
    })
    .await;
    // Somebody removes what has been brought; then release 2.9 forgets all that it has handed out.
    let stranger = stranger(&server).await;
    let stream = stranger.get_stream("COLOPHON_LOG").await.unwrap();
    let purge = stream.purge().filter("colophon.log.rows.*").sequence(11);
    purge.await.unwrap();
    log.away.store(false, Ordering::Relaxed);
    all_arrived(&source, &log, 60).await;
}

pub(crate) async fn a_frozen_broker_keeps_nobody_waiting(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    server.freeze();
    // Durable while the broker stands still, and it does so until it is thawed.
    source.submit(500).await;
    eventually("it is told", async || broker.standing().problem().is_some()).await;
    assert_eq!(source.waiting().await, 500);
    server.thaw();
    all_arrived(&source, &log, 510).await;
}

pub(crate) async fn a_full_stream_accepts_nothing_and_loses_nothing(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let mut settings = settings(&server);
    settings.limits.bytes_max = 64 << 10;
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(1000).await;
    eventually("it is told", async || {
        let problem = broker.standing().problem();
        problem.is_some_and(|problem| problem.contains("maximum bytes exceeded"))
    })
    .await;
    assert_eq!(source.waiting().await, 1000);
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 1000).await;
}

pub(crate) async fn a_logging_database_may_be_away(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    log.away.store(true, Ordering::Relaxed);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(300).await;
    eventually("it is told", async || {
        let problem = broker.standing().problem();
        problem.is_some_and(|problem| problem.contains("the logging database"))
    })
    .await;
    assert_eq!((source.waiting().await, log.rows().await), (300, 0));
    log.away.store(false, Ordering::Relaxed);
    all_arrived(&source, &log, 300).await;
    eventually("all is well", async || {
        broker.standing().problem().is_none()
    })
    .await;
}

pub(crate) async fn a_host_starts_without_its_broker(mut server: NatsServer) {
    server.kill();
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(100).await;
    assert_eq!(source.waiting().await, 100);
    assert!(broker.standing().problem().is_some());
    server.run();
    all_arrived(&source, &log, 100).await;
}

pub(crate) async fn rows_that_nobody_brings_are_handed_over_once(mut server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    stranger.create_stream(forgetful()).await.unwrap();
    let settings = settings(&server);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(50).await;
    let held = async || held(&stranger).await;
    let is_told = || {
        let problem = broker.standing().problem();
        problem.is_some_and(|problem| problem.contains("no log writer confirms them"))
    };
    eventually("it is told", async || is_told()).await;
    assert_eq!(held().await, 50);
    // A broker that has forgotten them is given them again, once.
    server.kill();
    server.wipe();
    server.run();
    eventually("the broker has the rows", async || held().await >= 50).await;
    let client = async_nats::connect(server.address()).await.unwrap();
    turn_away(&client, 3).await;
    assert_eq!(held().await, 50);
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 50).await;
}

/// Answers a node that asks so many times that nobody can say it, as far as it can tell.
async fn turn_away(client: &Client, times: usize) {
    let mut questions = client.subscribe("colophon.log.ask.*").await.unwrap();
    for _ in 0..times {
        let question = timeout(PATIENCE, questions.next()).await.unwrap().unwrap();
        let answer = client.publish(question.reply.unwrap(), "".into());
        answer.await.unwrap();
    }
    questions.unsubscribe().await.unwrap();
}

pub(crate) async fn a_stream_that_somebody_else_makes_anew_gets_no_copies(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let stranger = stranger(&server).await;
    stranger.create_stream(forgetful()).await.unwrap();
    let client = async_nats::connect(server.address()).await.unwrap();
    let mut settings = settings(&server);
    settings.confirm_after = Duration::from_millis(100);
    let broker = connect(&settings).await;
    let _relay = source.relay(&broker);
    source.submit(50).await;
    let held = async || held(&stranger).await;
    eventually("the broker has the rows", async || held().await == 50).await;
    turn_away(&client, 2).await;
    // While the relay rests; or else it is quicker, and it is done once more.
    let mut made = false;
    while !made {
        stranger.delete_stream("COLOPHON_LOG").await.unwrap();
        made = stranger.create_stream(forgetful()).await.is_ok();
    }
    eventually("the broker has the rows", async || held().await >= 50).await;
    turn_away(&client, 4).await;
    assert_eq!(held().await, 50);
    let _writer = writer(&broker, &log);
    all_arrived(&source, &log, 50).await;
}
