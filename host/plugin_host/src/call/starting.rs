//! The instance that a question is put to: one that rests from a request before, or a fresh one.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::plugin::PluginFailure;
use metrics::counter;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Live, NotStarted, Places, Request};
use crate::contract::Role;
use crate::generation::Generation;
use crate::share::TimeSlice;
use crate::state::CallState;
use crate::waiting::within;

impl Request {
    /// An instance for a question of this role: one that rests, or a fresh one.
    pub(super) async fn start(
        &self,
        generation: &Generation,
        role: Role,
        begun: Instant,
        recorded: bool,
    ) -> Result<Live, Box<NotStarted>> {
        let deadline = begun + generation.granted().limits.deadline;
        let _start = self.begin_start(deadline).await?;
        let places = self.places(deadline).await?;
        let slice = self.slice(deadline).await?;
        // An instance that is asked whose a retailer id is ends with that question.
        let warm = generation.warm().filter(|_| role != Role::Retailers);
        let rested = warm.and_then(|warm| warm.take(&self.bound.context));
        if let Some(mut live) = rested {
            live.serve(Arc::clone(&self.bound), places, begun);
            live.take_slice(slice);
            if recorded {
                live.listen();
            }
            return Ok(live);
        }
        let mut state = self.state(generation, recorded);
        state.take_slice(slice);
        let started = self.start_fresh(generation, state, places, begun).await;
        let is_without_room = started
            .as_ref()
            .err()
            .is_some_and(|not| not.is_for_want_of_room());
        // What rests takes up room in the engine that this one needs.
        if !is_without_room || !self.sandbox.let_resting_go().await {
            return started;
        }
        let places = self.places(deadline).await?;
        let state = self.state(generation, recorded);
        self.start_fresh(generation, state, places, begun).await
    }

    async fn start_fresh(
        &self,
        generation: &Generation,
        state: CallState,
        places: Places,
        begun: Instant,
    ) -> Result<Live, Box<NotStarted>> {
        let pre = generation.pre();
        let mut live = Live::start_at(&self.sandbox, pre, state, places, begun).await?;
        if let Some(warm) = generation.warm()
            && live.keep_start()
        {
            live.serve_in_all(warm.requests());
        }
        Ok(live)
    }

    /// What a fresh instance begins with. Its start is heard as well, since it may ask the host.
    fn state(&self, generation: &Generation, recorded: bool) -> CallState {
        let bound = Arc::clone(&self.bound);
        let mut state = CallState::serving(Arc::clone(generation.granted()), bound);
        if recorded {
            state.listen();
        }
        state
    }

    /// One of the starts that a center may have under way while it takes turns.
    async fn begin_start(
        &self,
        deadline: Instant,
    ) -> Result<Option<OwnedSemaphorePermit>, PluginFailure> {
        let begun = within(|| deadline, self.bound.share.begin_start()).await;
        begun.map_err(|_| PluginFailure::Saturated)
    }

    /// The next turn, where the center takes turns. Who waits for it has a place: one that waits for
    /// a place must not hold up those that have one.
    pub(super) async fn slice(
        &self,
        deadline: Instant,
    ) -> Result<Option<(TimeSlice, Duration)>, PluginFailure> {
        let share = &self.bound.share;
        if !share.is_used_up() {
            return Ok(None);
        }
        counter!("colophon_plugin_turns_total").increment(1);
        let since = Instant::now();
        let slice = within(|| deadline, share.next_slice()).await;
        let slice = slice.map_err(|_| PluginFailure::Saturated)?;
        Ok(Some((slice, since.elapsed())))
    }

    /// A place of the center's, then one of the host's.
    async fn places(&self, deadline: Instant) -> Result<Places, PluginFailure> {
        let center = Arc::clone(&self.center_places);
        let all = Arc::clone(&self.sandbox.places);
        let waited = within(|| deadline, async move {
            let center = center.acquire_owned().await.ok()?;
            let all = all.acquire_owned().await.ok()?;
            Some(Places::Taken {
                _all: all,
                _center: center,
            })
        });
        waited.await.ok().flatten().ok_or(PluginFailure::Saturated)
    }
}
