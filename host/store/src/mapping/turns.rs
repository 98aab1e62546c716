//! How many statements of one plug-in are under way at once, over all its versions.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::capability::MappingFailure;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::CONNECTIONS_MAX;

/// How long a statement waits for its turn.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// The turns of one plug-in in one center. Its versions share them: while one takes another's place,
/// the mapping database is asked no more than before.
pub struct StatementTurns(Arc<Semaphore>);

/// A statement's turn, for as long as this is held.
pub struct StatementTurn(
    #[expect(dead_code, reason = "it is held, and that is all")] OwnedSemaphorePermit,
);

impl Default for StatementTurns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(CONNECTIONS_MAX as usize)))
    }
}

impl StatementTurns {
    /// The next turn, when it comes.
    ///
    /// # Errors
    /// [`MappingFailure::Timeout`] if it does not come for long: what a statement waits for here are
    /// others of the same plug-in, and nothing of the host's or the database's is away.
    pub async fn next(&self) -> Result<StatementTurn, MappingFailure> {
        let waited = timeout(WAIT_MAX, Arc::clone(&self.0).acquire_owned()).await;
        let turn = waited.ok().and_then(Result::ok);
        turn.map(StatementTurn).ok_or(MappingFailure::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_plug_in_that_waits_for_itself_blames_nobody_else() {
        let turns = StatementTurns::default();
        let mut under_way = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            under_way.push(turns.next().await);
        }
        assert!(under_way.iter().all(Result::is_ok));
        let waited = turns.next().await;
        assert!(matches!(waited, Err(MappingFailure::Timeout)));
        under_way.pop();
        assert!(turns.next().await.is_ok());
    }
}
