//! A task that runs until it is told to stop, and then finishes what it has begun.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running part of the pipeline. Dropping it lets the task run on.
#[derive(Debug)]
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn spawn<F>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { stop, task }
    }

    /// Whether the task has ended, by itself or by a panic.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Tells the task to stop and waits until it has. What the wait is for is said by each part;
    /// a caller in a hurry puts a limit around it.
    pub async fn stop(self) {
        self.stop.cancel();
        // A panic has been reported where it happened; there is nothing more to wait for.
        let _panicked = self.task.await;
    }
}
