//! Waiting for something, for no longer than a given time.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for `work`, and notices whether there is anything to wait for.
pub(crate) async fn noticed<T>(work: impl Future<Output = T>, waits: impl Fn()) -> (T, bool) {
    let mut work = pin!(work);
    let mut waited = false;
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready((done, waited)),
        Poll::Pending => {
            if !waited {
                waits();
            }
            waited = true;
            Poll::Pending
        }
    })
    .await
}

/// It did not come in time.
pub(crate) struct Elapsed;

/// Waits for `work`. A timer is only set, and `deadline` only asked for, once there is something to
/// wait for: most calls of plug-ins and into the host are done before.
pub(crate) async fn within<T>(
    deadline: impl Fn() -> Instant,
    work: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    let mut alarm = pin!(None::<Sleep>);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        if alarm.is_none() {
            alarm.set(Some(sleep_until(deadline())));
        }
        match alarm.as_mut().as_pin_mut() {
            Some(alarm) => alarm.poll(context).map(|()| Err(Elapsed)),
            None => Poll::Pending,
        }
    })
    .await
}
