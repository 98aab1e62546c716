//! Rows and confirmations as they pass the broker.
//!
//! Which node a row belongs to, where in that node's order it stands and which event it is, is
//! outside, for the broker to sort it, and bound into the encryption of its payload: under another
//! name it does not open. A confirmation is encrypted whole: a node removes rows on it, and nobody
//! without the master key can have written it.

use std::str::FromStr as _;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use colophon_core::id::{EventId, NodeId};
use colophon_core::log::LogRecord;
use colophon_core::ports::{FieldCipher, FieldDamaged, FieldPlace, RecordRefused};
use thiserror::Error;

use crate::sealed_row::{self, Origin};

const SEQUENCE: &str = "Colophon-Sequence";
/// In a message's id, between the event and how often the broker has had it before.
const AGAIN: char = '-';
const PROBLEM: &str = "Colophon-Problem";
/// In a dead letter that was cut: how many bytes its payload had.
const PAYLOAD_BYTES: &str = "Colophon-Payload-Bytes";

/// Why a message is not taken for a row, or its row not written. The text holds nothing of the
/// record.
#[derive(Debug, Error)]
pub(super) enum MessageRefused {
    #[error("the subject names no node")]
    Node,
    #[error("the header Nats-Msg-Id names no event")]
    Event,
    #[error("the header Colophon-Sequence is no number of a row")]
    Sequence,
    #[error(transparent)]
    Row(#[from] sealed_row::RowRefused),
    #[error(transparent)]
    Record(#[from] RecordRefused),
}

/// A row that arrived.
pub(super) struct Arrived {
    pub(super) node: NodeId,
    pub(super) sequence: i64,
    pub(super) record: LogRecord,
}

/// The headers of a row's message, for a row that the broker has had so many times before. One that it
/// has no more is called otherwise: it would go on knowing it for two minutes.
fn row_headers(event: EventId, sequence: i64, times: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let id = match times {
        0 => event.to_string(),
        times => format!("{event}{AGAIN}{times}"),
    };
    headers.insert(NATS_MESSAGE_ID, id);
    headers.insert(SEQUENCE, sequence.to_string());
    headers
}

/// The message for a row.
pub(super) fn row(event: EventId, sequence: i64, times: u32, payload: Bytes) -> PublishMessage {
    PublishMessage::build()
        .headers(row_headers(event, sequence, times))
        .payload(payload)
}

/// The bytes of a row's message that the broker's limits count.
pub(super) fn row_bytes(event: EventId, sequence: i64, times: u32, payload: &[u8]) -> usize {
    header_bytes(&row_headers(event, sequence, times)).saturating_add(payload.len())
}

/// The bytes of headers as they stand on the wire, which the broker's limits count.
fn header_bytes(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        let name: &str = name.as_ref();
        let around = name.len() + ": \r\n".len();
        values
            .iter()
            .map(move |value| around + value.as_str().len())
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// The row in a message.
pub(super) fn open(
    cipher: &dyn FieldCipher,
    message: &async_nats::Message,
) -> Result<Arrived, MessageRefused> {
    let node = node_of(message.subject.as_str()).ok_or(MessageRefused::Node)?;
    let header = |name: &str| {
        let headers = message.headers.as_ref()?;
        headers.get(name).map(|value| value.as_str())
    };
    let event = header(NATS_MESSAGE_ID.as_ref());
    let event = event.and_then(|id| sixteen(id.split(AGAIN).next()?));
    let event = EventId::from_bytes(event.ok_or(MessageRefused::Event)?);
    let sequence = header(SEQUENCE).and_then(|text| i64::from_str(text).ok());
    let sequence = sequence.filter(|number| *number > 0);
    let sequence = sequence.ok_or(MessageRefused::Sequence)?;
    let origin = Origin {
        node,
        sequence,
        event,
    };
    Ok(Arrived {
        node,
        sequence,
        record: sealed_row::open_arrived(cipher, origin, &message.payload)?,
    })
}

/// The last part of a subject.
pub(super) fn last_part(subject: &str) -> &str {
    subject.rsplit('.').next().unwrap_or(subject)
}

/// The node that a subject ends with.
pub(super) fn node_of(subject: &str) -> Option<NodeId> {
    sixteen(last_part(subject)).map(NodeId::from_bytes)
}

/// The headers of a message that is no row, with the reason. Headers that mean something to the
/// broker come along under another name: they would have it treat this message as it did that one.
fn with_problem(headers: Option<&HeaderMap>, problem: &str, id: &str) -> HeaderMap {
    let mut told = HeaderMap::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let Some(value) = values.first() else {
            continue;
        };
        let name: &str = name.as_ref();
        if name.starts_with("Nats-") {
            told.insert(format!("Colophon-{name}"), value.clone());
        } else {
            told.insert(name, value.clone());
        }
    }
    told.insert(PROBLEM, problem);
    if !id.is_empty() {
        told.insert(NATS_MESSAGE_ID, id);
    }
    told
}

/// A dead letter of at most `bytes_max` bytes: headers and payload of a message with what is wrong
/// with it, under an `id` that the broker knows again if it has one. Where the broker takes no more the payload is cut, and where that is not enough the
/// headers are left out.
pub(super) fn dead_letter(
    message: &async_nats::Message,
    problem: &str,
    id: &str,
    bytes_max: usize,
) -> (HeaderMap, Bytes) {
    let headers = with_problem(message.headers.as_ref(), problem, id);
    let payload = message.payload.clone();
    if header_bytes(&headers).saturating_add(payload.len()) <= bytes_max {
        return (headers, payload);
    }
    let cut = |mut headers: HeaderMap| {
        headers.insert(PAYLOAD_BYTES, payload.len().to_string());
        let room = bytes_max.checked_sub(header_bytes(&headers))?;
        Some((headers, payload.slice(..room.min(payload.len()))))
    };
    let with_own = cut(headers);
    with_own
        .or_else(|| cut(with_problem(None, problem, id)))
        .unwrap_or_else(|| (with_problem(None, problem, id), Bytes::new()))
}

/// Sixteen bytes as 32 lower-case hexadecimal digits.
pub(super) fn sixteen(text: &str) -> Option<[u8; 16]> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(is_digit) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

/// The bytes of one row in a confirmation.
pub(super) const ROW_TOLD_BYTES: usize = 24;

/// Rows of a node that the logging database has, each with its event.
pub(super) fn seal_confirmation(
    cipher: &dyn FieldCipher,
    node: NodeId,
    rows: &[(i64, EventId)],
) -> Vec<u8> {
    let parts = rows
        .iter()
        .flat_map(|(sequence, event)| [&sequence.to_be_bytes()[..], event.as_bytes()].concat());
    cipher.seal(confirmation(&node), &parts.collect::<Vec<u8>>())
}

/// The rows in a confirmation.
pub(super) fn open_confirmation(
    cipher: &dyn FieldCipher,
    node: NodeId,
    sealed: &[u8],
) -> Result<Vec<(i64, EventId)>, FieldDamaged> {
    let plain = cipher.open(confirmation(&node), sealed)?;
    let (rows, rest) = plain.as_chunks::<ROW_TOLD_BYTES>();
    if !rest.is_empty() {
        return Err(FieldDamaged);
    }
    let row = |row: &[u8; ROW_TOLD_BYTES]| {
        let (sequence, event) = row.split_first_chunk::<8>()?;
        let event: [u8; 16] = event.try_into().ok()?;
        Some((i64::from_be_bytes(*sequence), EventId::from_bytes(event)))
    };
    let rows: Option<Vec<_>> = rows.iter().map(row).collect();
    rows.ok_or(FieldDamaged)
}

fn confirmation(node: &NodeId) -> FieldPlace<'_> {
    FieldPlace {
        table: "log_confirmations",
        row: node.as_bytes(),
        column: "rows",
    }
}

/// For tests: hides nothing; the place stands in front.
#[cfg(test)]
pub(super) struct Plain;

#[cfg(test)]
impl Plain {
    fn front(place: FieldPlace<'_>) -> Vec<u8> {
        [place.table.as_bytes(), place.row, place.column.as_bytes()].concat()
    }
}

#[cfg(test)]
impl FieldCipher for Plain {
    fn seal(&self, place: FieldPlace<'_>, plain: &[u8]) -> Vec<u8> {
        [&Self::front(place), plain].concat()
    }

    fn open(&self, place: FieldPlace<'_>, sealed: &[u8]) -> Result<Vec<u8>, FieldDamaged> {
        let plain = sealed.strip_prefix(Self::front(place).as_slice());
        plain.map(<[u8]>::to_vec).ok_or(FieldDamaged)
    }

    fn pseudonym(&self, _purpose: &str, _parts: &[&[u8]]) -> [u8; 32] {
        [0; 32]
    }

    fn key_name(&self) -> [u8; 32] {
        [0; 32]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u8) -> NodeId {
        NodeId::from_bytes([number; 16])
    }

    #[test]
    fn a_confirmation_comes_back_for_its_node_alone() {
        let rows = [1, 9].map(|n| (i64::from(n), EventId::from_bytes([n; 16])));
        for rows in [&rows[..], &[]] {
            let sealed = seal_confirmation(&Plain, node(1), rows);
            assert_eq!(open_confirmation(&Plain, node(1), &sealed).unwrap(), rows);
            assert!(open_confirmation(&Plain, node(2), &sealed).is_err());
            let cut = sealed.get(..sealed.len() - 1).unwrap();
            assert!(open_confirmation(&Plain, node(1), cut).is_err());
        }
    }

    #[test]
    fn a_subject_ends_with_a_node() {
        let subject = format!("colophon.log.rows.{}", node(0xab));
        assert_eq!(node_of(&subject), Some(node(0xab)));
        let short = "ab".repeat(15);
        let shouted = "AB".repeat(16);
        let signed = format!("+{}", "a".repeat(31));
        for end in ["", "x", &short, &shouted, &signed] {
            assert_eq!(node_of(&format!("colophon.log.rows.{end}")), None, "{end}");
        }
    }

    fn message(headers: Option<HeaderMap>, payload: &'static [u8]) -> async_nats::Message {
        async_nats::Message {
            subject: "colophon.log.rows.x".into(),
            reply: None,
            payload: Bytes::from_static(payload),
            headers,
            status: None,
            description: None,
            length: 0,
        }
    }

    #[test]
    fn a_dead_letter_keeps_what_there_is_room_for() {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", "x");
        headers.insert("Other", "o".repeat(100));
        let poison = message(Some(headers), &[7; 1000]);
        let check = |bytes_max: usize, payload: usize, has_own: bool, is_cut: bool| {
            let (headers, kept) = dead_letter(&poison, "why", "7 77", bytes_max);
            assert!(
                header_bytes(&headers) + kept.len() <= bytes_max,
                "{bytes_max}"
            );
            assert_eq!(kept.len(), payload, "{bytes_max}");
            assert_eq!(headers.get("Colophon-Problem").unwrap().as_str(), "why");
            assert_eq!(headers.get(NATS_MESSAGE_ID).unwrap().as_str(), "7 77");
            assert_eq!(headers.get("Other").is_some(), has_own, "{bytes_max}");
            let told = headers.get(PAYLOAD_BYTES).map(|bytes| bytes.as_str());
            assert_eq!(told, is_cut.then_some("1000"), "{bytes_max}");
        };
        let whole = header_bytes(&with_problem(poison.headers.as_ref(), "why", "7 77")) + 1000;
        check(whole, 1000, true, false);
        let told = PAYLOAD_BYTES.len() + ": 1000\r\n".len();
        check(whole - 1, 1000 - 1 - told, true, true);
        check(whole - 1000 + told, 0, true, true);
        let bare = header_bytes(&with_problem(None, "why", "7 77")) + told;
        check(
            whole - 1000 + told - 1,
            whole - 1001 + told - bare,
            false,
            true,
        );
        check(bare, 0, false, true);
    }

    #[test]
    fn a_row_is_as_long_as_its_message() {
        let event = EventId::from_bytes([1; 16]);
        for (times, again) in [(0, ""), (12, "-12")] {
            let expected = format!(
                "NATS/1.0\r\nNats-Msg-Id: {event}{again}\r\nColophon-Sequence: 77\r\n\r\npayload"
            );
            let bytes = row_bytes(event, 77, times, b"payload");
            assert_eq!(bytes, expected.len());
        }
    }
}
