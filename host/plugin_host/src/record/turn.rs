//! One question with all that the host answered meanwhile, and what came of it.

use std::sync::Arc;

use colophon_core::decision::{Failed, Outcome};
use colophon_core::plugin::{Blame, PluginFailure};
use serde::{Deserialize, Serialize};

use super::as_text;
use super::call::{RecordedCall, pairs};
use super::written::MalformedRecord;
use crate::bindings::{common, policy, resolver, retailers};
use crate::call::answer;
use crate::contract::Role;

/// One question with what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    pub(crate) input: Input,
    pub(crate) calls: Vec<RecordedCall>,
    /// What the function gave; none if it was stopped.
    pub(crate) output: Option<Output>,
    /// Why there was no usable answer.
    pub(crate) failure: Option<RecordedFailure>,
    pub(crate) fuel: u64,
    /// What is not here, and was.
    pub(crate) lacks: Option<Lack>,
}

/// A question in the contract's own types, which the questions of one request share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(crate) enum Input {
    Resolver {
        #[serde(with = "shared")]
        context: Arc<common::Context>,
        book: common::Book,
    },
    Policy {
        #[serde(with = "shared")]
        context: Arc<common::Context>,
        #[serde(with = "shared")]
        offer: Arc<policy::Offer>,
    },
    Naming {
        #[serde(with = "shared")]
        context: Arc<common::Context>,
        #[serde(with = "shared")]
        facts: Arc<common::Attributes>,
    },
    Retailers {
        inquiry: retailers::Inquiry,
        retailer: String,
    },
}

/// What a function gave, in the contract's own types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Output {
    Resolver(Result<resolver::Answer, common::Failure>),
    Policy(Result<policy::Verdict, common::Failure>),
    Naming(Result<String, common::Failure>),
    Retailers(Result<retailers::Answer, common::Failure>),
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
        match self.output.as_ref()? {
            Output::Resolver(given) => {
                let resolved = answer::resolved(given.clone().ok()?).ok()?;
                Some(match answer::usable(&resolved) {
                    Ok(()) => Outcome::Resolved(resolved),
                    Err(defect) => Outcome::Failed(Failed::from(&defect)),
                })
            }
            Output::Policy(given) => {
                let verdict = answer::verdict(given.clone().ok()?);
                verdict.ok().map(Outcome::Judged)
            }
            Output::Naming(given) => {
                let name = answer::file_name(given.clone().ok()?);
                name.ok().map(Outcome::Named)
            }
            Output::Retailers(given) => {
                let identified = answer::identified(given.clone().ok()?).ok()?;
                Some(match answer::nameable(&identified) {
                    Ok(()) => Outcome::Identified(identified),
                    Err(defect) => Outcome::Failed(Failed::from(&defect)),
                })
            }
        }
    }

    /// The same with nothing but the question and what came of it.
    pub(super) fn cut(&self) -> Self {
        Self {
            input: self.input.clone(),
            calls: Vec::new(),
            output: self.output.clone(),
            failure: self.failure.clone(),
            fuel: self.fuel,
            lacks: Some(Lack::TooLarge),
        }
    }

    /// What it takes up.
    pub(super) fn bytes_about(&self) -> usize {
        const REST: usize = 512;
        let calls = self.calls.iter().map(RecordedCall::bytes_about);
        let output = self.output.as_ref().map_or(0, Output::bytes_about);
        REST + self.input.bytes_about() + calls.sum::<usize>() + output
    }

    pub(super) fn check(&self) -> Result<(), MalformedRecord> {
        let impossible = |what| Err(MalformedRecord::Impossible(what));
        if !self.calls.iter().all(RecordedCall::is_answered) {
            return impossible("an answer of the host to another question");
        }
        let role = self.output.as_ref().map(Output::role);
        if role.is_some_and(|role| role != self.input.role()) {
            return impossible("an answer in another role than the question");
        }
        let kind = self.failure.as_ref().map(|failure| failure.kind.as_str());
        if kind.is_some_and(|kind| !PluginFailure::KINDS.contains(&kind)) {
            return impossible("a failure of an unknown kind");
        }
        let lacks_output = self.lacks == Some(Lack::TooLarge);
        if self.failure.is_none() && !lacks_output && self.answered().is_none() {
            return impossible("an answer that is none");
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

    /// Type and id of the title in question, where it is one.
    pub(super) fn book(&self) -> Option<&common::Book> {
        match self {
            Self::Resolver { book, .. } => Some(book),
            Self::Policy { offer, .. } => Some(&offer.book),
            Self::Naming { .. } | Self::Retailers { .. } => None,
        }
    }

    /// The retailer's transaction, where the plug-in is told it.
    pub(super) fn transaction(&self) -> Option<&str> {
        let Self::Policy { offer, .. } = self else {
            return None;
        };
        let told = offer.sale.iter().find(|(name, _)| name == "transaction");
        told.map(|(_, transaction)| transaction.as_str())
    }

    fn bytes_about(&self) -> usize {
        match self {
            Self::Resolver { book, .. } => book.id_type.len() + book.id.len(),
            Self::Policy { offer, .. } => {
                let policy::Offer {
                    book,
                    resource_class,
                    price: _,
                    requested_protection,
                    title,
                    sale,
                    extra,
                } = offer.as_ref();
                let texts = [
                    &book.id_type,
                    &book.id,
                    resource_class,
                    requested_protection,
                ];
                let texts = texts.iter().map(|text| text.len());
                texts.sum::<usize>() + pairs(title) + pairs(sale) + pairs(extra)
            }
            Self::Naming { facts, .. } => pairs(facts),
            Self::Retailers { retailer, .. } => retailer.len(),
        }
    }
}

impl Output {
    fn role(&self) -> Role {
        match self {
            Self::Resolver(_) => Role::Resolver,
            Self::Policy(_) => Role::Policy,
            Self::Naming(_) => Role::Naming,
            Self::Retailers(_) => Role::Retailers,
        }
    }

    /// The answer as JSON of the contract's type.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Resolver(given) => as_text(given),
            Self::Policy(given) => as_text(given),
            Self::Naming(given) => as_text(given),
            Self::Retailers(given) => as_text(given),
        }
    }

    pub(super) fn bytes_about(&self) -> usize {
        let failed = |failure: &common::Failure| match failure {
            common::Failure::NotFound(text)
            | common::Failure::Denied(text)
            | common::Failure::Invalid(text)
            | common::Failure::Unavailable(text)
            | common::Failure::Internal(text) => text.len(),
            common::Failure::Other((code, text)) => code.len() + text.len(),
        };
        match self {
            Self::Resolver(Ok(resolver::Answer::Found(place))) => {
                let digest = place.sha256.as_ref().map_or(0, Vec::len);
                place.root.len() + place.path.len() + digest * 4 + pairs(&place.extra)
            }
            Self::Resolver(Ok(resolver::Answer::Other(text)))
            | Self::Retailers(Ok(retailers::Answer::Other(text)))
            | Self::Naming(Ok(text)) => text.len(),
            Self::Resolver(Ok(resolver::Answer::NotMine))
            | Self::Retailers(Ok(retailers::Answer::NotMine)) => 0,
            Self::Policy(Ok(policy::Verdict { outcome, because })) => {
                let because = because.iter().map(reason);
                because.sum::<usize>()
                    + match outcome {
                        policy::Outcome::Allow(terms) => {
                            terms.min_protection.len() + pairs(&terms.obligations)
                        }
                        policy::Outcome::Deny(denied) => reason(denied),
                        policy::Outcome::Other(text) => text.len(),
                    }
            }
            Self::Retailers(Ok(retailers::Answer::Known(entry))) => {
                let key = entry.key.as_ref().map_or(0, String::len);
                entry.retailer.len() + key + pairs(&entry.extra)
            }
            Self::Resolver(Err(failure))
            | Self::Policy(Err(failure))
            | Self::Naming(Err(failure))
            | Self::Retailers(Err(failure)) => failed(failure),
        }
    }
}

fn reason(reason: &common::Reason) -> usize {
    const PAIR: usize = 48;
    PAIR + reason.code.len() + reason.text.len()
}

macro_rules! outputs {
    ($($given:ty => $arm:ident),*) => {
        $(impl From<&Result<$given, common::Failure>> for Output {
            fn from(given: &Result<$given, common::Failure>) -> Self {
                Self::$arm(given.clone())
            }
        })*
    };
}

outputs!(
    resolver::Answer => Resolver,
    policy::Verdict => Policy,
    String => Naming,
    retailers::Answer => Retailers
);

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

/// A shared value is written as the value itself.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        shared: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        shared.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}
