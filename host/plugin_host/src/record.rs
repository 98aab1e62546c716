//! What a plug-in was asked and answered, kept whole, so that it can be asked again.
//!
//! A record begins with the instance: its limits, then every question that the request put to it up to
//! the decision, each with all that the host answered meanwhile and what came of it. With the component
//! it is all that a replay needs: plug-ins have no clock and no random numbers of their own, and the
//! moment they are told is part of the question. Secrets are never in it, for the host puts them into
//! requests behind the boundary that is recorded.

mod call;
mod heard;
#[cfg(test)]
mod tests;
mod turn;
mod written;

use std::sync::Arc;

use colophon_core::decision::Outcome;
use colophon_core::plugin::{CallContext, PluginFailure};
use serde::Serialize;
use thiserror::Error;

#[cfg(test)]
pub(crate) use self::call::Reply;
pub(crate) use self::call::{Bytes, Call, Cell, Fetch, RecordedCall, Replied};
pub(crate) use self::heard::Heard;
pub(crate) use self::turn::{Input, Lack, Output, Turn};
pub use self::written::MalformedRecord;
use crate::contract::Role;
use crate::generation::Generation;
use crate::limits::Limits;

/// The most that is kept of what the host was asked and answered during one question, in bytes. Of
/// a longer one is recorded what came of it, and it cannot be replayed.
pub const RECORD_BYTES_MAX: usize = 512 << 10;

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
    /// What a reused instance asked of the host when it was started, as far as that was recorded;
    /// otherwise that is a part of the first question.
    pub(crate) start: Vec<RecordedCall>,
    pub(crate) before: Vec<Arc<Turn>>,
    pub(crate) decision: Arc<Turn>,
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
    #[error("a service of the host's did not answer before the plug-in's time was over")]
    Unanswered,
    /// The clock stopped the plug-in.
    #[error(
        "the plug-in was stopped by the clock: on another machine, or a quieter one, it may not be"
    )]
    TimedOut,
    /// There was no room for the plug-in.
    #[error("the host had no room for another instance")]
    NoRoom,
    /// The instance had been started for another request, and asked the host something then.
    #[error(
        "what the instance asked the host when it was started, for another request, is not in the record"
    )]
    StartUnknown,
    /// Nothing is wrong with the record.
    #[error(
        "this machine was too busy, or is too slow, to do it again in time; try again when it is quieter"
    )]
    MachineBusy,
}

impl NotReplayable {
    /// What it is called in reports.
    pub fn kind(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::Unanswered => "service-away",
            Self::TimedOut => "timed-out",
            Self::NoRoom => "no-room",
            Self::StartUnknown => "start-unknown",
            Self::MachineBusy => "machine-busy",
        }
    }
}

impl Record {
    pub(crate) fn of(generation: &Generation, decision: Arc<Turn>) -> Self {
        Self {
            limits: generation.granted().limits,
            reused: false,
            start: Vec::new(),
            before: Vec::new(),
            decision,
        }
    }

    /// The same of an instance that was asked something before: in this request, and in others where
    /// it says what its start asked.
    pub(crate) fn in_instance(self, before: &[Arc<Turn>], start: Option<&[RecordedCall]>) -> Self {
        Self {
            reused: start.is_some(),
            start: start.unwrap_or_default().to_vec(),
            before: before.to_vec(),
            ..self
        }
    }

    /// Whether the instance had served other requests before, which are not in the record: a plug-in
    /// that remembers them may decide otherwise in a fresh one.
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
        calls
            .filter(|one| !matches!(one.call, Call::ConfigGet(_)))
            .count()
    }

    /// The sale that the decision was about, where the plug-in was told which it was, in this question
    /// or in one before.
    pub fn transaction(&self) -> Option<&str> {
        self.turns().find_map(|turn| turn.input.transaction())
    }

    /// Type and id of the title, where the plug-in was told it, in this question or in one before.
    pub fn book(&self) -> Option<(&str, &str)> {
        let book = self.turns().find_map(|turn| turn.input.book())?;
        Some((&book.id_type, &book.id))
    }

    /// The questions in their order, as they are put to a fresh instance: what a reused one asked when it
    /// was started stands before what was asked during the first.
    pub(crate) fn questions(&self) -> (Vec<Arc<Turn>>, Arc<Turn>) {
        let (mut before, mut decision) = (self.before.clone(), Arc::clone(&self.decision));
        if !self.start.is_empty() {
            let first = before.first_mut().unwrap_or(&mut decision);
            let first = Arc::make_mut(first);
            let calls = std::mem::take(&mut first.calls);
            first.calls = self.start.iter().cloned().chain(calls).collect();
        }
        (before, decision)
    }

    /// The questions, the last first.
    fn turns(&self) -> impl Iterator<Item = &Turn> {
        let before = self.before.iter().rev();
        [&self.decision].into_iter().chain(before).map(Arc::as_ref)
    }

    /// About how many bytes it takes up.
    pub fn bytes_about(&self) -> usize {
        let start = self.start.iter().map(RecordedCall::bytes_about);
        start.chain(self.turns().map(Turn::bytes_about)).sum()
    }

    /// What the decision was asked, what it asked and answered, each as it is digested.
    pub fn parts(&self) -> [Vec<u8>; 3] {
        let Turn {
            input,
            calls,
            output,
            failure,
            ..
        } = self.decision.as_ref();
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
            let failed = turn.failure.as_ref();
            let failed = |one: &PluginFailure| failed.is_some_and(|it| it.kind == one.kind());
            if failed(&PluginFailure::TimedOut) {
                return Err(NotReplayable::TimedOut);
            }
            if failed(&PluginFailure::Saturated) {
                return Err(NotReplayable::NoRoom);
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
