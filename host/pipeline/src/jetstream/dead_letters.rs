//! Messages that are no rows, or hold one that the logging database does not take: kept where an
//! operator finds them, out of the way of the others.

use async_nats::datetime::DateTime;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{AckKind, Message};
use colophon_core::event::NamedEvent;
use tokio::time::timeout;

use super::broker::Broker;
use super::message::{MessageRefused, dead_letter, last_part};
use super::settings::PATIENCE;
use super::trouble::Trouble;

/// Puts a message among the dead letters, and only then tells the broker to hand it out no more.
pub(super) async fn bury(
    broker: &Broker,
    message: &Message,
    refused: &MessageRefused,
) -> Result<(), Trouble> {
    let id = message.info().map_or_else(
        |_| String::new(),
        |info| letter_id(info.stream_sequence, info.published),
    );
    keep(broker, message, &refused.to_string(), &id).await?;
    // If that does not arrive, it becomes a dead letter once more.
    let ended = timeout(PATIENCE, message.double_ack_with(AckKind::Term)).await;
    if !matches!(ended, Ok(Ok(()))) {
        tracing::debug!("the broker was not told that a message is a dead letter");
    }
    Ok(())
}

/// What a message is called among the dead letters, by its number and when it was stored: whoever
/// buries it as well calls it the same, and the broker keeps it once.
pub(super) fn letter_id(number: u64, stored: DateTime) -> String {
    format!("{number} {}", stored.unix_timestamp_nanos())
}

/// Puts a message among the dead letters, once under one `id`.
pub(super) async fn keep(
    broker: &Broker,
    message: &async_nats::Message,
    problem: &str,
    id: &str,
) -> Result<(), Trouble> {
    let subject = broker.settings.names.dead(last_part(&message.subject));
    let (headers, payload) = dead_letter(message, problem, id, broker.dead_letter_bytes_max());
    let kept_bytes = payload.len();
    let letter = PublishMessage::build().headers(headers).payload(payload);
    let kept = async {
        let sent = broker.context().send_publish(subject.clone(), letter).await;
        let acknowledged = match sent {
            Ok(acknowledged) => acknowledged.await,
            Err(error) => Err(error),
        };
        acknowledged.map_err(|error| Trouble::not_accepted(&subject, error))
    };
    let kept = timeout(PATIENCE, kept).await;
    let kept = kept.map_err(|_elapsed| Trouble::Silent(PATIENCE))??;
    if kept.duplicate {
        return Ok(());
    }
    metrics::counter!("colophon_nats_dead_letters_total").increment(1);
    let event = NamedEvent::LogRowRefused;
    tracing::error!(
        event.code = event.code(),
        event.name = event.slug(),
        problem,
        subject = message.subject.as_str(),
        bytes = message.payload.len(),
        kept_bytes,
        "a log row from the broker cannot be written and was put among the dead letters"
    );
    Ok(())
}
