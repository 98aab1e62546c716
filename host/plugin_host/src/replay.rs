//! Recorded decisions, asked again: of the version that made them, to see that it decides the same,
//! or of another, to see what it would have decided.
//!
//! No service is asked. What the plug-in asks of the host is answered from the record: of the same
//! version every call has to be the recorded one, in its turn; another version may ask in another
//! order, and what it asks that was never asked ends its call.

mod answering;
mod divergence;

use std::sync::Arc;
use std::time::Duration;

use colophon_core::decision::Outcome;
use colophon_core::plugin::PluginFailure;
use tokio::time::Instant;

use self::answering::Order;
pub(crate) use self::answering::Replaying;
use self::divergence::diverges;
pub use self::divergence::{Divergence, HostQuestion};
use crate::call::failure::leaves_usable;
use crate::call::{Evaluate, FileName, Identify, Live, NotStarted, Places, Resolve};
use crate::contract::Role;
use crate::generation::Generation;
use crate::granted::Granted;
use crate::limits::Limits;
use crate::manifest::{Manifest, Permitted};
use crate::record::{Input, NotReplayable, Record, Turn};
use crate::sandbox::Sandbox;
use crate::state::CallState;

/// The time that a question asked again has, and the start before: a busy machine is no reason to decide
/// otherwise. Fuel is what ends a guest that does not end by itself.
const TIME_MIN: Duration = Duration::from_secs(10);

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
        /// The time that it took here, without that of services. A machine has its own, and a busy one
        /// another: it is no part of the outcome.
        took: Duration,
    },
    /// It asked something of the host that is not in the record.
    AskedNew(HostQuestion),
    /// It does not play the role.
    NotPlayed,
    /// It was not asked, since it did not get past a question before.
    NotReached,
}

/// One question asked again.
struct Again {
    turn: Turn,
    replaying: Option<Replaying>,
    /// Whether the instance can be asked on.
    usable: bool,
    took: Duration,
}

impl Again {
    /// Whether it was this machine that did not let it come to an end.
    fn is_stopped_by_the_machine(&self) -> bool {
        let failed = self
            .turn
            .failure
            .as_ref()
            .map(|failed| failed.kind.as_str());
        let stopped = [PluginFailure::TimedOut, PluginFailure::Saturated];
        stopped.iter().any(|one| failed == Some(one.kind()))
    }
}

impl Granted {
    /// What the version that made a decision needs to be asked again: all that its manifest asks for,
    /// with nobody behind it, within the limits of then.
    pub fn for_replay(manifest: &Manifest, record: &Record) -> Self {
        Self::unconnected(manifest).within(patient(record.limits))
    }

    /// What another version needs to be asked recorded questions: its own limits and settings, and
    /// nobody behind the rest.
    pub fn for_shadow(manifest: &Manifest, permitted: Permitted) -> Self {
        Self {
            config: permitted.config,
            ..Self::unconnected(manifest).within(patient(permitted.limits))
        }
    }
}

fn patient(limits: Limits) -> Limits {
    Limits {
        deadline: limits.deadline.max(TIME_MIN),
        ..limits
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
        let mut asking = Asking::new(self, generation, Order::AsRecorded, record);
        let mut fuel = 0;
        let (before, decision) = record.questions();
        for (number, turn) in (1..).zip(before.iter().chain([&decision])) {
            let Some(again) = asking.ask(turn).await? else {
                let role = turn.input.role().as_str();
                return Ok(Replay {
                    divergence: Some(Divergence::NotPlayed { role }),
                    fuel: 0,
                });
            };
            // With the fuel of then it cannot have been the plug-in that took longer.
            if again.is_stopped_by_the_machine() {
                return Err(NotReplayable::MachineBusy);
            }
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
        let mut asking = Asking::new(self, candidate, Order::Any, record);
        let (before, decision) = record.questions();
        for turn in &before {
            let Some(again) = asking.ask(turn).await? else {
                // Another plug-in of the chain would have been asked.
                continue;
            };
            if !again.usable {
                return Ok(Shadow::NotReached);
            }
        }
        let Some(again) = asking.ask(&decision).await? else {
            return Ok(Shadow::NotPlayed);
        };
        if let Some(departed) = again.replaying.and_then(|replaying| replaying.departed) {
            return Ok(Shadow::AskedNew(departed.asked));
        }
        Ok(Shadow::Decided {
            outcome: again.turn.outcome(),
            fuel: again.turn.fuel,
            took: again.took,
        })
    }
}

/// An instance that is asked recorded questions.
struct Asking<'a> {
    sandbox: &'a Sandbox,
    generation: &'a Generation,
    granted: Arc<Granted>,
    order: Order,
    /// Whether the recorded instance was started for another request: the fuel of its start was none of
    /// this one's.
    reused: bool,
    /// Whether the record does not say what it asked of the host then.
    start_unknown: bool,
    live: Option<Live>,
}

impl<'a> Asking<'a> {
    fn new(
        sandbox: &'a Sandbox,
        generation: &'a Generation,
        order: Order,
        record: &Record,
    ) -> Self {
        let granted = Granted::clone(generation.granted());
        let limits = patient(granted.limits);
        Self {
            sandbox,
            generation,
            granted: Arc::new(granted.within(limits)),
            order,
            reused: record.is_reused(),
            start_unknown: record.is_reused() && record.start.is_empty(),
            live: None,
        }
    }

    /// Asks a recorded question; none if the role is not played.
    async fn ask(&mut self, recorded: &Turn) -> Result<Option<Again>, NotReplayable> {
        if !self.plays(recorded.input.role()) {
            return Ok(None);
        }
        let input = recorded.input.clone();
        let replaying = Replaying::new(self.order, recorded.calls.clone());
        let begun = Instant::now();
        let mut live = match self.start(replaying).await {
            Ok(live) => live,
            Err(not) => {
                let (turn, replaying, _) = not.into_turn(input);
                self.refuse_unknown_start(replaying.as_ref())?;
                return Ok(Some(Again {
                    turn,
                    replaying,
                    usable: false,
                    took: begun.elapsed(),
                }));
            }
        };
        let Some(failure) = self.put(&mut live, &input).await else {
            return Ok(None);
        };
        let Some(turn) = live.heard(input, failure.as_ref()) else {
            return Ok(None);
        };
        let replaying = live.replayed();
        let usable = failure.as_ref().is_none_or(leaves_usable);
        if usable {
            self.live = Some(live);
        }
        Ok(Some(Again {
            turn,
            replaying,
            usable,
            took: begun.elapsed(),
        }))
    }

    /// Refuses to go on where the start asked what no record answers.
    fn refuse_unknown_start(&self, answered: Option<&Replaying>) -> Result<(), NotReplayable> {
        let asked = answered.is_some_and(|answered| answered.departed.is_some());
        match asked && self.starts_unheard() {
            true => Err(NotReplayable::StartUnknown),
            false => Ok(()),
        }
    }

    /// Whether the same version is started, of whose start nothing is recorded.
    fn starts_unheard(&self) -> bool {
        self.start_unknown && self.order == Order::AsRecorded
    }

    /// An instance whose calls are answered from the record, those of its start among them.
    async fn start(&mut self, replaying: Replaying) -> Result<Live, Box<NotStarted>> {
        if let Some(mut live) = self.live.take() {
            live.grant(Instant::now());
            live.listen();
            live.replay(replaying);
            return Ok(live);
        }
        let share = self.sandbox.rooms.share_of_nobody();
        let mut state = CallState::unbound(Arc::clone(&self.granted), share);
        state.listen();
        // What the first question asked is no answer to what a start asks.
        let (of_start, of_question) = match self.starts_unheard() {
            true => (Replaying::new(self.order, Vec::new()), Some(replaying)),
            false => (replaying, None),
        };
        state.replay = Some(of_start);
        let (sandbox, pre) = (self.sandbox, self.generation.pre());
        let mut live = Live::start_at(sandbox, pre, state, Places::None, Instant::now()).await?;
        if let Some(of_question) = of_question {
            live.replay(of_question);
        }
        if self.reused {
            live.grant(Instant::now());
        }
        Ok(live)
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
