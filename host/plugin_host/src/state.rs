//! What belongs to one instance: its limits, what it has used, and the host it can call.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::plugin::{CallContext, HostCall};
use colophon_core::ports::Catalog;
use thiserror::Error;
use tokio::task::yield_now;
use wasmtime::ResourceLimiter;

use crate::clock::TICK;
use crate::granted::Granted;
use crate::limits::Limits;
use crate::record::{Heard, Output};
use crate::replay::Replaying;
use crate::sandbox::{CORE_INSTANCES_MAX, MEMORIES_MAX, TABLES_MAX};
use crate::share::{Part, Share, TimeSlice};

/// A limit that the instance ran into; the cause of the trap that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("limit of {0} reached")]
pub(crate) struct LimitHit(pub(crate) &'static str);

/// The request that an instance serves: every call into the host is bound to its center.
pub(crate) struct Bound {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) context: CallContext,
    /// The center's.
    pub(crate) share: Arc<Share>,
}

/// The data of one instance's store.
pub(crate) struct CallState {
    pub(crate) granted: Arc<Granted>,
    /// None while a plug-in is loaded, asked again from a record or at rest: then it serves nobody.
    pub(crate) bound: Option<Arc<Bound>>,
    /// Of the center that the guest's time is charged to.
    share: Arc<Share>,
    pub(crate) host_calls: u32,
    pub(crate) host_call_pending: bool,
    pub(crate) host_failed: bool,
    pub(crate) transcript: Vec<HostCall>,
    /// What crosses the boundary, where it is recorded.
    pub(crate) heard: Option<Heard>,
    /// Who answers in the services' place, where a decision is replayed.
    pub(crate) replay: Option<Replaying>,
    memory_bytes: usize,
    ticks_left: u32,
    part: Part,
}

impl CallState {
    /// Of an instance that serves a request.
    pub(crate) fn serving(granted: Arc<Granted>, bound: Arc<Bound>) -> Self {
        let share = Arc::clone(&bound.share);
        Self::new(granted, share, Some(bound))
    }

    /// Of one that serves none.
    pub(crate) fn unbound(granted: Arc<Granted>, share: Arc<Share>) -> Self {
        Self::new(granted, share, None)
    }

    fn new(granted: Arc<Granted>, share: Arc<Share>, bound: Option<Arc<Bound>>) -> Self {
        Self {
            granted,
            bound,
            share,
            host_calls: 0,
            host_call_pending: false,
            host_failed: false,
            transcript: Vec::new(),
            heard: None,
            replay: None,
            memory_bytes: 0,
            ticks_left: 0,
            part: Part::default(),
        }
    }

    /// Begins another request, or none, in the same instance: nothing is left of the one before but
    /// the memory.
    pub(crate) fn begin(&mut self, bound: Option<Arc<Bound>>) {
        let (granted, share) = (Arc::clone(&self.granted), self.share());
        *self = Self {
            memory_bytes: self.memory_bytes,
            ..Self::new(granted, share, bound)
        };
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.granted.limits
    }

    /// Linear memory of the instance, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Grants the next call its time. The runtime's timer ends a call at its deadline; the ticks
    /// are for a thread so busy that the timer does not come to its turn.
    pub(crate) fn grant_ticks(&mut self) {
        self.ticks_left = self.ticks_granted();
    }

    fn ticks_granted(&self) -> u32 {
        let ticks = self.limits().deadline.as_millis() / TICK.as_millis();
        u32::try_from(ticks).unwrap_or(u32::MAX).saturating_add(4)
    }

    /// Uses one tick up, or says that none is left.
    pub(crate) fn use_tick(&mut self) -> Result<(), LimitHit> {
        self.ticks_left = self.ticks_left.checked_sub(1).ok_or(LimitHit("time"))?;
        Ok(())
    }

    /// Whether the tick that was just used was the first of the present question.
    pub(crate) fn is_first_tick(&self) -> bool {
        self.ticks_left.saturating_add(1) == self.ticks_granted()
    }

    /// What the guest waits for before it goes on.
    pub(crate) fn next_slice(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        match &self.bound {
            Some(bound) => Box::pin(self.part.next_slice(&bound.share)),
            None => Box::pin(yield_now()),
        }
    }

    /// Begins a question with a turn, where its center takes turns.
    pub(crate) fn take_slice(&mut self, slice: Option<(TimeSlice, Duration)>) {
        self.part = Part::beginning(slice);
    }

    /// The instance's part in the taking of turns.
    pub(crate) fn part(&self) -> Part {
        self.part.clone()
    }

    /// The share of the threads that the guest's time is charged to.
    pub(crate) fn share(&self) -> Arc<Share> {
        Arc::clone(&self.share)
    }

    /// Whether the guest has stood still for most of its time because others had their turn.
    pub(crate) fn has_mostly_waited(&self) -> bool {
        self.part.waited() > self.limits().deadline / 2
    }

    /// Whether calls are kept, or answered from a record, by what is asked itself.
    pub(crate) fn is_heard(&self) -> bool {
        self.heard.is_some() || self.replay.is_some()
    }

    /// Keeps what crosses the boundary from now on, until it is taken.
    pub(crate) fn listen(&mut self) {
        self.heard = Some(Heard::default());
    }

    /// Keeps what a function gave, as it crossed the boundary.
    pub(crate) fn gave(&mut self, output: impl Into<Output>) {
        if let Some(heard) = &mut self.heard {
            heard.gave(output);
        }
    }

    /// Whether the instance waits for the host.
    pub(crate) fn host_call_pending(&self) -> bool {
        self.host_call_pending
    }

    /// Whether a service behind a host call failed this request.
    pub(crate) fn host_failed(&self) -> bool {
        self.host_failed
    }
}

impl ResourceLimiter for CallState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let others = self.memory_bytes.saturating_sub(current);
        let total = others.saturating_add(desired);
        if total > self.limits().memory_bytes {
            return Err(LimitHit("memory").into());
        }
        let allowed = maximum.is_none_or(|maximum| desired <= maximum);
        if allowed {
            self.memory_bytes = total;
        }
        Ok(allowed)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > self.limits().table_elements {
            return Err(LimitHit("table elements").into());
        }
        Ok(maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}
