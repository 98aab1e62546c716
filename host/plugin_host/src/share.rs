//! What a center's plug-ins may take of the threads that serve everybody.
//!
//! Guests run on the host's own threads, a tick at a time. A center whose guests have had more of
//! them lately than its share takes turns: one of its guests runs at a time on a small host, and all
//! centers that take turns leave at least half of the threads to the others. Nothing is refused for
//! it; what has to wait longer than its deadline fails as it does when there is no place.

use std::future::poll_fn;
use std::num::NonZero;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

use crate::clock::Clock;

/// What a center may use at once, as time of one thread, before it takes turns: some starts of
/// components with an interpreter in them. Until then all threads may be its.
const AT_ONCE: Duration = Duration::from_millis(10);

/// What a center can owe at most, as time of one thread.
const OWED_MAX: Duration = Duration::from_secs(1);

/// A center's share is one of so many parts of the threads' time, but a quarter of one thread's at
/// least.
const PARTS: u32 = 8;

/// So many slices a guest may have one after the other while others of its center wait.
const SLICES_TOGETHER: u32 = 25;

/// What all centers of a host share.
pub(crate) struct Threads {
    clock: Arc<Clock>,
    number: u32,
    turns: Arc<Semaphore>,
    begun: Instant,
}

impl Threads {
    /// The threads of the runtime that this is called in; without one, as many as there are
    /// processors.
    pub(crate) fn of_runtime(clock: Clock) -> Self {
        let workers = Handle::try_current().map(|runtime| runtime.metrics().num_workers());
        let processors = || available_parallelism().map_or(1, NonZero::get);
        Self::new(clock, workers.unwrap_or_else(|_| processors()))
    }

    fn new(clock: Clock, number: usize) -> Self {
        Self {
            clock: Arc::new(clock),
            number: u32::try_from(number).unwrap_or(u32::MAX).max(1),
            turns: Arc::new(Semaphore::new((number / 2).max(1))),
            begun: Instant::now(),
        }
    }

    /// The share of another center, which may have so many instances at once.
    pub(crate) fn share(&self, instances: usize) -> Arc<Share> {
        let turns = (self.number / 4).max(1);
        Arc::new(Share {
            clock: Arc::clone(&self.clock),
            starts: Arc::new(Semaphore::new((instances / 4).max(1))),
            account: Account::new(self.number),
            begun: self.begun,
            turns: Arc::new(Semaphore::new(turns as usize)),
            all: Arc::clone(&self.turns),
        })
    }
}

/// One center's share, and how much of it is used.
pub(crate) struct Share {
    clock: Arc<Clock>,
    account: Account,
    begun: Instant,
    turns: Arc<Semaphore>,
    all: Arc<Semaphore>,
    /// Starts that a center may have under way while it takes turns: each has a place among the
    /// instances of all centers and waits.
    starts: Arc<Semaphore>,
}

impl Share {
    /// Begins the start of an instance, which is waited for while the center takes turns and has
    /// enough of them under way.
    pub(crate) async fn begin_start(&self) -> Option<OwnedSemaphorePermit> {
        if self.is_used_up() {
            next(&self.starts).await
        } else {
            None
        }
    }

    /// Counts time of a thread that the center's guests have had.
    pub(crate) fn use_up(&self, time: Duration) {
        self.account.charge(time, self.begun.elapsed());
    }

    /// Whether the center takes turns now.
    pub(crate) fn is_used_up(&self) -> bool {
        self.account.is_overdrawn(self.begun.elapsed())
    }

    #[cfg(test)]
    pub(crate) fn wait_until_the_clock_stands(&self) {
        while !self.clock.stands() {
            std::thread::yield_now();
        }
    }

    /// The next turn: the center's among its own guests first, so that nobody waits behind all of
    /// another center's.
    pub(crate) async fn next_slice(&self) -> TimeSlice {
        let turn = CenterTurn {
            _permit: next(&self.turns).await,
            slices_left: SLICES_TOGETHER,
        };
        self.slice_after(turn).await
    }

    /// The slice after this one: other centers may go first, the guest stays the one of its center
    /// whose turn it is. Were they all to go on a little, few of them would be done in time.
    async fn slice_after(&self, turn: CenterTurn) -> TimeSlice {
        let all = next(&self.all).await;
        TimeSlice {
            center: turn,
            _all: all,
        }
    }
}

/// Runs a guest on account of a share: the time for which it has a thread counts, and not what it
/// waits for. For that time the clock goes that interrupts it.
pub(crate) async fn charged<T>(share: Arc<Share>, guest: impl Future<Output = T>) -> T {
    let mut guest = pin!(guest);
    poll_fn(|context| {
        let _running = share.clock.running();
        let begun = Instant::now();
        let polled = guest.as_mut().poll(context);
        share.use_up(begun.elapsed());
        polled
    })
    .await
}

async fn next(turns: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(turns).acquire_owned().await.ok()
}

/// A turn among the guests of a center.
struct CenterTurn {
    /// None would be one of turns that have been closed, which they never are.
    _permit: Option<OwnedSemaphorePermit>,
    slices_left: u32,
}

impl CenterTurn {
    /// The same for another slice, unless others of the center have waited long enough.
    fn once_more(self) -> Option<Self> {
        let slices_left = self.slices_left.checked_sub(1)?;
        Some(Self {
            slices_left,
            ..self
        })
    }
}

/// A turn, for as long as it is held. Nobody who holds one of the host's waits for one of a
/// center's, nor for a service.
pub(crate) struct TimeSlice {
    center: CenterTurn,
    _all: Option<OwnedSemaphorePermit>,
}

/// A guest's part in the taking of turns.
#[derive(Clone, Default)]
pub(crate) struct Part(Option<Arc<Mutex<Stand>>>);

#[derive(Default)]
struct Stand {
    now: Now,
    waited: Duration,
}

#[derive(Default)]
enum Now {
    #[default]
    Free,
    Waiting(Instant),
    Running(TimeSlice),
}

impl Part {
    /// A guest that begins with a turn, for which it has waited, or without having to take any.
    pub(crate) fn beginning(slice: Option<(TimeSlice, Duration)>) -> Self {
        Self(slice.map(|(slice, waited)| {
            let now = Now::Running(slice);
            Arc::new(Mutex::new(Stand { now, waited }))
        }))
    }

    /// Gives the turn up.
    pub(crate) fn end(&self) {
        if let Some(stand) = &self.0 {
            locked(stand).now = Now::Free;
        }
    }

    /// How long the guest has stood still until its turn came.
    pub(crate) fn waited(&self) -> Duration {
        let Some(stand) = &self.0 else {
            return Duration::ZERO;
        };
        let stand = locked(stand);
        match stand.now {
            Now::Waiting(since) => stand.waited + since.elapsed(),
            Now::Free | Now::Running(_) => stand.waited,
        }
    }

    /// What a guest waits for before it goes on: only that others come to their turn, unless its
    /// center has used up its share.
    pub(crate) fn next_slice(&mut self, share: &Arc<Share>) -> impl Future<Output = ()> + use<> {
        let stand = if share.is_used_up() {
            Some(Arc::clone(self.0.get_or_insert_default()))
        } else {
            self.end();
            None
        };
        let share = Arc::clone(share);
        async move {
            let Some(stand) = stand else {
                return yield_now().await;
            };
            // Whoever has a turn of its center's keeps it meanwhile, for so many slices.
            let turn = match std::mem::take(&mut locked(&stand).now) {
                Now::Running(slice) => slice.center.once_more(),
                Now::Free | Now::Waiting(_) => None,
            };
            yield_now().await;
            let since = Instant::now();
            locked(&stand).now = Now::Waiting(since);
            let slice = match turn {
                Some(turn) => share.slice_after(turn).await,
                None => share.next_slice().await,
            };
            let mut stand = locked(&stand);
            stand.waited += since.elapsed();
            stand.now = Now::Running(slice);
        }
    }
}

fn locked(stand: &Mutex<Stand>) -> MutexGuard<'_, Stand> {
    stand.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time used against time allowed, by the generic cell rate algorithm: all that it keeps is the
/// moment at which what was used so far will have been allowed, in ns.
struct Account {
    allowed_at: AtomicU64,
    /// Of how many threads the share is one of [`PARTS`] parts.
    threads: u32,
}

impl Account {
    fn new(threads: u32) -> Self {
        Self {
            allowed_at: AtomicU64::new(0),
            threads: threads.max(2),
        }
    }

    fn charge(&self, used: Duration, now: Duration) {
        let (now, cost) = (nanos(now), self.allowed_in(used));
        let latest = now.saturating_add(self.allowed_in(OWED_MAX));
        let charged = |at: u64| Some(at.max(now).saturating_add(cost).min(latest));
        // Never refused, since there always is a next moment.
        let _ = self.allowed_at.fetch_update(Relaxed, Relaxed, charged);
    }

    fn is_overdrawn(&self, now: Duration) -> bool {
        let allowed_at = self.allowed_at.load(Relaxed);
        allowed_at > nanos(now).saturating_add(self.allowed_in(AT_ONCE))
    }

    /// How long it takes until so much time of a thread is allowed, in ns.
    fn allowed_in(&self, used: Duration) -> u64 {
        nanos(used).saturating_mul(PARTS.into()) / u64::from(self.threads)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn threads(number: usize) -> Threads {
        Threads::new(Clock::start(|| true).unwrap(), number)
    }

    /// Polls once.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        poll_fn(|context| {
            Poll::Ready(match future.as_mut().poll(context) {
                Poll::Ready(done) => Some(done),
                Poll::Pending => None,
            })
        })
        .await
    }

    fn used_up(threads: &Threads) -> Arc<Share> {
        let share = threads.share(8);
        share.use_up(OWED_MAX);
        assert!(share.is_used_up());
        share
    }

    #[test]
    fn a_share_is_an_eighth_of_the_threads_and_a_quarter_of_one_at_least() {
        for (threads, allowed) in [(1, 250), (2, 250), (16, 2_000)] {
            let account = Account::new(threads);
            for ms in 0..10_000_u32 {
                let now = ms * MS;
                account.charge(MS * allowed / 1_000, now);
                assert!(
                    !account.is_overdrawn(now),
                    "{threads} threads after {ms} ms"
                );
            }
            let end = 10_000 * MS;
            for ms in 0..10_000_u32 {
                account.charge(MS * (allowed + allowed / 10) / 1_000, end + ms * MS);
            }
            assert!(account.is_overdrawn(end + 10_000 * MS), "{threads} threads");
        }
    }

    #[test]
    fn what_was_not_used_is_not_saved() {
        let account = Account::new(2);
        let late = Duration::from_secs(3_600);
        account.charge(AT_ONCE, late);
        assert!(!account.is_overdrawn(late));
        account.charge(MS, late);
        assert!(account.is_overdrawn(late));
    }

    #[test]
    fn what_is_owed_is_paid_after_seconds() {
        let account = Account::new(2);
        for _ in 0..1_000 {
            account.charge(OWED_MAX, Duration::ZERO);
        }
        assert!(account.is_overdrawn(Duration::from_secs(3)));
        assert!(!account.is_overdrawn(Duration::from_secs(4)));
    }

    #[tokio::test]
    async fn half_of_the_threads_is_left_to_who_takes_no_turns() {
        for (number, together) in [(1, 1), (2, 1), (8, 4), (9, 4)] {
            let threads = threads(number);
            let mut held = Vec::new();
            for _ in 0..number {
                held.extend(now(used_up(&threads).next_slice()).await);
            }
            assert_eq!(held.len(), together, "{number} threads");
        }
    }

    #[tokio::test]
    async fn a_center_waits_behind_one_guest_of_another_and_not_behind_all() {
        let threads = threads(2);
        let (greedy, other) = (used_up(&threads), used_up(&threads));
        let running = greedy.next_slice().await;
        let mut more = pin!(greedy.next_slice());
        assert!(now(more.as_mut()).await.is_none());
        let mut next = pin!(other.next_slice());
        assert!(now(next.as_mut()).await.is_none());
        let TimeSlice { center, _all: all } = running;
        drop(all);
        let mut again = pin!(greedy.slice_after(center));
        assert!(now(again.as_mut()).await.is_none(), "the other is first");
        let others = now(next.as_mut()).await.expect("it was waiting");
        assert!(now(again.as_mut()).await.is_none());
        drop(others);
        let running = now(again.as_mut()).await.expect("its turn again");
        assert!(
            now(more.as_mut()).await.is_none(),
            "one of a center at a time"
        );
        drop(running);
        assert!(now(more.as_mut()).await.is_some());
    }

    #[tokio::test]
    async fn a_guest_takes_turns_only_while_its_center_has_used_up_its_share() {
        let threads = threads(2);
        let modest = threads.share(8);
        let mut part = Part::default();
        part.next_slice(&modest).await;
        assert!(part.0.is_none());

        let greedy = used_up(&threads);
        let running = greedy.next_slice().await;
        let mut waiting = pin!(part.next_slice(&greedy));
        assert!(now(waiting.as_mut()).await.is_none(), "it yields");
        assert!(now(waiting.as_mut()).await.is_none(), "and waits");
        let waited = part.waited();
        assert!(part.waited() > waited, "it stands still");
        drop(running);
        assert!(now(waiting.as_mut()).await.is_some());
        assert_eq!(part.waited(), part.waited());
        assert!(now(greedy.next_slice()).await.is_none(), "the guest has it");
        part.end();
        assert!(now(greedy.next_slice()).await.is_some());
    }
}
