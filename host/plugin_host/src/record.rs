//! What a plug-in was asked and answered, kept whole, so that it can be asked again.
//!
//! A record begins with the instance: its limits, then every question that the request put to it up to
//! the decision, each with all that the host answered meanwhile and what came of it. With the component
//! it is all that a replay needs: plug-ins have no clock and no random numbers of their own, and the
//! moment they are told is part of the question. Secrets are never in it, for the host puts them into
//! requests behind the boundary that is recorded.

mod heard;
#[cfg(test)]
mod tests;
mod turn;
mod written;

use colophon_core::decision::Outcome;
use colophon_core::plugin::{CallContext, PluginFailure};
use serde::Serialize;
use thiserror::Error;

pub(crate) use self::heard::Heard;
use self::turn::Lack;
pub(crate) use self::turn::{Input, RecordedCall, RecordedFailure, Turn};
pub use self::written::MalformedRecord;
use crate::contract::Role;
use crate::generation::Generation;
use crate::limits::Limits;

/// The most that is kept of what the host was asked and answered during one question, in bytes. Of
/// a longer one is recorded what came of it, and it cannot be replayed.
pub const RECORD_BYTES_MAX: usize = 512 << 10;

/// The one call that counts nowhere.
pub(crate) const CONFIG_GET: &str = "config.get";

/// A decision that was just made.
pub struct Decided {
    /// The request that it served.
    pub context: CallContext,
    /// What was asked and answered.
    pub record: Record,
}

/// Takes decisions. The request waits meanwhile, so what takes time is done elsewhere.
pub trait Recorder: Send + Sync {
    /// A decision was made.
    fn record(&self, decided: Decided);
}

/// What a request asked of one instance up to a decision, which is the last of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub(crate) limits: Limits,
    pub(crate) reused: bool,
    pub(crate) before: Vec<Turn>,
    pub(crate) decision: Turn,
}

/// Why a record cannot be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotReplayable {
    /// It was longer than what is kept.
    #[error(
        "what was asked and answered was longer than the {RECORD_BYTES_MAX} bytes that are kept"
    )]
    TooLarge,
    /// The plug-in was stopped while it waited for the host.
    #[error("the plug-in was stopped while it waited for the host")]
    Unanswered,
    /// The clock stopped the plug-in, or there was no room for it.
    #[error(
        "the plug-in was stopped by the clock, or for want of room: another time it may not be"
    )]
    ByTheClock,
}

impl Record {
    pub(crate) fn of(generation: &Generation, decision: Turn) -> Self {
        Self {
            limits: generation.granted().limits,
            reused: false,
            before: Vec::new(),
            decision,
        }
    }

    /// The same of an instance that was asked something before.
    pub(crate) fn in_instance(self, before: &[Turn], reused: bool) -> Self {
        Self {
            reused,
            before: before.to_vec(),
            ..self
        }
    }

    /// Whether the instance had served other requests before, which are not in the record: a plug-in
    /// that remembers them may decide otherwise in a fresh one, and fuel is that of no start.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// The role of the decision.
    pub fn role(&self) -> Role {
        self.decision.input.role()
    }

    /// What came of it.
    pub fn outcome(&self) -> Outcome {
        self.decision.outcome()
    }

    /// Fuel of the decision; of the first question, with that of the start.
    pub fn fuel(&self) -> u64 {
        self.decision.fuel
    }

    /// Calls into the host that count.
    pub fn host_calls(&self) -> usize {
        let calls = self.decision.calls.iter();
        calls.filter(|call| call.function != CONFIG_GET).count()
    }

    /// The sale that the decision was about, where the plug-in was told which it was.
    pub fn transaction(&self) -> Option<&str> {
        let Input::Policy { offer, .. } = &self.decision.input else {
            return None;
        };
        let told = offer.sale.iter().find(|(name, _)| name == "transaction");
        told.map(|(_, transaction)| transaction.as_str())
    }

    /// About how many bytes it takes up.
    pub fn bytes_about(&self) -> usize {
        const REST: usize = 1024;
        let turns = self.before.iter().chain([&self.decision]);
        let bytes = turns.map(|turn| {
            let calls = turn.calls.iter();
            let calls = calls.map(RecordedCall::bytes_about);
            REST + calls.sum::<usize>() + turn.output.as_ref().map_or(0, String::len)
        });
        bytes.sum()
    }

    /// What the decision was asked, what it asked and answered, each as it is digested.
    pub fn parts(&self) -> [Vec<u8>; 3] {
        let Turn {
            input,
            calls,
            output,
            failure,
            ..
        } = &self.decision;
        [
            as_text(input).into_bytes(),
            as_text(calls).into_bytes(),
            as_text(&(output, failure)).into_bytes(),
        ]
    }

    /// Whether it can be replayed.
    ///
    /// # Errors
    /// [`NotReplayable`].
    pub fn replayable(&self) -> Result<(), NotReplayable> {
        for turn in self.before.iter().chain([&self.decision]) {
            match turn.lacks {
                Some(Lack::TooLarge) => return Err(NotReplayable::TooLarge),
                Some(Lack::Unanswered) => return Err(NotReplayable::Unanswered),
                None => {}
            }
            let by_clock = |failure: &RecordedFailure| {
                let [timed_out, saturated] = [PluginFailure::TimedOut, PluginFailure::Saturated];
                failure.kind == timed_out.kind() || failure.kind == saturated.kind()
            };
            if turn.failure.as_ref().is_some_and(by_clock) {
                return Err(NotReplayable::ByTheClock);
            }
        }
        Ok(())
    }
}

/// A value of the contract as JSON. The same value has the same text.
pub(crate) fn as_text(value: &impl Serialize) -> String {
    // The contract's types have only keys and numbers that JSON has too.
    serde_json::to_string(value).unwrap_or_default()
}
