//! What a host and its compiler's process say to each other: an order with the component behind it,
//! and an answer framed with its length and digest.

use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::super::engine::EngineMemory;

/// More native code than this is not taken: eight times the largest component. A host holds it twice
/// for a moment, as it came and as it is run.
const CODE_BYTES_MAX: u64 = 256 << 20;
pub(super) const HEAD_BYTES: usize = 8 + 1 + 8 + 8 + 32;

const ORDER_BYTES: usize = 8 + 1 + 3 * 8;
const ORDER_MARK: [u8; 8] = *b"cmp-ord1";
const ANSWER_MARK: [u8; 8] = *b"cmp-ans1";

/// What is to be done; the component follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) memory: EngineMemory,
    pub(super) memory_bytes: u64,
    pub(super) cpu_seconds: u64,
    pub(super) component_bytes: u64,
}

/// What is announced of an answer, before its body.
#[derive(Debug)]
pub(super) struct Head {
    kind: u8,
    fingerprint: u64,
    length: u64,
    digest: [u8; 32],
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Of the engine that the code is for.
    pub(super) fingerprint: u64,
    pub(super) payload: Payload,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Code(Vec<u8>),
    /// Why the compiler refuses the component.
    Refused(String),
    /// The compiler panicked over the component.
    Broken,
    OutOfMemory,
}

impl Order {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = ORDER_MARK.to_vec();
        bytes.push(self.memory.number());
        for number in [self.memory_bytes, self.cpu_seconds, self.component_bytes] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    /// Reads an order; none if it is none.
    pub(super) fn read(mut input: impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; ORDER_BYTES];
        input.read_exact(&mut bytes)?;
        Ok(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Fields(bytes);
        let mark: [u8; 8] = rest.bytes()?;
        let [memory] = rest.bytes()?;
        let order = Self {
            memory: EngineMemory::of_number(memory)?,
            memory_bytes: rest.number()?,
            cpu_seconds: rest.number()?,
            component_bytes: rest.number()?,
        };
        (mark == ORDER_MARK).then_some(order)
    }
}

impl Answer {
    pub(super) fn write(&self, mut output: impl Write) -> io::Result<()> {
        let (kind, body): (u8, &[u8]) = match &self.payload {
            Payload::Code(code) => (0, code),
            Payload::Refused(reason) => (1, reason.as_bytes()),
            Payload::OutOfMemory => (2, &[]),
            Payload::Broken => (3, &[]),
        };
        output.write_all(&ANSWER_MARK)?;
        output.write_all(&[kind])?;
        output.write_all(&self.fingerprint.to_le_bytes())?;
        output.write_all(&(body.len() as u64).to_le_bytes())?;
        output.write_all(&Sha256::digest(body))?;
        output.write_all(body)?;
        output.flush()
    }

    /// An answer with code, if it is not more than is taken.
    pub(super) fn of_code(code: Vec<u8>) -> Payload {
        match code.len() as u64 {
            0..=CODE_BYTES_MAX => Payload::Code(code),
            bytes => Payload::Refused(format!(
                "its native code has {bytes} bytes, more than the {CODE_BYTES_MAX} that are allowed"
            )),
        }
    }
}

impl Head {
    /// What announces an answer that may be taken in.
    pub(super) fn parse(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let mut rest = Fields(bytes);
        let mark: [u8; 8] = rest.bytes()?;
        let [kind] = rest.bytes()?;
        let head = Self {
            kind,
            fingerprint: rest.number()?,
            length: rest.number()?,
            digest: rest.bytes()?,
        };
        (mark == ANSWER_MARK && kind <= 3 && head.length <= CODE_BYTES_MAX).then_some(head)
    }

    /// How many bytes are to come.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The answer, if its body is the one that was announced, and nothing stands behind it.
    pub(super) fn answer(self, body: Vec<u8>) -> Option<Answer> {
        let whole = self.length == body.len() as u64
            && <[u8; 32]>::from(Sha256::digest(&body)) == self.digest;
        if !whole {
            return None;
        }
        let payload = match self.kind {
            0 => Payload::Code(body),
            1 => Payload::Refused(String::from_utf8_lossy(&body).into_owned()),
            2 => Payload::OutOfMemory,
            3 => Payload::Broken,
            _ => return None,
        };
        Some(Answer {
            fingerprint: self.fingerprint,
            payload,
        })
    }
}

/// What is left to be read of a message.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(payload: Payload) -> Vec<u8> {
        let mut bytes = Vec::new();
        let answer = Answer {
            fingerprint: 7,
            payload,
        };
        answer.write(&mut bytes).unwrap();
        bytes
    }

    fn parsed(bytes: &[u8]) -> Option<Answer> {
        let (head, body) = bytes.split_first_chunk()?;
        Head::parse(head)?.answer(body.to_vec())
    }

    #[test]
    fn an_order_is_read_as_it_was_given() {
        for memory in [EngineMemory::Pooled, EngineMemory::Frugal] {
            let order = Order {
                memory,
                memory_bytes: 1 << 31,
                cpu_seconds: 60,
                component_bytes: 3,
            };
            let bytes = order.to_bytes();
            assert_eq!(Order::read(bytes.as_slice()).unwrap(), Some(order));
            assert!(Order::read(&bytes[..bytes.len() - 1]).is_err());
        }
        assert_eq!(Order::read([0_u8; ORDER_BYTES].as_slice()).unwrap(), None);
    }

    #[test]
    fn an_answer_is_taken_whole_or_not_at_all() {
        let code = written(Payload::Code(vec![1, 2, 3]));
        let taken = parsed(&code).unwrap();
        assert_eq!(taken.fingerprint, 7);
        assert_eq!(taken.payload, Payload::Code(vec![1, 2, 3]));
        for length in 0..code.len() {
            assert_eq!(parsed(&code[..length]), None, "{length}");
        }
        assert_eq!(parsed(&[&code[..], b"!"].concat()), None);
        // The fingerprint is compared with the host's own, so nothing else protects it.
        let fingerprint = 9..17;
        for at in (0..code.len()).filter(|at| !fingerprint.contains(at)) {
            let mut damaged = code.clone();
            damaged[at] ^= 0x40;
            assert_eq!(parsed(&damaged), None, "{at}");
        }
        let refused = Payload::Refused("why".to_owned());
        let told = parsed(&written(refused)).unwrap();
        assert_eq!(told.payload, Payload::Refused("why".to_owned()));
        let out = parsed(&written(Payload::OutOfMemory)).unwrap();
        assert_eq!(out.payload, Payload::OutOfMemory);
        let broken = parsed(&written(Payload::Broken)).unwrap();
        assert_eq!(broken.payload, Payload::Broken);
    }

    #[test]
    fn more_than_is_taken_is_refused_when_it_is_announced() {
        let code = written(Payload::Code(vec![1, 2, 3]));
        let mut head = *code.first_chunk::<HEAD_BYTES>().unwrap();
        for (length, taken) in [
            (CODE_BYTES_MAX, true),
            (CODE_BYTES_MAX + 1, false),
            (u64::MAX, false),
        ] {
            head[17..25].copy_from_slice(&length.to_le_bytes());
            assert_eq!(Head::parse(&head).is_some(), taken, "{length}");
        }
    }
}
