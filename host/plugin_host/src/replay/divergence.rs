//! Where a replay goes another way than what was recorded.

use std::fmt;

use serde::Serialize;

use super::Again;
use super::answering::{Departed, Replaying};
use crate::record::{Call, Output, Turn};

/// The longest text of a difference that is shown.
const SHOWN_BYTES_MAX: usize = 2000;

/// A call into the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostQuestion {
    /// Interface and function, as `sql.run`.
    pub function: String,
    /// What was asked, as JSON of the contract's types.
    pub question: String,
}

/// Where a replay goes another way than what was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Divergence {
    /// The component does not play the role any more: it is another one.
    NotPlayed {
        /// The role.
        role: &'static str,
    },
    /// Another call into the host than the recorded one.
    OtherCall {
        /// The question of the instance, from 1.
        question: usize,
        /// The call of that question, from 1.
        call: usize,
        /// What was asked then.
        recorded: HostQuestion,
        /// What is asked now.
        asked: HostQuestion,
    },
    /// A call into the host after all that were recorded.
    MoreCalls {
        /// The question of the instance, from 1.
        question: usize,
        /// What is asked now.
        asked: HostQuestion,
    },
    /// A recorded call that is not made.
    FewerCalls {
        /// The question of the instance, from 1.
        question: usize,
        /// The first that is not made.
        recorded: HostQuestion,
    },
    /// The same calls, and another outcome.
    OtherOutcome {
        /// The question of the instance, from 1.
        question: usize,
        /// What came of it then.
        recorded: String,
        /// What comes of it now.
        replayed: String,
    },
}

impl fmt::Display for HostQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.function, shown(&self.question))
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPlayed { role } => write!(f, "the component does not play the role of {role}"),
            Self::OtherCall {
                question,
                call,
                recorded,
                asked,
            } => write!(
                f,
                "question {question}, call {call}: the host was asked {recorded}, and now {asked}"
            ),
            Self::MoreCalls { question, asked } => write!(
                f,
                "question {question}: the host is asked {asked}, after all that it was asked then"
            ),
            Self::FewerCalls { question, recorded } => write!(
                f,
                "question {question}: the host was asked {recorded}, and is not asked now"
            ),
            Self::OtherOutcome {
                question,
                recorded,
                replayed,
            } => write!(
                f,
                "question {question}: the outcome was {}, and now is {}",
                shown(recorded),
                shown(replayed)
            ),
        }
    }
}

fn shown(text: &str) -> &str {
    let end = text.floor_char_boundary(SHOWN_BYTES_MAX);
    text.get(..end).unwrap_or(text)
}

impl From<&Call> for HostQuestion {
    fn from(call: &Call) -> Self {
        Self {
            function: call.function().to_owned(),
            question: call.question(),
        }
    }
}

/// Where a question asked again went another way.
pub(super) fn diverges(number: usize, recorded: &Turn, again: &Again) -> Option<Divergence> {
    let departed = again
        .replaying
        .as_ref()
        .and_then(|one| one.departed.clone());
    if let Some(Departed { call, asked }) = departed {
        return Some(match recorded.calls.get(call) {
            Some(then) => Divergence::OtherCall {
                question: number,
                call: call + 1,
                recorded: (&then.call).into(),
                asked,
            },
            None => Divergence::MoreCalls {
                question: number,
                asked,
            },
        });
    }
    if let Some(left) = again.replaying.as_ref().and_then(Replaying::unused) {
        return Some(Divergence::FewerCalls {
            question: number,
            recorded: (&left.call).into(),
        });
    }
    let (then, now) = (what_came(recorded), what_came(&again.turn));
    (then != now).then_some(Divergence::OtherOutcome {
        question: number,
        recorded: then,
        replayed: now,
    })
}

/// What came of a question, to the byte. How a failure is worded depends on the engine as well; its
/// kind does not.
fn what_came(turn: &Turn) -> String {
    let output = turn.output.as_ref().map(Output::told);
    match (output, &turn.failure) {
        (Some(output), None) => output,
        (Some(output), Some(failure)) => format!("{}: {output}", failure.kind),
        (None, Some(failure)) => failure.kind.clone(),
        (None, None) => "nothing".to_owned(),
    }
}
