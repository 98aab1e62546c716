//! Answers to nodes that ask what has arrived.

use async_nats::Message;
use futures_util::StreamExt as _;
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::StreamWriterPorts;
use crate::jetstream::message::{node_of, seal_confirmation};
use crate::jetstream::question::{is_inbox, read_question, seal_cannot_say};
use crate::jetstream::settings::PATIENCE;

/// Of all log writers, one answers each question.
const GROUP: &str = "log-writers";

/// Questions answered at once: a node whose answer takes long keeps no other waiting, and all of
/// them together leave connections to the logging database for what is brought.
const AT_ONCE: usize = 8;

/// How long to wait before listening again where that was not possible.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Answers until it is told to stop.
pub(super) async fn answer(ports: StreamWriterPorts, stop: CancellationToken) {
    let subject = ports.broker.settings.names.all_questions();
    while !stop.is_cancelled() {
        // A subscription outlives its connection; it ends with the client.
        let client = ports.broker.client();
        let subscribed = client.queue_subscribe(subject.clone(), GROUP.to_owned());
        if let Ok(questions) = subscribed.await {
            questions
                .take_until(stop.cancelled())
                .for_each_concurrent(AT_ONCE, |question| ports.answer(question))
                .await;
        }
        stop.run_until_cancelled(sleep(LISTEN_AGAIN)).await;
    }
}

impl StreamWriterPorts {
    async fn answer(&self, question: Message) {
        let Some(reply) = question.reply.filter(|reply| is_inbox(reply)) else {
            return;
        };
        let Some(node) = node_of(&question.subject) else {
            return;
        };
        let Some(asked) = read_question(&question.payload) else {
            return;
        };
        let cipher = self.cipher.as_ref();
        let arrived = timeout(PATIENCE / 2, self.log.arrived(node, asked.clone())).await;
        let answer = match arrived {
            Ok(Ok(arrived)) => seal_confirmation(cipher, node, &arrived),
            // The node is to wait on, and not to hand its rows over again.
            Ok(Err(_)) | Err(_) => seal_cannot_say(cipher, node, &asked),
        };
        let client = self.broker.client();
        let said = client.publish(reply, answer.into());
        // A node without an answer asks again.
        let _lost = timeout(PATIENCE, said).await;
    }
}
