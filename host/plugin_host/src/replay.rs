//! Recorded decisions, asked again: of the version that made them, to see that it decides the same,
//! or of another, to see what it would have decided.
//!
//! No service is asked. What the plug-in asks of the host is answered from the record: of the same
//! version every call has to be the recorded one, in its turn; another version may ask in another
//! order, and what it asks that was never asked ends its call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::decision::Outcome;
use colophon_core::plugin::PluginFailure;
use serde::Serialize;
use thiserror::Error;
use tokio::time::Instant;

use crate::call::failure::leaves_usable;
use crate::call::{Evaluate, FileName, Identify, Live, Places, Resolve};
use crate::contract::Role;
use crate::generation::Generation;
use crate::granted::Granted;
use crate::manifest::{Manifest, Permitted};
use crate::record::{CONFIG_GET, Input, NotReplayable, Record, RecordedCall, Turn, as_text};
use crate::sandbox::Sandbox;
use crate::state::CallState;

/// The time that a question asked again has: a busy machine is no reason to decide otherwise. Fuel is
/// what ends a guest that does not end by itself.
const TIME_MIN: Duration = Duration::from_secs(10);

/// The longest text of a difference that is shown.
const SHOWN_BYTES_MAX: usize = 2000;

/// A decision asked again of the version that made it.
#[derive(Debug)]
pub struct Replay {
    /// Where it went another way; none if every byte was the same.
    pub divergence: Option<Divergence>,
    /// Fuel of the decision; it depends on the engine as well, and may differ where nothing else does.
    pub fuel: u64,
}

/// A recorded question asked of another version.
#[derive(Debug)]
pub enum Shadow {
    /// It came to an outcome.
    Decided {
        /// What it would have decided.
        outcome: Outcome,
        /// The fuel that it took.
        fuel: u64,
    },
    /// It asked something of the host that is not in the record.
    AskedNew(HostQuestion),
    /// It does not play the role.
    NotPlayed,
    /// It was not asked, since it did not get past a question before.
    NotReached,
}

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

impl From<&RecordedCall> for HostQuestion {
    fn from(call: &RecordedCall) -> Self {
        Self {
            function: call.function.clone(),
            question: call.question.clone(),
        }
    }
}

/// Which calls are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The recorded ones, each in its turn.
    AsRecorded,
    /// The recorded ones, whenever they come; settings are those of the version itself.
    Any,
}

/// Answers in the services' place.
pub(crate) struct Replaying {
    order: Order,
    calls: Vec<RecordedCall>,
    used: Vec<bool>,
    departed: Option<Departed>,
}

/// The guest asked what was not recorded; the cause of the trap that follows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the plug-in asked the host something that is not in the record")]
struct Departed {
    call: usize,
    asked: HostQuestion,
}

impl Replaying {
    fn new(order: Order, calls: Vec<RecordedCall>) -> Self {
        Self {
            order,
            used: vec![false; calls.len()],
            calls,
            departed: None,
        }
    }

    /// The answer to a call; none for what is answered without a record.
    pub(crate) fn answer(
        &mut self,
        function: &str,
        question: &str,
    ) -> wasmtime::Result<Option<&RecordedCall>> {
        if self.order == Order::Any && function == CONFIG_GET {
            return Ok(None);
        }
        let fits = |call: &RecordedCall| call.function == function && call.question == question;
        let open = self.calls.iter().zip(&mut self.used).enumerate();
        let mut open = open.filter(|(_, (_, used))| !**used);
        let next = match self.order {
            Order::AsRecorded => open.next().filter(|(_, (call, _))| fits(call)),
            Order::Any => open.find(|(_, (call, _))| fits(call)),
        };
        if let Some((_, (call, used))) = next {
            *used = true;
            return Ok(Some(call));
        }
        let departed = Departed {
            call: self.used.iter().filter(|used| **used).count(),
            asked: HostQuestion {
                function: function.to_owned(),
                question: question.to_owned(),
            },
        };
        self.departed = Some(departed.clone());
        Err(wasmtime::Error::new(departed))
    }

    fn unused(&self) -> Option<&RecordedCall> {
        let mut calls = self.calls.iter().zip(&self.used);
        calls.find(|(_, used)| !**used).map(|(call, _)| call)
    }
}

/// One question asked again.
struct Again {
    turn: Turn,
    replaying: Option<Replaying>,
    /// Whether the instance can be asked on.
    usable: bool,
}

impl Granted {
    /// What the version that made a decision needs to be asked again: all that its manifest asks for,
    /// with nobody behind it, within the limits of then.
    pub fn for_replay(manifest: &Manifest, record: &Record) -> Self {
        Self::unconnected(manifest).within(record.limits)
    }

    /// What another version needs to be asked recorded questions: its own limits and settings, and
    /// nobody behind the rest.
    pub fn for_shadow(manifest: &Manifest, permitted: Permitted) -> Self {
        Self {
            config: permitted.config,
            ..Self::unconnected(manifest).within(permitted.limits)
        }
    }
}

impl Sandbox {
    /// Asks the version that made a decision again. The generation is loaded with what
    /// [`Granted::for_replay`] says.
    ///
    /// # Errors
    /// [`NotReplayable`] where the record does not have all that it takes.
    pub async fn replay(
        &self,
        generation: &Generation,
        record: &Record,
    ) -> Result<Replay, NotReplayable> {
        record.replayable()?;
        let mut asking = Asking::new(self, generation, Order::AsRecorded);
        let mut fuel = 0;
        for (number, turn) in (1..).zip(record.before.iter().chain([&record.decision])) {
            let Some(again) = asking.ask(turn).await else {
                let role = turn.input.role().as_str();
                return Ok(Replay {
                    divergence: Some(Divergence::NotPlayed { role }),
                    fuel: 0,
                });
            };
            fuel = again.turn.fuel;
            if let Some(divergence) = diverges(number, turn, &again) {
                return Ok(Replay {
                    divergence: Some(divergence),
                    fuel,
                });
            }
        }
        Ok(Replay {
            divergence: None,
            fuel,
        })
    }

    /// Asks another version what was asked then.
    ///
    /// # Errors
    /// [`NotReplayable`] where the record does not have all that it takes.
    pub async fn shadow(
        &self,
        candidate: &Generation,
        record: &Record,
    ) -> Result<Shadow, NotReplayable> {
        record.replayable()?;
        let mut asking = Asking::new(self, candidate, Order::Any);
        for turn in &record.before {
            let Some(again) = asking.ask(turn).await else {
                // Another plug-in of the chain would have been asked.
                continue;
            };
            if !again.usable {
                return Ok(Shadow::NotReached);
            }
        }
        let Some(again) = asking.ask(&record.decision).await else {
            return Ok(Shadow::NotPlayed);
        };
        if let Some(departed) = again.replaying.and_then(|replaying| replaying.departed) {
            return Ok(Shadow::AskedNew(departed.asked));
        }
        Ok(Shadow::Decided {
            outcome: again.turn.outcome(),
            fuel: again.turn.fuel,
        })
    }
}

/// An instance that is asked recorded questions.
struct Asking<'a> {
    sandbox: &'a Sandbox,
    generation: &'a Generation,
    granted: Arc<Granted>,
    order: Order,
    live: Option<Live>,
}

impl<'a> Asking<'a> {
    fn new(sandbox: &'a Sandbox, generation: &'a Generation, order: Order) -> Self {
        let granted = Granted::clone(generation.granted());
        let mut limits = granted.limits;
        limits.deadline = limits.deadline.max(TIME_MIN);
        Self {
            sandbox,
            generation,
            granted: Arc::new(granted.within(limits)),
            order,
            live: None,
        }
    }

    /// Asks a recorded question; none if the role is not played.
    async fn ask(&mut self, recorded: &Turn) -> Option<Again> {
        if !self.plays(recorded.input.role()) {
            return None;
        }
        let input = recorded.input.clone();
        let mut live = match self.start().await {
            Ok(live) => live,
            Err(failure) => {
                return Some(Again {
                    turn: Turn::not_put(input, &failure),
                    replaying: None,
                    usable: false,
                });
            }
        };
        live.listen();
        live.replay(Replaying::new(self.order, recorded.calls.clone()));
        let failure = self.put(&mut live, &input).await?;
        let turn = live.heard(input, failure.as_ref())?;
        let replaying = live.replayed();
        let usable = failure.as_ref().is_none_or(leaves_usable);
        if usable {
            self.live = Some(live);
        }
        Some(Again {
            turn,
            replaying,
            usable,
        })
    }

    async fn start(&mut self) -> Result<Live, PluginFailure> {
        if let Some(mut live) = self.live.take() {
            live.grant(Instant::now());
            return Ok(live);
        }
        let state = CallState::new(Arc::clone(&self.granted), None);
        let engine = self.sandbox.engine();
        Live::start(engine, self.generation.pre(), state, Places::None).await
    }

    /// Whether and why it failed; none if the role is not played.
    async fn put(&self, live: &mut Live, input: &Input) -> Option<Option<PluginFailure>> {
        let roles = self.generation.exported();
        Some(match input {
            Input::Resolver { context, book } => {
                let indices = roles.resolver.as_ref()?;
                let question = Resolve {
                    indices,
                    context,
                    book,
                };
                live.ask(question).await.err()
            }
            Input::Policy { context, offer } => {
                let indices = roles.policy.as_ref()?;
                let question = Evaluate {
                    indices,
                    context,
                    offer,
                };
                live.ask(question).await.err()
            }
            Input::Naming { context, facts } => {
                let indices = roles.naming.as_ref()?;
                let question = FileName {
                    indices,
                    context,
                    facts,
                };
                live.ask(question).await.err()
            }
            Input::Retailers { inquiry, retailer } => {
                let indices = roles.retailers.as_ref()?;
                let question = Identify {
                    indices,
                    inquiry,
                    retailer,
                };
                live.ask(question).await.err()
            }
        })
    }

    fn plays(&self, role: Role) -> bool {
        self.generation.roles().any(|played| played == role)
    }
}

/// Where a question asked again went another way.
fn diverges(number: usize, recorded: &Turn, again: &Again) -> Option<Divergence> {
    let departed = again
        .replaying
        .as_ref()
        .and_then(|one| one.departed.clone());
    if let Some(Departed { call, asked }) = departed {
        return Some(match recorded.calls.get(call) {
            Some(then) => Divergence::OtherCall {
                question: number,
                call: call + 1,
                recorded: then.into(),
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
            recorded: left.into(),
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
    match (&turn.output, &turn.failure) {
        (Some(output), None) => output.clone(),
        (Some(output), Some(failure)) => format!("{}: {output}", failure.kind),
        (None, Some(failure)) => failure.kind.clone(),
        (None, None) => as_text(&()),
    }
}
