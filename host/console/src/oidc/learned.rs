//! What somebody elsewhere has said, asked for once for all who want to know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a failure is remembered: who comes meanwhile is told at once, instead of waiting in a
/// row for somebody who is away.
const FAILED_FOR: Duration = Duration::from_secs(5);

/// A cause that several people are told of.
pub(super) type SharedCause = Arc<dyn std::error::Error + Send + Sync>;

/// What was learned. Whoever asks holds the lock, so that all who come meanwhile share one answer.
pub(super) struct Learned<T> {
    asked: Mutex<Asked<T>>,
}

struct Asked<T> {
    answer: Option<(Arc<T>, Instant)>,
    failure: Option<(SharedCause, Instant)>,
}

impl<T> Default for Learned<T> {
    fn default() -> Self {
        Self {
            asked: Mutex::new(Asked {
                answer: None,
                failure: None,
            }),
        }
    }
}

impl<T> Learned<T> {
    /// The answer, asked for again if it is older than `age_max`.
    pub(super) async fn no_older<F>(
        &self,
        age_max: Duration,
        ask: impl FnOnce() -> F,
    ) -> Result<Arc<T>, SharedCause>
    where
        F: Future<Output = Result<T, SharedCause>>,
    {
        let mut asked = self.asked.lock().await;
        if let Some((answer, since)) = &asked.answer
            && since.elapsed() < age_max
        {
            return Ok(Arc::clone(answer));
        }
        if let Some((cause, since)) = &asked.failure
            && since.elapsed() < FAILED_FOR
        {
            return Err(Arc::clone(cause));
        }
        match ask().await {
            Ok(answer) => {
                let answer = Arc::new(answer);
                asked.answer = Some((Arc::clone(&answer), Instant::now()));
                asked.failure = None;
                Ok(answer)
            }
            Err(cause) => {
                asked.failure = Some((Arc::clone(&cause), Instant::now()));
                Err(cause)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::time;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Somebody who takes ten seconds to fail, or answers at once.
    #[derive(Default)]
    struct Elsewhere {
        learned: Learned<usize>,
        asked: AtomicUsize,
    }

    impl Elsewhere {
        async fn fail(&self) -> bool {
            let ask = || async {
                self.asked.fetch_add(1, Ordering::SeqCst);
                time::sleep(Duration::from_secs(10)).await;
                Err(Arc::new(std::io::Error::other("away")) as SharedCause)
            };
            self.learned.no_older(MINUTE, ask).await.is_err()
        }

        async fn answer(&self) -> Option<usize> {
            let ask = || async { Ok(self.asked.fetch_add(1, Ordering::SeqCst) + 1) };
            let answer = self.learned.no_older(MINUTE, ask).await;
            answer.ok().map(|number| *number)
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_asked_once_for_all_who_wait() {
        let elsewhere = Arc::new(Elsewhere::default());
        let began = Instant::now();
        let asking: Vec<_> = (0..16)
            .map(|_| {
                let elsewhere = Arc::clone(&elsewhere);
                tokio::spawn(async move { elsewhere.fail().await })
            })
            .collect();
        for failed in asking {
            assert!(failed.await.unwrap());
        }
        assert_eq!(elsewhere.asked(), 1);
        assert_eq!(began.elapsed().as_secs(), 10, "nobody waits in a row");
        assert_eq!(elsewhere.answer().await, None, "the failure is remembered");
        time::advance(FAILED_FOR).await;
        assert_eq!(elsewhere.answer().await, Some(2), "but not for long");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_asked_for_again_when_it_is_old() {
        let elsewhere = Elsewhere::default();
        assert_eq!(elsewhere.answer().await, Some(1));
        time::advance(MINUTE / 2).await;
        assert_eq!(elsewhere.answer().await, Some(1));
        time::advance(MINUTE / 2).await;
        assert!(elsewhere.fail().await);
        time::advance(FAILED_FOR).await;
        assert_eq!(elsewhere.answer().await, Some(3));
    }
}
