//! Messages that a broker takes and stores, and that the client does not hand up.

use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use colophon_pipeline::jetstream::Broker;
use colophon_tests::nats::NatsServer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::ground::{
    LoggingDatabase, PATIENCE, Source, all_arrived, connect, eventually, held, settings, stranger,
    writer,
};

/// Headers that no client sends: what looks like the broker's own word, and what cannot be read.
const UNFIT: [&[u8]; 8] = [
    b"NATS/1.0 100\r\n\r\n",
    b"NATS/1.0 408 Request Timeout\r\n\r\n",
    b"NATS/1.0 409 Consumer Deleted\r\n\r\n",
    b"NATS/1.0 503\r\n\r\n",
    b"NATS/1.0\r\nName: \xff\r\n\r\n",
    b"NATS/1.0\r\nno colon\r\n\r\n",
    b"NATS/1.0\r\na name: x\r\n\r\n",
    b"rubbish\r\n\r\n",
];

/// What the client library does not survive.
const DEADLY: &[u8] = b"NATS/1.0\r\nName: x\ry\r\n\r\n";

const SUBJECT: &str = "colophon.log.rows.nobody";

/// Publishes messages with these headers, in the words of the protocol.
async fn publish_all(server: &NatsServer, subject: &str, headers: &[&[u8]]) {
    let address = server.address();
    let place = address.strip_prefix("nats://").unwrap();
    let mut socket = TcpStream::connect(place).await.unwrap();
    let mut said = b"CONNECT {\"verbose\":false,\"headers\":true}\r\n".to_vec();
    for headers in headers {
        let (length, all) = (headers.len(), headers.len() + "poison".len());
        said.extend(format!("HPUB {subject} {length} {all}\r\n").bytes());
        said.extend_from_slice(headers);
        said.extend(b"poison\r\n");
    }
    said.extend(b"PING\r\n");
    socket.write_all(&said).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"PONG\r\n") {
        let read = timeout(PATIENCE, socket.read_buf(&mut answer)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "{}", answer.escape_ascii());
    }
}

pub(crate) async fn what_the_client_does_not_hand_up_is_buried(server: NatsServer) {
    are_buried(&server, &UNFIT).await;
}

pub(crate) async fn what_ends_the_client_is_buried_and_another_goes_on(server: NatsServer) {
    let (source, log) = are_buried(&server, &[DEADLY]).await;
    // What comes by another way than the stream ends it once.
    let broker = connect(&settings(&server)).await;
    let _running = (source.relay(&broker), writer(&broker, &log));
    eventually("there is a connection", async || {
        broker.standing().problem().is_none()
    })
    .await;
    let complete = format!("colophon.log.complete.{}", source.node.id());
    for times in 1..=3 {
        publish_all(&server, &complete, &[DEADLY]).await;
        source.submit(20).await;
        all_arrived(&source, &log, 60 + 20 * times).await;
    }
}

/// Messages with these headers, among rows.
async fn are_buried(server: &NatsServer, unfit: &[&[u8]]) -> (Source, Arc<LoggingDatabase>) {
    let (source, log) = (Source::new().await, LoggingDatabase::new().await);
    let settings = settings(server);
    let broker = connect(&settings).await;
    let relay = source.relay(&broker);
    let stranger = stranger(server).await;
    let has = async |messages| held(&stranger).await == messages;
    source.submit(20).await;
    eventually("the broker has the rows", async || has(20).await).await;
    publish_all(server, SUBJECT, unfit).await;
    source.submit(20).await;
    let all = 40 + unfit.len() as u64;
    eventually("the broker has everything", async || has(all).await).await;
    let second = connect(&settings).await;
    let writers = [writer(&broker, &log), writer(&second, &log)];
    all_arrived(&source, &log, 40).await;
    // Each once, whoever meets it.
    eventually("they are buried", async || {
        let found = Broker::inspect(&settings).await.unwrap();
        found.dead_letters == unfit.len() as u64 && found.waiting == Some(0)
    })
    .await;
    eventually("the stream is empty", async || has(0).await).await;
    let dead = stranger.get_stream("COLOPHON_LOG_DEAD").await.unwrap();
    // Some are handed up after all, by one way or another; they are there as they are.
    let mut told = Vec::new();
    for number in 1..=dead.cached_info().state.messages {
        let letter = dead.get_raw_message(number).await.unwrap();
        if let Ok(raw) = serde_json::from_slice::<Value>(&letter.payload) {
            assert_eq!(*raw.get("data").unwrap(), Base64::encode_string(b"poison"));
            told.push(raw.get("hdrs").unwrap().as_str().unwrap().to_owned());
        }
    }
    assert!(!told.is_empty());
    let known: Vec<String> = unfit.iter().map(|one| Base64::encode_string(one)).collect();
    assert!(
        told.iter().all(|headers| known.contains(headers)),
        "{told:?}"
    );
    // Rows pass as before.
    source.submit(20).await;
    all_arrived(&source, &log, 60).await;
    eventually("all is well", async || {
        broker.standing().problem().is_none()
    })
    .await;
    relay.stop().await;
    for writer in writers {
        writer.stop().await;
    }
    (source, log)
}
