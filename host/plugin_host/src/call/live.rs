//! A running instance.

mod again;
mod not_started;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use colophon_core::plugin::{HostCall, PluginFailure};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, UpdateDeadline};

pub(crate) use self::not_started::NotStarted;
use super::failure::{self, Stopped};
use super::question::{Question, Refused};
use super::running::Running;
use crate::record::{Input, RecordedCall, Turn};
use crate::replay::Replaying;
use crate::sandbox::{Kept, Remains, Sandbox};
use crate::share::{Part, TimeSlice, charged};
use crate::state::CallState;
use crate::waiting::within;

/// Handles to resources that may be alive at once; the contract has no resources.
pub(crate) const HANDLES_MAX: usize = 1024;

/// What an instance takes up; given back after the instance is gone.
pub(crate) enum Places {
    /// A plug-in being loaded stands outside the count.
    None,
    /// One of the center's and one of the host's.
    Taken {
        _all: OwnedSemaphorePermit,
        _center: OwnedSemaphorePermit,
    },
    /// One of those for instances at rest.
    Rest { _rest: OwnedSemaphorePermit },
}

/// A running instance with its store. After a failure other than one that the plug-in reported it
/// must be dropped: a component that has trapped cannot be entered again.
pub(crate) struct Live {
    store: Store<CallState>,
    running: Running,
    deadline: Instant,
    /// The recorded questions of the present request.
    turns: Vec<Arc<Turn>>,
    /// Whether it has served another request before.
    reused: bool,
    /// What it asked of the host while it started, where it is used again and that was heard.
    start: Vec<RecordedCall>,
    /// After the present one.
    requests_left: u32,
    /// Whether a question was put to it that it has not answered.
    under_way: bool,
    places: Places,
}

impl From<Live> for Remains {
    fn from(Live { store, places, .. }: Live) -> Self {
        Self { store, places }
    }
}

impl Live {
    /// Starts an instance with a full grant of time and fuel for itself and its first call.
    pub(crate) async fn start(
        sandbox: &Sandbox,
        pre: &InstancePre<CallState>,
        state: CallState,
        places: Places,
    ) -> Result<Self, PluginFailure> {
        let started = Self::start_at(sandbox, pre, state, places, Instant::now()).await;
        started.map_err(|not| not.failure())
    }

    /// Starts an instance in the time that is left of a call begun before. What its start asks of the
    /// host is part of the first question.
    pub(crate) async fn start_at(
        sandbox: &Sandbox,
        pre: &InstancePre<CallState>,
        state: CallState,
        places: Places,
        begun: Instant,
    ) -> Result<Self, Box<NotStarted>> {
        let limits = *state.limits();
        let deadline = begun + limits.deadline;
        let share = state.share();
        let mut store = Store::new(sandbox.engine(), state);
        store.limiter(|state| state);
        store.set_hostcall_fuel(limits.handover_bytes);
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(|mut store| {
            let state = store.data_mut();
            state.use_tick()?;
            // One tick falls into a short call now and then. On a host whose threads are all busy, to
            // yield there would cost it the time that the others take for a round.
            if state.is_first_tick() {
                return Ok(UpdateDeadline::Continue(1));
            }
            Ok(UpdateDeadline::YieldCustom(1, state.next_slice()))
        });
        grant(&mut store);
        let mut kept = Kept::by(&sandbox.ending);
        let store = &mut kept.keep(Remains { store, places }).store;
        let started = guarded(deadline, charged(share, pre.instantiate_async(store))).await;
        let Some(Remains { mut store, places }) = kept.take() else {
            // It was kept until here: nobody else takes it.
            return Err(PluginFailure::Saturated.into());
        };
        match started {
            Ok(instance) => Ok(Self {
                store,
                running: Running::of(instance),
                deadline,
                turns: Vec::new(),
                reused: false,
                start: Vec::new(),
                requests_left: 0,
                under_way: false,
                places,
            }),
            Err(stopped) => {
                let failure = failure::of(stopped, store.data(), "its start");
                let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
                let not = NotStarted::stopped(failure, store.data_mut(), fuel);
                sandbox.ending.end(Remains { store, places });
                Err(not)
            }
        }
    }

    /// Grants time and fuel for another call.
    pub(crate) fn grant(&mut self, begun: Instant) {
        self.deadline = begun + self.store.data().limits().deadline;
        grant(&mut self.store);
    }

    /// Asks one question. See [`failure::leaves_usable`] for whether another may follow.
    pub(crate) async fn ask<Q: Question>(
        &mut self,
        question: Q,
    ) -> Result<Q::Answer, PluginFailure> {
        let share = self.store.data().share();
        self.under_way = true;
        let asked = question.ask(&mut self.store, &mut self.running);
        let given = guarded(self.deadline, charged(share, asked)).await;
        self.under_way = false;
        let state = self.store.data();
        match given {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Refused::ByPlugin(reported))) => Err(failure::reported(reported, state)),
            Ok(Err(Refused::ByHost(failure))) => Err(failure),
            Err(stopped) => Err(failure::of(stopped, state, Q::FUNCTION)),
        }
    }

    /// Whether it was given up in the middle of a question: it must not be asked again.
    pub(crate) fn is_given_up(&self) -> bool {
        self.under_way
    }

    /// Hands store and instance to whoever looks functions up without calling them.
    pub(crate) fn parts(&mut self) -> (&mut Store<CallState>, &Instance) {
        (&mut self.store, self.running.instance())
    }

    /// What was asked of the host since this was last taken.
    pub(crate) fn host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.store.data_mut().transcript)
    }

    /// Keeps what crosses the boundary during the next question.
    pub(crate) fn listen(&mut self) {
        self.store.data_mut().listen();
    }

    /// The question that was just answered, if somebody listened.
    pub(crate) fn heard(&mut self, input: Input, failure: Option<&PluginFailure>) -> Option<Turn> {
        let heard = self.store.data_mut().heard.take()?;
        let waiting = self.store.data().host_call_pending();
        Some(heard.into_turn(input, failure, self.fuel_used(), waiting))
    }

    /// Keeps a question for the records of those that follow.
    pub(crate) fn remember(&mut self, turn: Arc<Turn>) {
        self.turns.push(turn);
    }

    /// The questions that were kept.
    pub(crate) fn turns(&self) -> &[Arc<Turn>] {
        &self.turns
    }

    /// Has calls into the host answered from a record during the next question.
    pub(crate) fn replay(&mut self, replaying: Replaying) {
        self.store.data_mut().replay = Some(replaying);
    }

    /// The record as it was used.
    pub(crate) fn replayed(&mut self) -> Option<Replaying> {
        self.store.data_mut().replay.take()
    }

    /// Begins a question with a turn, where the center takes turns.
    pub(crate) fn take_slice(&mut self, slice: Option<(TimeSlice, Duration)>) {
        self.store.data_mut().take_slice(slice);
    }

    /// The instance's part in the taking of turns.
    pub(crate) fn part(&self) -> Part {
        self.store.data().part()
    }

    /// Linear memory, in bytes; it never shrinks.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes()
    }

    /// Fuel used since the last grant.
    pub(crate) fn fuel_used(&self) -> u64 {
        let granted = self.store.data().limits().fuel;
        granted.saturating_sub(self.store.get_fuel().unwrap_or(0))
    }
}

fn grant(store: &mut Store<CallState>) {
    let fuel = store.data().limits().fuel;
    // Refused only by an engine that does not count fuel; ours does.
    let granted = store.set_fuel(fuel);
    debug_assert!(granted.is_ok());
    store.set_epoch_deadline(1);
    store.data_mut().grant_ticks();
}

/// Runs guest code until it ends, its deadline comes, or host code under it panics. What is
/// stopped here must not be run on.
pub(crate) async fn guarded<T>(
    deadline: Instant,
    guest: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, Stopped> {
    let mut guest = pin!(guest);
    let caught =
        poll_fn(
            |context| match catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(done)) => Poll::Ready(done.map_err(Stopped::Trap)),
                Err(_) => Poll::Ready(Err(Stopped::Panic)),
            },
        );
    within(|| deadline, caught)
        .await
        .unwrap_or(Err(Stopped::Deadline))
}
