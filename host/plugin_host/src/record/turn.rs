//! One question with all that the host answered meanwhile, and what came of it.

use colophon_core::decision::{Failed, Outcome};
use colophon_core::plugin::{Blame, PluginFailure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::written::MalformedRecord;
use crate::bindings::{common, policy, resolver, retailers};
use crate::call::answer;
use crate::contract::{Capability, Role};

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
    pub(super) fn bytes_about(&self) -> usize {
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

    pub(super) fn check(&self) -> Result<(), MalformedRecord> {
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
