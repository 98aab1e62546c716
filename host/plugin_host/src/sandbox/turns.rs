//! Whose component is compiled next.
//!
//! One component is compiled at a time. Of those who wait, the one comes first whose center has had
//! the least of the compiler's time lately: a center whose components take long, or that has many of
//! them, waits itself and has nobody else wait for more than the one that is being compiled.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use colophon_receipt::CenterId;
use tokio::sync::oneshot;

/// After so long without a turn nobody remembers what a center has had.
const REMEMBERED: Duration = Duration::from_secs(600);

/// On whose behalf something is compiled; commands and the host itself are nobody.
type Asker = Option<CenterId>;

/// The turns at the compiler.
#[derive(Default)]
pub(super) struct Turns {
    line: Arc<Mutex<Line>>,
}

/// Who waits, and what everybody has had.
#[derive(Default)]
struct Line {
    is_taken: bool,
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    had: HashMap<Asker, Had>,
}

struct Waiting {
    asker: Asker,
    turn: oneshot::Sender<Turn>,
}

struct Had {
    time: Duration,
    /// What it waited for turns, since this was last asked.
    waited: Duration,
    last: Instant,
}

/// How long a turn was waited for and had.
struct Span {
    waited: Duration,
    begun: Instant,
    ended: Instant,
}

/// A turn, for as long as this is held.
pub(super) struct Turn {
    line: Arc<Mutex<Line>>,
    asker: Asker,
    /// What it was waited for, while others had theirs.
    waited: Duration,
    begun: Instant,
}

impl Turns {
    /// The center's next turn. Whoever stops waiting for it stands in nobody's way.
    pub(super) async fn next(&self, center: Option<&CenterId>) -> Option<Turn> {
        let (asker, since) = (center.cloned(), Instant::now());
        let coming = {
            let mut line = locked(&self.line);
            if !line.is_taken {
                line.is_taken = true;
                drop(line);
                return Some(Turn::begin(&self.line, asker));
            }
            let (turn, coming) = oneshot::channel();
            line.waiting.retain(|waiting| !waiting.turn.is_closed());
            line.waiting.push(Waiting { asker, turn });
            coming
        };
        // A turn ends by handing on, so that nobody waits in vain.
        let mut turn = coming.await.ok()?;
        turn.waited = turn.begun.saturating_duration_since(since);
        Some(turn)
    }

    /// What a center has waited for turns that are over, since this was last asked.
    pub(super) fn waited(&self, center: &CenterId) -> Duration {
        let mut line = locked(&self.line);
        let had = line.had.get_mut(&Some(center.clone()));
        had.map_or(Duration::ZERO, |had| mem::take(&mut had.waited))
    }
}

impl Turn {
    fn begin(line: &Arc<Mutex<Line>>, asker: Asker) -> Self {
        Self {
            line: Arc::clone(line),
            asker,
            waited: Duration::ZERO,
            begun: Instant::now(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut line = locked(&self.line);
            let span = Span {
                waited: self.waited,
                begun: self.begun,
                ended: Instant::now(),
            };
            line.count(self.asker.take(), &span);
            let next = line.next();
            line.is_taken = next.is_some();
            next
        };
        if let Some(Waiting { asker, turn }) = next {
            // Where nobody waits for it any more it ends at once, and goes on to the one behind.
            let refused = turn.send(Self::begin(&self.line, asker));
            drop(refused);
        }
    }
}

impl Line {
    fn count(&mut self, asker: Asker, span: &Span) {
        let now = span.ended;
        let recent = |had: &Had| now.saturating_duration_since(had.last) < REMEMBERED;
        self.had.retain(|_, had| recent(had));
        let had = self.had.entry(asker).or_insert(Had {
            time: Duration::ZERO,
            waited: Duration::ZERO,
            last: now,
        });
        had.time += now.saturating_duration_since(span.begun);
        had.waited += span.waited;
        had.last = now;
    }

    fn next(&mut self) -> Option<Waiting> {
        let had = |waiting: &Waiting| self.had.get(&waiting.asker).map(|had| had.time);
        // Of those who have had the same, the first in the line.
        let least = self.waiting.iter().enumerate();
        let (at, _) = least.min_by_key(|(_, waiting)| had(waiting))?;
        Some(self.waiting.remove(at))
    }
}

fn locked(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use super::*;

    fn center(name: &str) -> CenterId {
        name.parse().unwrap()
    }

    /// Puts somebody into the line.
    fn stand(line: &mut Line, asker: &str) -> oneshot::Receiver<Turn> {
        let (turn, coming) = oneshot::channel();
        let asker = Some(center(asker));
        line.waiting.push(Waiting { asker, turn });
        coming
    }

    fn span(begun: Instant, ended: Instant) -> Span {
        Span {
            waited: Duration::ZERO,
            begun,
            ended,
        }
    }

    fn order(line: &mut Line) -> Vec<String> {
        let next = std::iter::from_fn(|| line.next());
        next.map(|waiting| waiting.asker.unwrap().to_string())
            .collect()
    }

    #[test]
    fn a_center_that_has_had_much_lets_the_others_go_first() {
        let (mut line, now) = (Line::default(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        line.count(Some(center("slow")), &span(now, after(60)));
        line.count(Some(center("quick")), &span(after(60), after(61)));
        for asker in ["slow", "quick", "slow", "new", "other"] {
            drop(stand(&mut line, asker));
        }
        assert_eq!(order(&mut line), ["new", "other", "quick", "slow", "slow"]);
        // Many small ones count like a large one.
        for second in 0..100 {
            line.count(
                Some(center("quick")),
                &span(after(61 + second), after(62 + second)),
            );
        }
        for asker in ["quick", "slow"] {
            drop(stand(&mut line, asker));
        }
        assert_eq!(order(&mut line), ["slow", "quick"]);
        // It is not held against a center for ever.
        line.count(None, &span(after(1000), after(1001)));
        for asker in ["slow", "new"] {
            drop(stand(&mut line, asker));
        }
        assert_eq!(order(&mut line), ["slow", "new"]);
        assert_eq!(line.had.len(), 1);
    }

    #[tokio::test]
    async fn what_others_had_of_the_compiler_is_told_as_waiting() {
        let turns = Turns::default();
        let (busy, waiting) = (center("busy"), center("waiting"));
        let first = turns.next(Some(&busy)).await.unwrap();
        let mut next = Box::pin(turns.next(Some(&waiting)));
        let pending = poll_fn(|context| Poll::Ready(next.as_mut().poll(context).is_pending()));
        assert!(pending.await);
        drop(first);
        drop(next.await.unwrap());
        assert_eq!(turns.waited(&busy), Duration::ZERO);
        assert!(turns.waited(&waiting) > Duration::ZERO);
        assert_eq!(turns.waited(&waiting), Duration::ZERO, "it is told once");
    }

    #[tokio::test]
    async fn a_turn_goes_on_to_somebody_who_still_waits() {
        let turns = Turns::default();
        let first = turns.next(Some(&center("a"))).await.unwrap();
        {
            let (b, c) = (center("b"), center("c"));
            let mut waits = pin!(turns.next(Some(&c)));
            {
                let mut gives_up = pin!(turns.next(Some(&b)));
                let both = poll_fn(|context| {
                    let b = gives_up.as_mut().poll(context).is_pending();
                    let c = waits.as_mut().poll(context).is_pending();
                    Poll::Ready(b && c)
                });
                assert!(both.await, "two have a turn");
            }
            drop(first);
            assert!(waits.await.is_some());
        }
        // A turn that comes when nobody looks any more is not lost.
        let held = turns.next(None).await;
        let mut waits = Box::pin(turns.next(None));
        let pending = poll_fn(|context| Poll::Ready(waits.as_mut().poll(context).is_pending()));
        assert!(pending.await);
        drop(held);
        drop(waits);
        assert!(turns.next(None).await.is_some());
    }
}
