//! An instance that could not be started, with what was heard of it until then.

use colophon_core::plugin::PluginFailure;

use crate::record::{Heard, Input, Turn};
use crate::replay::Replaying;
use crate::state::CallState;

/// Why there is no instance.
pub(crate) struct NotStarted {
    failure: PluginFailure,
    fuel: u64,
    heard: Option<Heard>,
    waiting: bool,
    replaying: Option<Replaying>,
}

impl NotStarted {
    /// Its start was stopped.
    pub(super) fn stopped(failure: PluginFailure, state: CallState, fuel: u64) -> Box<Self> {
        Box::new(Self {
            failure,
            fuel,
            waiting: state.host_call_pending(),
            heard: state.heard,
            replaying: state.replay,
        })
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
            heard: None,
            waiting: false,
            replaying: None,
        })
    }
}
