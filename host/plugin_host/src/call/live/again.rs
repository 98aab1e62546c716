//! An instance that serves another request.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Live, Places};
use crate::record::RecordedCall;
use crate::state::Bound;

impl Live {
    /// Keeps what the start has asked of the host, which is a part of the first request's record alone;
    /// says whether all of it is known, so that later requests can be asked again as well.
    pub(crate) fn keep_start(&mut self) -> bool {
        let Some(heard) = &self.store.data().heard else {
            return true;
        };
        let Some(calls) = heard.so_far() else {
            return false;
        };
        self.start = calls.to_vec();
        true
    }

    /// What the start asked of the host, where the instance has served another request since; of those
    /// requests nothing is recorded here.
    pub(crate) fn start_before(&self) -> Option<&[RecordedCall]> {
        self.reused.then_some(self.start.as_slice())
    }

    /// Lets the instance serve so many requests, the present one among them.
    pub(crate) fn serve_in_all(&mut self, requests: u32) {
        self.requests_left = requests.saturating_sub(1);
    }

    /// The present request is its last one: something in it failed.
    pub(crate) fn serve_no_more(&mut self) {
        self.requests_left = 0;
    }

    /// Takes another request up, with everything that a fresh instance would have for it: time, fuel,
    /// host calls, and a transcript of its own.
    pub(crate) fn serve(&mut self, bound: Arc<Bound>, places: Places, begun: Instant) {
        self.requests_left = self.requests_left.saturating_sub(1);
        self.reused = true;
        self.places = places;
        self.store.data_mut().begin(Some(bound));
        self.grant(begun);
    }

    /// Whether the present request is its last one.
    pub(crate) fn has_served_its_last(&self) -> bool {
        self.requests_left == 0
    }

    /// The instance after a request, with a place among those at rest in exchange for its own, and without
    /// all that the host knew of the request.
    pub(crate) fn at_rest(mut self, rest: OwnedSemaphorePermit) -> Self {
        self.turns = Vec::new();
        self.store.data_mut().begin(None);
        self.places = Places::Rest { _rest: rest };
        self
    }
}
