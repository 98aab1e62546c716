//! How records are written, and read back.
//!
//! What is read back is outside data, as anything is that was in a database: limits are held against
//! what can be granted, and answers against what was asked.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::call::RecordedCall;
use super::turn::Turn;
use super::{Record, as_text};
use crate::limits::Limits;
use crate::manifest::{FUEL_MAX, HOST_CALLS_MAX, MEMORY_BYTES_MAX, TIME_MS_MAX};

/// A record whose instance asked the host nothing when it was started, or was started for this request.
/// Format 1 had what was asked and answered as JSON in texts, with bytes as numbers.
const PLAIN: u32 = 2;

/// One that has what a reused instance asked the host when it was started. Format 2 does not know that:
/// whether such an instance asked anything is not told by it. Builds between two releases have written such
/// a start under format 2. These records are refused as what no host writes, and go with their age: to read
/// them would give every record two spellings.
const WITH_START: u32 = 3;

/// The longest record that is written or read, in bytes. A longer one, of control characters or of
/// many questions, is written without what was asked of the host.
const WRITTEN_BYTES_MAX: usize = 8 << 20;

/// Bytes are no record.
#[derive(Debug, Error)]
pub enum MalformedRecord {
    /// There are more of them than any record has.
    #[error("the record has {0} bytes, and no more than {WRITTEN_BYTES_MAX} are read")]
    TooLong(usize),
    /// They are not as records are written.
    #[error("the record is not as records are written")]
    Syntax(#[from] serde_json::Error),
    /// Another release wrote it.
    #[error("the record has format {0}, and this program knows {PLAIN} and {WITH_START}")]
    Format(u32),
    /// It says something that cannot have been.
    #[error("the record holds {0}")]
    Impossible(&'static str),
}

/// A record as it is written.
#[derive(Serialize)]
struct Writing<'r> {
    format: u32,
    limits: WrittenLimits,
    reused: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    start: &'r [RecordedCall],
    before: Vec<&'r Turn>,
    decision: &'r Turn,
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "format")]
    _format: u32,
    limits: WrittenLimits,
    reused: bool,
    #[serde(default)]
    start: Vec<RecordedCall>,
    before: Vec<Turn>,
    decision: Turn,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLimits {
    deadline_ms: u64,
    host_call_ms: u64,
    fuel: u64,
    memory_bytes: u64,
    table_elements: u64,
    host_calls: u32,
    handover_bytes: u64,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Record {
    /// The record in bytes. The same record has the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let before: Vec<&Turn> = self.before.iter().map(Arc::as_ref).collect();
        let written = self.written(&self.start, before, &self.decision);
        if written.len() <= WRITTEN_BYTES_MAX {
            return written;
        }
        self.written(&[], Vec::new(), &self.decision.cut())
    }

    fn written(&self, start: &[RecordedCall], before: Vec<&Turn>, decision: &Turn) -> Vec<u8> {
        let writing = Writing {
            format: if start.is_empty() { PLAIN } else { WITH_START },
            limits: WrittenLimits::from(&self.limits),
            reused: self.reused,
            start,
            before,
            decision,
        };
        as_text(&writing).into_bytes()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`MalformedRecord`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedRecord> {
        if bytes.len() > WRITTEN_BYTES_MAX {
            return Err(MalformedRecord::TooLong(bytes.len()));
        }
        let FormatOnly { format } = serde_json::from_slice(bytes)?;
        if !matches!(format, PLAIN | WITH_START) {
            return Err(MalformedRecord::Format(format));
        }
        let Written {
            _format,
            limits,
            reused,
            start,
            before,
            decision,
        } = serde_json::from_slice(bytes)?;
        for turn in before.iter().chain([&decision]) {
            turn.check()?;
        }
        if !start.iter().all(RecordedCall::is_answered) {
            return Err(MalformedRecord::Impossible(
                "an answer of the host to another question",
            ));
        }
        if !reused && !start.is_empty() {
            return Err(MalformedRecord::Impossible(
                "a start of its own beside the first question",
            ));
        }
        let record = Self {
            limits: limits.parsed()?,
            reused,
            start,
            before: before.into_iter().map(Arc::new).collect(),
            decision: Arc::new(decision),
        };
        // The contract's own types pass over what they do not know; and each record has one format.
        if record.to_bytes() != bytes {
            return Err(MalformedRecord::Impossible("what no host writes"));
        }
        Ok(record)
    }
}

impl From<&Limits> for WrittenLimits {
    fn from(limits: &Limits) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            deadline_ms: ms(limits.deadline),
            host_call_ms: ms(limits.host_call_timeout),
            fuel: limits.fuel,
            memory_bytes: limits.memory_bytes as u64,
            table_elements: limits.table_elements as u64,
            host_calls: limits.host_calls,
            handover_bytes: limits.handover_bytes as u64,
        }
    }
}

impl WrittenLimits {
    /// Limits that can be granted, or that every plug-in has.
    fn parsed(self) -> Result<Limits, MalformedRecord> {
        let usual = Limits::default();
        let past = MalformedRecord::Impossible;
        if self.deadline_ms.max(self.host_call_ms) > TIME_MS_MAX {
            return Err(past("more time than can be granted"));
        }
        if self.fuel > FUEL_MAX {
            return Err(past("more fuel than can be granted"));
        }
        if self.host_calls > HOST_CALLS_MAX {
            return Err(past("more host calls than can be granted"));
        }
        let size = |number: u64, most: u64| {
            let size = usize::try_from(number).ok().filter(|_| number <= most);
            size.ok_or(past("more room than can be granted"))
        };
        Ok(Limits {
            deadline: Duration::from_millis(self.deadline_ms),
            host_call_timeout: Duration::from_millis(self.host_call_ms),
            fuel: self.fuel,
            memory_bytes: size(self.memory_bytes, MEMORY_BYTES_MAX)?,
            table_elements: size(self.table_elements, usual.table_elements as u64)?,
            host_calls: self.host_calls,
            handover_bytes: size(self.handover_bytes, usual.handover_bytes as u64)?,
        })
    }
}
