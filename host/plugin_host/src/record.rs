//! What a plug-in was asked and answered, kept whole, so that it can be asked again.
//!
//! A record begins with the instance: its limits, then every question that the request put to it up to
//! the decision, each with all that the host answered meanwhile and what came of it. With the component
//! it is all that a replay needs: plug-ins have no clock and no random numbers of their own, and the
//! moment they are told is part of the question. Secrets are never in it, for the host puts them into
//! requests behind the boundary that is recorded.

use std::time::Duration;

use colophon_core::decision::{Failed, Outcome};
use colophon_core::plugin::{Blame, CallContext, PluginFailure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::bindings::{common, policy, resolver, retailers};
use crate::call::answer;
use crate::contract::{Capability, Role};
use crate::generation::Generation;
use crate::limits::Limits;

/// The most that is kept of what the host was asked and answered during one question, in bytes. Of
/// a longer one is recorded what came of it, and it cannot be replayed.
pub const RECORD_BYTES_MAX: usize = 512 << 10;

/// Changes whenever records are written otherwise.
const FORMAT: u32 = 1;

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

/// One question with what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    pub(crate) input: Input,
    pub(crate) calls: Vec<RecordedCall>,
    /// What the function gave, as JSON of the contract's type; none if it was stopped.
    pub(crate) output: Option<String>,
    /// Why there was no usable answer.
    pub(crate) failure: Option<RecordedFailure>,
    pub(crate) fuel: u64,
    /// What is not here, and was.
    pub(crate) lacks: Option<Lack>,
}

/// A question in the contract's own types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(crate) enum Input {
    Resolver {
        context: common::Context,
        book: common::Book,
    },
    Policy {
        context: common::Context,
        offer: policy::Offer,
    },
    Naming {
        context: common::Context,
        facts: common::Attributes,
    },
    Retailers {
        inquiry: retailers::Inquiry,
        retailer: String,
    },
}

/// A call into the host with its answer, both as JSON of the contract's types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedCall {
    pub(crate) function: String,
    pub(crate) question: String,
    pub(crate) answer: String,
    /// Whether a service had failed the request by then, which failures are blamed on.
    pub(crate) host_failed: bool,
}

impl RecordedCall {
    /// What it takes up, and no less where hardly anything is asked: nothing else limits how often that
    /// is.
    fn bytes_about(&self) -> usize {
        const REST: usize = 256;
        REST + self.question.len() + self.answer.len()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordedFailure {
    pub(crate) kind: String,
    pub(crate) blame: RecordedBlame,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecordedBlame {
    Plugin,
    Host,
    Config,
}

/// What a record lacks to be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lack {
    /// It was longer than what is kept.
    TooLarge,
    /// The plug-in was stopped while it waited for the host.
    Unanswered,
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

impl Turn {
    /// A question that was never put, since no instance could be started for it.
    pub(crate) fn not_put(input: Input, failure: &PluginFailure) -> Self {
        Self {
            input,
            calls: Vec::new(),
            output: None,
            failure: Some(failure.into()),
            fuel: 0,
            lacks: None,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        if let Some(failure) = &self.failure {
            return Outcome::Failed(Failed {
                kind: failure.kind.clone(),
                blame: failure.blame.into(),
                text: failure.text.clone(),
            });
        }
        self.answered().unwrap_or_else(|| {
            // Checked when it was read, and made here otherwise.
            let failure = PluginFailure::Unusable {
                problem: "the record has no answer",
            };
            Outcome::Failed(Failed::from(&failure))
        })
    }

    /// The answer as the host understood it.
    fn answered(&self) -> Option<Outcome> {
        fn given<T: DeserializeOwned>(text: &str) -> Option<T> {
            let given: Result<T, common::Failure> = serde_json::from_str(text).ok()?;
            given.ok()
        }
        let output = self.output.as_deref()?;
        match &self.input {
            Input::Resolver { .. } => {
                let given: resolver::Answer = given(output)?;
                let resolved = answer::resolved(given).ok()?;
                Some(match answer::usable(&resolved) {
                    Ok(()) => Outcome::Resolved(resolved),
                    Err(defect) => Outcome::Failed(Failed::from(&defect)),
                })
            }
            Input::Policy { .. } => {
                let given: policy::Verdict = given(output)?;
                answer::verdict(given).ok().map(Outcome::Judged)
            }
            Input::Naming { .. } => answer::file_name(given(output)?).ok().map(Outcome::Named),
            Input::Retailers { .. } => {
                let given: retailers::Answer = given(output)?;
                let identified = answer::identified(given).ok()?;
                Some(match answer::nameable(&identified) {
                    Ok(()) => Outcome::Identified(identified),
                    Err(defect) => Outcome::Failed(Failed::from(&defect)),
                })
            }
        }
    }

    fn check(&self) -> Result<(), MalformedRecord> {
        let known = |call: &RecordedCall| {
            Capability::ALL.into_iter().any(|capability| {
                let name = call.function.strip_prefix(capability.as_str());
                let name = name.and_then(|name| name.strip_prefix('.'));
                name.is_some_and(|name| capability.functions().contains(&name))
            })
        };
        if !self.calls.iter().all(known) {
            return Err(MalformedRecord::Impossible("a call that no host offers"));
        }
        let lacks_output = self.lacks == Some(Lack::TooLarge);
        if self.failure.is_none() && !lacks_output && self.answered().is_none() {
            return Err(MalformedRecord::Impossible("an answer that is none"));
        }
        Ok(())
    }
}

impl Input {
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Resolver { .. } => Role::Resolver,
            Self::Policy { .. } => Role::Policy,
            Self::Naming { .. } => Role::Naming,
            Self::Retailers { .. } => Role::Retailers,
        }
    }
}

impl From<&PluginFailure> for RecordedFailure {
    fn from(failure: &PluginFailure) -> Self {
        Self {
            kind: failure.kind().to_owned(),
            blame: match failure.blame() {
                Blame::Plugin => RecordedBlame::Plugin,
                Blame::Host => RecordedBlame::Host,
                Blame::Config => RecordedBlame::Config,
            },
            text: failure.to_string(),
        }
    }
}

impl From<RecordedBlame> for Blame {
    fn from(blame: RecordedBlame) -> Self {
        match blame {
            RecordedBlame::Plugin => Self::Plugin,
            RecordedBlame::Host => Self::Host,
            RecordedBlame::Config => Self::Config,
        }
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

/// What crosses the boundary while a question is answered.
#[derive(Default)]
pub(crate) struct Heard {
    calls: Vec<RecordedCall>,
    output: Option<String>,
    bytes: usize,
    too_large: bool,
}

impl Heard {
    pub(crate) fn keep(&mut self, call: RecordedCall) {
        self.bytes = self.bytes.saturating_add(call.bytes_about());
        if self.bytes > RECORD_BYTES_MAX {
            self.too_large = true;
            self.calls = Vec::new();
        } else {
            self.calls.push(call);
        }
    }

    /// The answer is kept beside calls that are too long, so that the outcome is known.
    pub(crate) fn gave(&mut self, output: &impl Serialize) {
        let output = as_text(output);
        if output.len() > RECORD_BYTES_MAX {
            self.too_large = true;
        } else {
            self.output = Some(output);
        }
    }

    /// The question with all that was heard of it.
    pub(crate) fn into_turn(
        self,
        input: Input,
        failure: Option<&PluginFailure>,
        fuel: u64,
        waiting: bool,
    ) -> Turn {
        let lacks = match (self.too_large, waiting) {
            (true, _) => Some(Lack::TooLarge),
            (false, true) => Some(Lack::Unanswered),
            (false, false) => None,
        };
        Turn {
            input,
            calls: self.calls,
            output: self.output,
            failure: failure.map(RecordedFailure::from),
            fuel,
            lacks,
        }
    }
}

/// A value of the contract as JSON. The same value has the same text.
pub(crate) fn as_text(value: &impl Serialize) -> String {
    // The contract's types have only keys and numbers that JSON has too.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn context() -> common::Context {
        common::Context {
            request_id: "r".to_owned(),
            now_ms: 1_800_000_000_000,
            center: "main".to_owned(),
            retailer: "shop".to_owned(),
            territory: None,
            extra: vec![
                ("b".to_owned(), "1".to_owned()),
                ("a".to_owned(), "2".to_owned()),
            ],
        }
    }

    fn naming(name: &str, answer: &str, fuel: u64) -> Turn {
        Turn {
            input: Input::Naming {
                context: context(),
                facts: vec![("title".to_owned(), name.to_owned())],
            },
            calls: vec![RecordedCall {
                function: "kv.get".to_owned(),
                question: as_text(&name),
                answer: answer.to_owned(),
                host_failed: false,
            }],
            output: Some(as_text(&Ok::<_, common::Failure>("name"))),
            failure: None,
            fuel,
            lacks: None,
        }
    }

    fn record(decision: Turn) -> Record {
        Record {
            limits: Limits::default(),
            reused: false,
            before: vec![naming("before", "{}", 1)],
            decision,
        }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            name in ".{0,40}", answer in ".{0,40}", fuel in any::<u64>(), memory in any::<u32>(),
        ) {
            let mut written = record(naming(&name, &answer, fuel));
            written.limits.memory_bytes = memory as usize;
            let bytes = written.to_bytes();
            let read = Record::parse(&bytes).expect("a record");
            prop_assert_eq!(&read, &written);
            prop_assert_eq!(read.to_bytes(), bytes);
        }

        #[test]
        fn whatever_is_read_is_a_record_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Record::parse(&bytes).is_err());
        }

        #[test]
        fn a_changed_byte_is_another_record_or_none(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let written = record(naming("n", "a", 7));
            let mut bytes = written.to_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            if let Ok(read) = Record::parse(&bytes) {
                prop_assert!(read != written);
            }
        }
    }

    #[test]
    fn a_record_of_a_later_format_says_so() {
        let text = String::from_utf8(record(naming("n", "a", 7)).to_bytes()).expect("text");
        let later = text.replace("{\"format\":1", "{\"format\":2");
        let refused = Record::parse(later.as_bytes()).expect_err("unknown");
        assert!(matches!(refused, MalformedRecord::Format(2)), "{refused}");
    }

    #[test]
    fn what_cannot_have_been_is_refused() {
        let mut strange = naming("n", "a", 7);
        strange.calls[0].function = "kv.steal".to_owned();
        let mut silent = naming("n", "a", 7);
        silent.output = None;
        let mut blank = naming("n", "a", 7);
        blank.output = Some(as_text(&Ok::<_, common::Failure>("")));
        for wrong in [strange, silent, blank] {
            let bytes = record(wrong).to_bytes();
            let refused = Record::parse(&bytes).expect_err("impossible");
            assert!(
                matches!(refused, MalformedRecord::Impossible(_)),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept_and_says_so() {
        let mut heard = Heard::default();
        let call = |bytes: usize| RecordedCall {
            function: "kv.get".to_owned(),
            question: String::new(),
            answer: "x".repeat(bytes),
            host_failed: false,
        };
        heard.keep(call(RECORD_BYTES_MAX));
        heard.keep(call(1));
        heard.keep(call(0));
        let turn = naming("n", "a", 7);
        let turn = heard.into_turn(turn.input, None, 7, false);
        assert!(turn.calls.is_empty());
        let record = record(turn);
        let read = Record::parse(&record.to_bytes()).expect("a record");
        assert_eq!(read.replayable(), Err(NotReplayable::TooLarge));
    }

    #[test]
    fn calls_that_say_nothing_fill_a_record_too() {
        let mut heard = Heard::default();
        let nothing = RecordedCall {
            function: "config.get".to_owned(),
            question: "\"\"".to_owned(),
            answer: "null".to_owned(),
            host_failed: false,
        };
        for _ in 0..RECORD_BYTES_MAX / 256 {
            heard.keep(nothing.clone());
        }
        let turn = heard.into_turn(naming("n", "a", 7).input, None, 7, false);
        assert_eq!(turn.lacks, Some(Lack::TooLarge));
        assert!(turn.calls.is_empty());
    }

    #[test]
    fn what_the_clock_has_stopped_is_not_replayable() {
        for failure in [PluginFailure::TimedOut, PluginFailure::Saturated] {
            let turn = Turn::not_put(naming("n", "a", 7).input, &failure);
            assert_eq!(record(turn).replayable(), Err(NotReplayable::ByTheClock));
        }
        let turn = Turn::not_put(naming("n", "a", 7).input, &PluginFailure::OutOfFuel);
        assert_eq!(record(turn).replayable(), Ok(()));
    }
}
