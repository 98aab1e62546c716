//! Answers from a record, in the services' place.

use thiserror::Error;

use super::divergence::HostQuestion;
use crate::record::{Call, RecordedCall};

/// Which calls are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
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
    pub(super) departed: Option<Departed>,
}

/// The guest asked what was not recorded; the cause of the trap that follows.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the plug-in asked the host something that is not in the record")]
pub(super) struct Departed {
    pub(super) call: usize,
    pub(super) asked: HostQuestion,
}

impl Replaying {
    pub(super) fn new(order: Order, calls: Vec<RecordedCall>) -> Self {
        Self {
            order,
            used: vec![false; calls.len()],
            calls,
            departed: None,
        }
    }

    /// The answer to a call; none for what is answered without a record.
    pub(crate) fn answer(&mut self, asked: &Call) -> wasmtime::Result<Option<&RecordedCall>> {
        if self.order == Order::Any && matches!(asked, Call::ConfigGet(_)) {
            return Ok(None);
        }
        let open = self.calls.iter().zip(&mut self.used).enumerate();
        let mut open = open.filter(|(_, (_, used))| !**used);
        let next = match self.order {
            Order::AsRecorded => open.next().filter(|(_, (one, _))| one.call == *asked),
            Order::Any => open.find(|(_, (one, _))| one.call == *asked),
        };
        if let Some((_, (recorded, used))) = next {
            *used = true;
            return Ok(Some(recorded));
        }
        let departed = Departed {
            call: self.used.iter().filter(|used| **used).count(),
            asked: asked.into(),
        };
        self.departed = Some(departed.clone());
        Err(wasmtime::Error::new(departed))
    }

    pub(super) fn unused(&self) -> Option<&RecordedCall> {
        let mut calls = self.calls.iter().zip(&self.used);
        calls.find(|(_, used)| !**used).map(|(call, _)| call)
    }
}
