//! The clock that interrupts running guests, to see whether their time is up and to let others have the
//! thread.
//!
//! It stands still while no guest runs: a host that has nothing to do is not woken a thousand times a
//! second. Whoever polls a guest says so for as long as that takes. The clock goes on for a while after
//! the last one, so that on a busy host hardly anybody has to wake it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::thread::{self, Thread};
use std::time::Duration;

/// How often running guests are interrupted.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// So many ticks pass without a guest before the clock stands still.
const QUIET_TICKS: u32 = 250;

/// The clock stands still: whoever has a guest run wakes it.
const STANDS: u64 = 1;
/// The clock is not needed any more.
const OVER: u64 = 2;
/// One guest that runs now; there is room for more than any machine has threads.
const RUNNING: u64 = 4;
/// One guest that was polled since the beginning, so that the clock sees those as well that are done
/// between two ticks. It counts around.
const POLLED: u64 = 1 << 32;

/// What guests and the clock know of each other. It is one word, so that neither can miss the other:
/// either the clock sees the guest before it stands still, or the guest sees that it stands.
#[derive(Default)]
struct Mark(AtomicU64);

impl Mark {
    fn now(&self) -> u64 {
        self.0.load(Acquire)
    }

    fn guests(word: u64) -> u64 {
        word % POLLED / RUNNING
    }
}

/// A thread that ticks while guests run. It ends when this is dropped.
pub(crate) struct Clock {
    mark: Arc<Mark>,
    thread: Thread,
}

impl Clock {
    /// Starts the clock; `tick` says whether there is anything left to tick for.
    pub(crate) fn start(tick: impl FnMut() -> bool + Send + 'static) -> io::Result<Self> {
        let mark = Arc::new(Mark::default());
        let seen = Arc::clone(&mark);
        let ticking = thread::Builder::new()
            .name("plug-in clock".to_owned())
            .spawn(move || go(&seen, tick))?;
        Ok(Self {
            mark,
            thread: ticking.thread().clone(),
        })
    }

    /// The clock goes for as long as this is held, which is while a guest has a thread.
    pub(crate) fn running(&self) -> Running<'_> {
        let before = self.mark.0.fetch_add(POLLED | RUNNING, AcqRel);
        if before & STANDS != 0 {
            self.thread.unpark();
        }
        Running(&self.mark)
    }

    #[cfg(test)]
    pub(crate) fn stands(&self) -> bool {
        self.mark.now() & STANDS != 0
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.mark.0.fetch_or(OVER, AcqRel);
        self.thread.unpark();
    }
}

/// A guest that has a thread.
pub(crate) struct Running<'a>(&'a Mark);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(RUNNING, Release);
    }
}

/// What the clock has seen of guests lately.
struct Quiet {
    before: u64,
    ticks: u32,
}

impl Quiet {
    fn since(word: u64) -> Self {
        Self {
            before: word,
            ticks: 0,
        }
    }

    /// Whether nobody has run for long enough, by the mark as it is after another tick.
    fn is_long_after(&mut self, now: u64) -> bool {
        let is_quiet = now == self.before && Mark::guests(now) == 0;
        self.ticks = if is_quiet { self.ticks + 1 } else { 0 };
        self.before = now;
        self.ticks >= QUIET_TICKS
    }
}

fn go(mark: &Mark, mut tick: impl FnMut() -> bool) {
    let mut quiet = Quiet::since(mark.now());
    loop {
        // Woken by somebody who came late, it ticks once too early, which every grant of time allows for.
        thread::park_timeout(TICK);
        let now = mark.now();
        if now & OVER != 0 || !tick() {
            return;
        }
        if !quiet.is_long_after(now) {
            continue;
        }
        let standing = now | STANDS;
        let stands = mark.0.compare_exchange(now, standing, AcqRel, Acquire);
        if stands.is_ok() {
            while mark.now() == standing {
                thread::park();
            }
            mark.0.fetch_and(!STANDS, AcqRel);
        }
        quiet = Quiet::since(mark.now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Far longer than anything here takes, on a machine that is busy with other things.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// A clock whose ticks are told.
    fn told() -> (Clock, Receiver<()>) {
        let (ticks, told) = channel();
        let clock = Clock::start(move || ticks.send(()).is_ok()).unwrap();
        (clock, told)
    }

    fn wait_until_it_stands(clock: &Clock) {
        while !clock.stands() {
            thread::yield_now();
        }
    }

    #[test]
    fn it_stands_still_until_somebody_runs() {
        let (clock, ticks) = told();
        for _ in 0..2 {
            wait_until_it_stands(&clock);
            while ticks.try_recv().is_ok() {}
            assert!(ticks.try_recv().is_err());
            drop(clock.running());
            assert!(ticks.recv_timeout(PATIENCE).is_ok(), "it goes again");
        }
    }

    #[test]
    fn it_goes_on_for_as_long_as_a_guest_runs() {
        let (clock, ticks) = told();
        wait_until_it_stands(&clock);
        let (one, other) = (clock.running(), clock.running());
        while ticks.try_recv().is_ok() {}
        drop(one);
        for _ in 0..2 * QUIET_TICKS {
            assert!(ticks.recv_timeout(PATIENCE).is_ok());
            assert!(!clock.stands());
        }
        drop(other);
        wait_until_it_stands(&clock);
    }

    #[test]
    fn guests_that_are_done_between_two_ticks_keep_it_going() {
        let run = |polled: u64, running: u64| polled * POLLED + running * RUNNING;
        let mut quiet = Quiet::since(0);
        for polled in 1..3 * u64::from(QUIET_TICKS) {
            assert!(!quiet.is_long_after(run(polled, 0)));
        }
        let last = run(1_000_000, 0);
        for tick in 0..QUIET_TICKS {
            assert!(!quiet.is_long_after(last), "{tick}");
        }
        assert!(quiet.is_long_after(last));
        for _ in 0..3 * QUIET_TICKS {
            assert!(!quiet.is_long_after(run(1_000_000, 1)));
        }
    }

    #[test]
    fn it_ends_with_its_host_even_while_it_stands() {
        let (clock, ticks) = told();
        wait_until_it_stands(&clock);
        drop(clock);
        // The ticks' sender is gone with the thread.
        while ticks.recv_timeout(PATIENCE).is_ok() {}
        let ended = ticks.recv_timeout(PATIENCE);
        assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
    }
}
