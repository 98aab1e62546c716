//! What plug-ins can call, one file for each interface of the contract.
//!
//! Every call that counts goes the same way: it is held against the limit of calls and against the
//! contract, the service behind it is asked within its own time, and what was asked and answered
//! goes into the request's [transcript].

mod catalog;
mod config;
mod http;
mod kv;
mod log;
mod sql;
pub(crate) mod transcript;

use tokio::time::Instant;

use crate::state::{CallState, LimitHit};
use crate::waiting::{Elapsed, noticed, within};

impl CallState {
    /// Waits for a service, for no longer than a host call may take.
    async fn wait<T>(&mut self, service: impl Future<Output = T>) -> Result<T, Elapsed> {
        self.host_call_pending = true;
        let timeout = self.limits().host_call_timeout;
        let answer = within(|| Instant::now() + timeout, service);
        // Nobody waits for a turn because somebody else waits for a service.
        let part = self.part();
        let (answer, waited) = noticed(answer, || part.end()).await;
        self.host_call_pending = false;
        if waited && self.share().is_used_up() {
            self.next_slice().await;
        }
        answer
    }

    /// Notes that a service failed this request, which a plug-in's `unavailable` is then blamed on.
    fn blame_host(&mut self, call: &'static str, cause: &dyn std::fmt::Display) {
        self.host_failed = true;
        let center = self
            .bound
            .as_ref()
            .map(|bound| bound.context.center.as_str());
        tracing::debug!(center.id = center, call, %cause, "a plug-in's host call failed");
    }

    fn count_host_call(&mut self) -> Result<(), LimitHit> {
        self.host_calls += 1;
        if self.host_calls > self.limits().host_calls {
            return Err(LimitHit("host calls"));
        }
        Ok(())
    }
}
