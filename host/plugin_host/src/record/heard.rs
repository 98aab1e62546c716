//! What crosses the boundary while a question is answered.

use colophon_core::plugin::PluginFailure;

use super::RECORD_BYTES_MAX;
use super::turn::{Input, Lack, Output, RecordedFailure, Turn};
use crate::record::RecordedCall;

/// What crosses the boundary while a question is answered.
#[derive(Default)]
pub(crate) struct Heard {
    calls: Vec<RecordedCall>,
    output: Option<Output>,
    bytes: usize,
    too_large: bool,
}

impl Heard {
    /// Keeps a call, unless what was asked before is too much already.
    pub(crate) fn keep(&mut self, call: impl FnOnce() -> RecordedCall) {
        if self.too_large {
            return;
        }
        let call = call();
        self.bytes = self.bytes.saturating_add(call.bytes_about());
        if self.bytes > RECORD_BYTES_MAX {
            self.too_large = true;
            self.calls = Vec::new();
        } else {
            self.calls.push(call);
        }
    }

    /// The calls so far; none if they are too much to keep.
    pub(crate) fn so_far(&self) -> Option<&[RecordedCall]> {
        (!self.too_large).then_some(self.calls.as_slice())
    }

    /// The answer is kept beside calls that are too long, so that the outcome is known.
    pub(crate) fn gave(&mut self, output: impl Into<Output>) {
        let output = output.into();
        if output.bytes_about() > RECORD_BYTES_MAX {
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
