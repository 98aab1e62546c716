//! Messages that the broker hands out and the client does not hand up.
//!
//! A status in the headers makes the client take a message for the broker's own word, and headers
//! that it cannot read make it break the connection; a broker stores both as they come. Nobody
//! acknowledges such a message, so nothing behind it would ever be removed from the stream. Where the
//! consumer does not come on for long, they are fetched in another way, in which their headers are
//! not looked at, and put among the dead letters.

use async_nats::HeaderName;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::Stream;
use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Duration, Instant, timeout};

use crate::jetstream::broker::Broker;
use crate::jetstream::dead_letters::keep;
use crate::jetstream::settings::PATIENCE;
use crate::jetstream::trouble::Trouble;

/// How often every message may have been handed out anew before one is looked for that does not
/// arrive. A logging database that is away has the same look, so this costs something each time.
const TURNS: u32 = 3;

/// Messages looked at at once.
const LOOKED_AT_MAX: usize = 256;

/// How long the consumer has not come on.
#[derive(Default)]
pub(super) struct Standstill {
    seen: Option<Seen>,
    /// Whether there was something the last time; there may be more.
    found: bool,
}

/// Where it was seen first.
struct Seen {
    floor: u64,
    since: Instant,
}

impl Standstill {
    /// Whether it has stood still for so long that what it waits for may never come.
    pub(super) fn is_long(&mut self, info: &Info, now: Instant) -> bool {
        let floor = Some(info.ack_floor.stream_sequence).filter(|_| info.num_ack_pending > 0);
        self.stands_at(floor, now, info.config.ack_wait.saturating_mul(TURNS))
    }

    /// The same, where it waits for what follows on `floor`, if it waits for anything.
    fn stands_at(&mut self, floor: Option<u64>, now: Instant, patience: Duration) -> bool {
        let Some(floor) = floor else {
            *self = Self::default();
            return false;
        };
        let seen = self.seen.get_or_insert(Seen { floor, since: now });
        if seen.floor != floor {
            *seen = Seen { floor, since: now };
        }
        let stood = now.saturating_duration_since(seen.since);
        self.found || stood >= patience
    }

    /// It was looked into, and so many messages were buried.
    pub(super) fn looked_into(&mut self, buried: usize, now: Instant) {
        self.found = buried > 0;
        if let Some(seen) = &mut self.seen {
            seen.since = now;
        }
    }
}

/// A message as the broker tells it: headers and payload in base64.
#[derive(Serialize, Deserialize)]
struct RawMessage {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Fetched {
    message: RawMessage,
}

/// Puts those of the messages that were handed out among the dead letters that the client does not
/// hand up, removes them from the stream, and says how many there were.
pub(super) async fn bury_unfit(
    broker: &Broker,
    stream: &Stream,
    info: &Info,
) -> Result<usize, Trouble> {
    let name = &stream.cached_info().config.name;
    if stream.cached_info().config.deny_delete {
        return Ok(0);
    }
    let mut buried = 0;
    let mut next = info.ack_floor.stream_sequence.saturating_add(1);
    for _ in 0..LOOKED_AT_MAX {
        let fetched = fetch(broker, name, next).await?;
        let Some(message) = fetched.filter(|one| one.seq <= info.delivered.stream_sequence) else {
            break;
        };
        next = message.seq.saturating_add(1);
        let headers = Base64::decode_vec(&message.hdrs).unwrap_or_default();
        let unfit = problem_of(&headers).or_else(|| problem_with(&message.subject, &headers));
        let Some(problem) = unfit else {
            continue;
        };
        let problem = format!("{problem}; this tells all of it, headers and payload in base64");
        keep(broker, &letter(&message), &problem).await?;
        let deleted = timeout(PATIENCE, stream.delete_message(message.seq)).await;
        let deleted = deleted.map_err(|_elapsed| Trouble::Silent(PATIENCE))?;
        match deleted {
            Ok(_) => {}
            // Another log writer was first.
            Err(error) if is_gone(broker, name, message.seq).await? => {
                tracing::debug!(cause = %error, "a message was buried by somebody else as well");
            }
            Err(error) => return Err(Trouble::clearing(name, error)),
        }
        buried += 1;
    }
    Ok(buried)
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
        if value.contains('\r') {
            return Some("a value in its headers has a carriage return in it");
        }
        if name.parse::<HeaderName>().is_err() {
            return Some("a name in its headers is none");
        }
        // A value may go on in lines that begin with a space.
        while let Some(more) = lines.next_if(|line| line.starts_with(char::is_whitespace)) {
            if more.contains('\r') {
                return Some("a value in its headers has a carriage return in it");
            }
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
    fn a_standstill_is_looked_into_now_and_then_and_as_long_as_something_is_found() {
        let (begin, patience) = (Instant::now(), Duration::from_secs(90));
        let mut standstill = Standstill::default();
        let mut at = |floor, now| standstill.stands_at(floor, now, patience);
        assert!(!at(Some(4), begin));
        assert!(!at(Some(4), begin + patience / 2));
        // It has come on.
        assert!(!at(Some(5), begin + patience));
        let long = begin + patience * 2;
        assert!(at(Some(5), long));
        standstill.looked_into(0, long);
        assert!(!standstill.stands_at(Some(5), long + patience / 2, patience));
        assert!(standstill.stands_at(Some(5), long + patience, patience));
        standstill.looked_into(256, long + patience);
        assert!(standstill.stands_at(Some(9), long + patience, patience));
        standstill.looked_into(0, long + patience);
        assert!(!standstill.stands_at(Some(9), long + patience, patience));
        // Nothing is waited for.
        assert!(!standstill.stands_at(None, long + patience * 9, patience));
        assert!(!standstill.stands_at(Some(9), long + patience * 9, patience));
    }

    #[test]
    fn what_the_client_reads_is_fit() {
        for headers in [
            "",
            "NATS/1.0\r\n\r\n",
            "NATS/1.0 \r\nNats-Msg-Id: x\r\n\r\n",
            "NATS/1.0\r\nLong: x\r\n and more, without one\r\nOther:\r\n\r\n",
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
