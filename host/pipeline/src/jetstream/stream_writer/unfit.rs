//! Messages that the broker hands out and the client does not hand up.
//!
//! A status in the headers makes the client take a message for the broker's own word, headers that
//! it cannot read make it break the connection, and a bare carriage return in one makes an end of it;
//! a broker stores all of them as they come. Nobody acknowledges such a message, so nothing behind it
//! would ever be removed from the stream. Where the consumer does not come on for long, they are
//! fetched in another way, in which their headers are not looked at, and put among the dead letters.

use async_nats::HeaderName;
use async_nats::datetime::parse_rfc3339;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::Stream;
use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::timeout;

use super::standstill::Looked;
use crate::jetstream::broker::Broker;
use crate::jetstream::dead_letters::{keep, letter_id};
use crate::jetstream::settings::PATIENCE;
use crate::jetstream::trouble::Trouble;

/// Messages looked at at once.
const LOOKED_AT_MAX: usize = 256;

/// A message as the broker tells it: headers and payload in base64.
#[derive(Serialize, Deserialize)]
struct RawMessage {
    subject: String,
    seq: u64,
    /// When it was stored.
    #[serde(default)]
    time: String,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Fetched {
    message: RawMessage,
}

/// Puts those of the messages between two numbers among the dead letters that the client does not hand
/// up, and removes them from the stream. What has been done until something fails is in `looked`.
pub(super) async fn bury(
    broker: &Broker,
    stream: &Stream,
    to: u64,
    looked: &mut Looked,
) -> Result<(), Trouble> {
    let config = &stream.cached_info().config;
    if config.deny_delete {
        looked.is_through = true;
        return Ok(());
    }
    for _ in 0..LOOKED_AT_MAX {
        let fetched = fetch(broker, &config.name, looked.next).await?;
        let Some(message) = fetched.filter(|one| one.seq <= to) else {
            looked.is_through = true;
            return Ok(());
        };
        if let Some(problem) = problem_in(&message) {
            bury_one(broker, stream, &message, problem).await?;
            looked.buried += 1;
        }
        looked.next = message.seq.saturating_add(1);
    }
    Ok(())
}

/// Whether there is a message for the log between two numbers.
pub(super) async fn is_any_between(
    broker: &Broker,
    stream: &Stream,
    from: u64,
    to: u64,
) -> Result<bool, Trouble> {
    let name = &stream.cached_info().config.name;
    let first = fetch(broker, name, from).await?;
    Ok(first.is_some_and(|first| first.seq <= to))
}

async fn bury_one(
    broker: &Broker,
    stream: &Stream,
    message: &RawMessage,
    problem: &str,
) -> Result<(), Trouble> {
    let name = &stream.cached_info().config.name;
    let problem = format!("{problem}; this tells all of it, headers and payload in base64");
    let stored = parse_rfc3339(&message.time);
    let id = stored.map_or_else(|_| String::new(), |stored| letter_id(message.seq, stored));
    keep(broker, &letter(message), &problem, &id).await?;
    let deleted = timeout(PATIENCE, stream.delete_message(message.seq)).await;
    let deleted = deleted.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
    match deleted {
        Ok(_) => Ok(()),
        // Another log writer was first.
        Err(_) if is_gone(broker, name, message.seq).await? => Ok(()),
        Err(error) => Err(Trouble::clearing(name, error)),
    }
}

/// The first message for the log from a number on.
async fn fetch(broker: &Broker, stream: &str, from: u64) -> Result<Option<RawMessage>, Trouble> {
    let rows = broker.settings.names.all_rows();
    let asked = json!({ "seq": from, "next_by_subj": rows });
    let subject = format!("STREAM.MSG.GET.{stream}");
    let fetched = timeout(PATIENCE, broker.context().request(subject, &asked)).await;
    let fetched = fetched.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
    match fetched.map_err(|error| Trouble::clearing(stream, error))? {
        Response::Ok(Fetched { message }) => Ok(Some(message)),
        Response::Err { error } if error.error_code() == ErrorCode::NO_MESSAGE_FOUND => Ok(None),
        Response::Err { error } => Err(Trouble::clearing(stream, error)),
    }
}

/// Whether a message for the log is no longer in the stream.
async fn is_gone(broker: &Broker, stream: &str, number: u64) -> Result<bool, Trouble> {
    let next = fetch(broker, stream, number).await?;
    Ok(next.is_none_or(|next| next.seq != number))
}

fn letter(message: &RawMessage) -> async_nats::Message {
    let payload = serde_json::to_vec(message).unwrap_or_default();
    async_nats::Message {
        subject: message.subject.as_str().into(),
        reply: None,
        length: payload.len(),
        payload: payload.into(),
        headers: None,
        status: None,
        description: None,
    }
}

/// Why the client does not hand a message up, if it does not.
fn problem_in(message: &RawMessage) -> Option<&'static str> {
    let headers = Base64::decode_vec(&message.hdrs).unwrap_or_default();
    problem_of(&headers).or_else(|| problem_with(&message.subject, &headers))
}

/// Why the client does not hand a message up that has these headers, if it does not.
fn problem_of(headers: &[u8]) -> Option<&'static str> {
    if headers.is_empty() {
        return None;
    }
    let Ok(headers) = std::str::from_utf8(headers) else {
        return Some("its headers are no UTF-8");
    };
    let mut lines = headers.lines().peekable();
    match lines.next()?.strip_prefix("NATS/1.0") {
        None => return Some("its headers do not begin with NATS/1.0"),
        Some(rest) if !rest.trim().is_empty() => return Some("its headers have a status"),
        Some(_) => {}
    }
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Some("a line of its headers has no colon");
        };
        if name.parse::<HeaderName>().is_err() {
            return Some("a name in its headers is none");
        }
        // A value may go on in lines that begin with a space.
        let mut value = value.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            value.push_str(more);
        }
        if value.trim().contains('\r') {
            return Some("a value in its headers has a carriage return in it");
        }
    }
    None
}

/// Why the client does not hand a message up under its subject, if it does not. It takes bytes that are
/// no UTF-8, which are told by another sign, for a broken connection, and any blank for the end of the
/// subject where headers follow.
fn problem_with(subject: &str, headers: &[u8]) -> Option<&'static str> {
    if subject.contains(char::REPLACEMENT_CHARACTER) {
        return Some("its subject is no UTF-8");
    }
    let has_blank = subject.contains(char::is_whitespace);
    (has_blank && !headers.is_empty()).then_some("its subject has a blank in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_client_reads_is_fit() {
        for headers in [
            "",
            "NATS/1.0\r\n\r\n",
            "NATS/1.0 \r\nNats-Msg-Id: x\r\n\r\n",
            "NATS/1.0\r\nLong: x\r\n and more, without one\r\nOther:\r\n\r\n",
            "NATS/1.0\r\nBlanks: \rx\r\r\n\r\n",
        ] {
            assert_eq!(problem_of(headers.as_bytes()), None, "{headers:?}");
        }
    }

    #[test]
    fn what_it_does_not_hand_up_has_a_reason() {
        for (headers, expected) in [
            (&b"NATS/1.0 100\r\n\r\n"[..], "a status"),
            (b"NATS/1.0 409 Consumer Deleted\r\n\r\n", "a status"),
            (b"NATS/1.0\r\nA: \xff\r\n\r\n", "UTF-8"),
            (b"rubbish\r\n\r\n", "begin"),
            (b"NATS/1.0\r\nno colon\r\n\r\n", "no colon"),
            (b"NATS/1.0\r\na name: x\r\n\r\n", "a name"),
            (b"NATS/1.0\r\nA: x\ry\r\n\r\n", "carriage return"),
            (b"NATS/1.0\r\nA: x\r\n y\rz\r\n\r\n", "carriage return"),
        ] {
            let problem = problem_of(headers).unwrap();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_subject_that_it_does_not_read_has_a_reason_and_others_have_none() {
        let headers = b"NATS/1.0\r\n\r\n";
        assert!(
            problem_with("log.rows.\u{fffd}", b"")
                .unwrap()
                .contains("UTF-8")
        );
        assert!(
            problem_with("log.rows.a\u{a0}b", headers)
                .unwrap()
                .contains("blank")
        );
        for (subject, headers) in [
            ("log.rows.a\u{a0}b", &b""[..]),
            ("log.rows.\u{e9}", headers),
        ] {
            assert_eq!(problem_with(subject, headers), None, "{subject}");
        }
    }
}
