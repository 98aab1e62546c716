//! How records are written, and read back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::turn::Turn;
use super::{Record, as_text};
use crate::limits::Limits;

/// Changes whenever records are written otherwise.
const FORMAT: u32 = 1;

/// Bytes are no record.
#[derive(Debug, Error)]
pub enum MalformedRecord {
    /// They are not as records are written.
    #[error("the record is not as records are written")]
    Syntax(#[from] serde_json::Error),
    /// A later version wrote it.
    #[error("the record has format {0}, and this program knows {FORMAT}")]
    Format(u32),
    /// It says something that cannot have been.
    #[error("the record holds {0}")]
    Impossible(&'static str),
}

/// A record as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    limits: WrittenLimits,
    reused: bool,
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
        let written = Written {
            format: FORMAT,
            limits: WrittenLimits::from(&self.limits),
            reused: self.reused,
            before: self.before.clone(),
            decision: self.decision.clone(),
        };
        as_text(&written).into_bytes()
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`MalformedRecord`] says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedRecord> {
        let FormatOnly { format } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(MalformedRecord::Format(format));
        }
        let Written {
            format: _,
            limits,
            reused,
            before,
            decision,
        } = serde_json::from_slice(bytes)?;
        for turn in before.iter().chain([&decision]) {
            turn.check()?;
        }
        let record = Self {
            limits: limits.parsed()?,
            reused,
            before,
            decision,
        };
        // The contract's own types pass over what they do not know.
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
    fn parsed(self) -> Result<Limits, MalformedRecord> {
        let size = |number: u64| {
            usize::try_from(number).map_err(|_| MalformedRecord::Impossible("limits past all"))
        };
        Ok(Limits {
            deadline: Duration::from_millis(self.deadline_ms),
            host_call_timeout: Duration::from_millis(self.host_call_ms),
            fuel: self.fuel,
            memory_bytes: size(self.memory_bytes)?,
            table_elements: size(self.table_elements)?,
            host_calls: self.host_calls,
            handover_bytes: size(self.handover_bytes)?,
        })
    }
}
