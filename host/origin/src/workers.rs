//! Blocking calls into content stores, bounded in number and in time.
//!
//! A network file system that hangs makes a system call last for minutes. Such a call keeps its
//! thread and its permit until it returns, so a store that hangs can take all permits but not all
//! threads of the host, and its callers are told so after a bounded time.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

/// More reads at once than this gain nothing on a disk and hardly anything on a network.
const CALLS_MAX: usize = 64;

/// Why a call gave no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NoAnswer {
    /// It took too long, or all calls that may run at once do.
    #[error("the content store did not answer within {0:?}")]
    TooSlow(Duration),
    /// The code that was called panicked: what it read made it break.
    #[error("reading the stored object failed inside the host")]
    Broken,
}

#[derive(Debug, Clone)]
pub(crate) struct Workers {
    permits: Arc<Semaphore>,
    answer_within: Duration,
}

impl Workers {
    pub(crate) fn new(answer_within: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CALLS_MAX)),
            answer_within,
        }
    }

    /// Runs `call` on a thread that may block. A caller that goes away does not stop it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let too_slow = NoAnswer::TooSlow(self.answer_within);
        let deadline = Instant::now() + self.answer_within;
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = timeout_at(deadline, permit)
            .await
            .map_err(|_elapsed| too_slow)?;
        let job = spawn_blocking(move || {
            let result = call();
            drop(permit);
            result
        });
        let joined = timeout_at(deadline, job)
            .await
            .map_err(|_elapsed| too_slow)?;
        // A job that was not even begun, because the host is ending, is no fault of the object's.
        joined.map_err(|error| match error.is_panic() {
            true => NoAnswer::Broken,
            false => too_slow,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn calls_that_hang_are_given_up_on_and_let_go_when_they_return() {
        let workers = Workers::new(Duration::from_millis(50));
        let (release, hung) = mpsc::channel::<()>();
        let hung = Arc::new(std::sync::Mutex::new(hung));
        let calls = (0..CALLS_MAX + 1).map(|_| {
            let (workers, hung) = (workers.clone(), Arc::clone(&hung));
            tokio::spawn(async move {
                workers
                    .run(move || drop(hung.lock().map(|hung| hung.recv())))
                    .await
            })
        });
        for call in calls.collect::<Vec<_>>() {
            let given_up = NoAnswer::TooSlow(Duration::from_millis(50));
            assert_eq!(call.await.unwrap(), Err(given_up));
        }
        drop(release);
        let patient = Workers {
            answer_within: Duration::from_secs(60),
            ..workers
        };
        assert_eq!(patient.run(|| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_in_a_call_stays_there() {
        let workers = Workers::new(Duration::from_secs(60));
        let broken: Result<(), _> = workers.run(|| std::panic::panic_any("hostile bytes")).await;
        assert_eq!(broken, Err(NoAnswer::Broken));
    }
}
