//! An instance that could not be started, with what it took and what was heard of it until then.

use std::mem;

use colophon_core::plugin::{HostCall, PluginFailure};

use crate::record::{Heard, Input, Turn};
use crate::replay::Replaying;
use crate::state::CallState;

/// Why there is no instance.
pub(crate) struct NotStarted {
    failure: PluginFailure,
    fuel: u64,
    memory_bytes: usize,
    host_calls: Vec<HostCall>,
    heard: Option<Heard>,
    waiting: bool,
    replaying: Option<Replaying>,
}

impl NotStarted {
    /// Its start was stopped.
    pub(super) fn stopped(failure: PluginFailure, state: &mut CallState, fuel: u64) -> Box<Self> {
        Box::new(Self {
            failure,
            fuel,
            memory_bytes: state.memory_bytes(),
            waiting: state.host_call_pending(),
            host_calls: mem::take(&mut state.transcript),
            heard: state.heard.take(),
            replaying: state.replay.take(),
        })
    }

    /// What it took until it was stopped: fuel, memory in bytes and calls into the host.
    pub(crate) fn used(&mut self) -> (u64, usize, Vec<HostCall>) {
        let host_calls = mem::take(&mut self.host_calls);
        (self.fuel, self.memory_bytes, host_calls)
    }

    pub(crate) fn failure(self) -> PluginFailure {
        self.failure
    }

    pub(crate) fn is_for_want_of_room(&self) -> bool {
        self.failure == PluginFailure::Saturated
    }

    /// The question that it was started for, with the record that its calls were answered from, if
    /// there was one.
    pub(crate) fn into_turn(self, input: Input) -> (Turn, Option<Replaying>, PluginFailure) {
        let Self {
            failure,
            fuel,
            heard,
            waiting,
            replaying,
            ..
        } = self;
        let turn = match heard {
            Some(heard) => heard.into_turn(input, Some(&failure), fuel, waiting),
            None => Turn::not_put(input, &failure),
        };
        (turn, replaying, failure)
    }
}

/// There was no place for it.
impl From<PluginFailure> for Box<NotStarted> {
    fn from(failure: PluginFailure) -> Self {
        Self::new(NotStarted {
            failure,
            fuel: 0,
            memory_bytes: 0,
            host_calls: Vec::new(),
            heard: None,
            waiting: false,
            replaying: None,
        })
    }
}
