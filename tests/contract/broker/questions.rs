//! What log writers say on the broker, and to whom.

use std::sync::atomic::Ordering;

use async_nats::{Client, Subscriber};
use colophon_core::id::NodeId;
use colophon_tests::nats::NatsServer;
use futures_util::StreamExt as _;
use tokio::time::{Duration, timeout};

use crate::ground::{LoggingDatabase, Source, all_arrived, connect, settings, writer};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Subjects that log writers may publish under and whoever asks may not.
const ELSEWHERE: [&str; 2] = ["orders", "$JS.ACK.ORDERS"];

async fn elsewhere(client: &Client) -> [Subscriber; 2] {
    let [orders, acknowledged] = ELSEWHERE.map(|front| client.subscribe(format!("{front}.>")));
    let both = [orders.await.unwrap(), acknowledged.await.unwrap()];
    client.flush().await.unwrap();
    both
}

/// The first of what was said there, if anything was.
async fn first_of(said: [Subscriber; 2], client: &Client) -> Option<String> {
    for (mut said, front) in said.into_iter().zip(ELSEWHERE) {
        let end = format!("{front}.end");
        client.publish(end.clone(), "end".into()).await.unwrap();
        let message = timeout(PATIENCE, said.next()).await.unwrap().unwrap();
        let subject = message.subject.to_string();
        if subject != end {
            return Some(subject);
        }
    }
    None
}

pub(crate) async fn answers_go_to_whoever_may_ask_and_nowhere_else(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    let client = async_nats::connect(server.address()).await.unwrap();
    let orders = elsewhere(&client).await;
    let question = format!("colophon.log.ask.{}", source.node.id());
    let mislaid = client.publish_with_reply(question.clone(), "orders.new", "1 9".into());
    mislaid.await.unwrap();
    for away in [false, true] {
        log.away.store(away, Ordering::Relaxed);
        let asked = client.request(question.clone(), "1 9".into());
        let answer = timeout(PATIENCE, asked).await.unwrap().unwrap();
        // Sealed, whatever it says.
        assert!(!answer.payload.is_empty());
    }
    assert_eq!(first_of(orders, &client).await, None);
}

pub(crate) async fn what_the_broker_did_not_hand_out_is_not_acknowledged(server: NatsServer) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let client = async_nats::connect(server.address()).await.unwrap();
    let orders = elsewhere(&client).await;
    let mut requests = client
        .subscribe("$JS.API.CONSUMER.MSG.NEXT.>")
        .await
        .unwrap();
    client.flush().await.unwrap();
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    let request = timeout(PATIENCE, requests.next()).await.unwrap().unwrap();
    let inbox = request.reply.unwrap();
    // The second is what another stream's consumer is answered under.
    for reply in ["orders.new", "$JS.ACK.ORDERS.worker.1.5.5.0.0"] {
        let foisted = client.publish_with_reply(inbox.clone(), reply, "poison".into());
        foisted.await.unwrap();
    }
    source.submit(10).await;
    all_arrived(&source, &log, 10).await;
    assert_eq!(first_of(orders, &client).await, None);
}

pub(crate) async fn a_node_whose_answer_takes_long_keeps_no_other_waiting(server: NatsServer) {
    let log = LoggingDatabase::new().await;
    let slow = NodeId::from_bytes([7; 16]);
    log.silent_about.set(slow).unwrap();
    let broker = connect(&settings(&server)).await;
    let _writer = writer(&broker, &log);
    let client = async_nats::connect(server.address()).await.unwrap();
    let another = format!("colophon.log.ask.{}", NodeId::from_bytes([8; 16]));
    // A log writer is there.
    let mut asked = client.request(another.clone(), "1 9".into()).await;
    while asked.is_err() {
        asked = client.request(another.clone(), "1 9".into()).await;
    }
    let mut answers = client.subscribe("_INBOX.of-this-test.*").await.unwrap();
    let ask = async |subject: String, reply: &'static str| {
        let question = client.publish_with_reply(subject, reply, "1 9".into());
        question.await.unwrap();
    };
    for _ in 0..3 {
        ask(
            format!("colophon.log.ask.{slow}"),
            "_INBOX.of-this-test.slow",
        )
        .await;
    }
    ask(another, "_INBOX.of-this-test.another").await;
    let first = timeout(PATIENCE, answers.next()).await.unwrap().unwrap();
    assert_eq!(first.subject.as_str(), "_INBOX.of-this-test.another");
    // The others are told that nobody can say it.
    for _ in 0..3 {
        let answer = timeout(PATIENCE, answers.next()).await.unwrap().unwrap();
        assert_eq!(answer.subject.as_str(), "_INBOX.of-this-test.slow");
    }
}
