//! How many log rows the outbox can still promise to keep.
//!
//! A download is admitted only when its log row is sure to find room, so that a full disk shows as
//! "busy" before the first byte and never as a download that nobody can bill.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use colophon_core::event::NamedEvent;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::hand_over::HandOver;

/// What one row may take, on disk and in the log before it. Rows were seen to take 0.5 to 2 KiB;
/// the longest receipt makes one of about 20 KiB, the longest event one of about 26 KiB.
pub(crate) const ROW_BYTES_RESERVED: u64 = 32 * 1024;

/// A reading of the disk that shows plenty holds for this long: nobody fills so much in so little
/// time. Asking costs more than all else about an admission.
const READING_HOLDS: Duration = Duration::from_millis(10);
const PLENTY_BYTES: u64 = 1 << 30;

/// Limits of a node's outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Rows waiting for the logging database at most, promised ones included.
    pub rows_max: u64,
    /// Bytes of rows waiting at most; each promised row counts 32 KiB.
    pub bytes_max: u64,
    /// Bytes that are left free on the disk of the node's database.
    pub disk_bytes_spared: u64,
    /// Downloads admitted and not yet logged, at most.
    pub admitted_max: usize,
    /// Rows made durable by one commit, at most.
    pub batch_rows_max: usize,
}

impl Default for OutboxLimits {
    /// A million rows or 1 GiB, 64 MiB of disk left free, 16,384 downloads at once, and 256 rows
    /// in a commit: 64 could not follow 20,000 rows a second where a commit takes 4 ms.
    fn default() -> Self {
        Self {
            rows_max: 1_000_000,
            bytes_max: 1 << 30,
            disk_bytes_spared: 64 << 20,
            admitted_max: 16_384,
            batch_rows_max: 256,
        }
    }
}

/// How much room is left on the disk that holds the node's database. Where there is not plenty, it
/// is asked at every admission, so it must not wait: one system call on a local disk.
pub trait DiskSpace: Send + Sync {
    /// Bytes that this process may still write.
    fn free_bytes(&self) -> io::Result<u64>;
}

impl<F: Fn() -> io::Result<u64> + Send + Sync> DiskSpace for F {
    fn free_bytes(&self) -> io::Result<u64> {
        self()
    }
}

/// What waits in the outbox. The log writer is given it, so that it hears of new rows, need not
/// read them back, and gives back the room of those it has carried on.
#[derive(Clone)]
pub struct Backlog {
    pub(crate) room: Arc<Room>,
    pub(crate) committed: Arc<Notify>,
    pub(crate) hand_over: Arc<HandOver>,
}

impl Backlog {
    /// Durable rows that the logging database has not confirmed.
    pub fn waiting_rows(&self) -> u64 {
        self.room.used().waiting_rows
    }
}

/// The account of promised and waiting rows.
pub(crate) struct Room {
    limits: OutboxLimits,
    disk: Arc<dyn DiskSpace>,
    reading: Mutex<Option<Reading>>,
    used: Mutex<Used>,
}

/// What the disk had free at a moment.
#[derive(Debug, Clone, Copy)]
struct Reading {
    free_bytes: u64,
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Used {
    /// Rows promised and not yet durable.
    pub(crate) promised_rows: u64,
    /// Durable rows not yet in the logging database.
    pub(crate) waiting_rows: u64,
    /// Their bytes.
    pub(crate) waiting_bytes: u64,
    /// Whether the last admission was refused, and how full it was then is still remembered.
    full: bool,
}

impl Used {
    fn rows(&self) -> u64 {
        self.promised_rows.saturating_add(self.waiting_rows)
    }

    fn promised_bytes(&self) -> u64 {
        self.promised_rows.saturating_mul(ROW_BYTES_RESERVED)
    }

    fn bytes(&self) -> u64 {
        self.promised_bytes().saturating_add(self.waiting_bytes)
    }
}

impl Room {
    pub(crate) fn new(limits: OutboxLimits, disk: Arc<dyn DiskSpace>, waiting: (u64, u64)) -> Self {
        let used = Used {
            waiting_rows: waiting.0,
            waiting_bytes: waiting.1,
            ..Used::default()
        };
        Self {
            limits,
            disk,
            reading: Mutex::default(),
            used: Mutex::new(used),
        }
    }

    /// Promises room for one row, if there is.
    pub(crate) fn promise(self: &Arc<Self>) -> Option<Promise> {
        let disk = self.free_bytes();
        let mut used = self.used();
        match self.refusal(&used, &disk) {
            None => {
                used.promised_rows = used.promised_rows.saturating_add(1);
                used.full = used.full && !self.is_roomy(&used);
                Some(Promise {
                    room: Arc::clone(self),
                })
            }
            Some(reason) => {
                let newly = !std::mem::replace(&mut used.full, true);
                metrics::counter!("colophon_outbox_refused_total").increment(1);
                if newly {
                    report_full(reason, &used, disk.as_ref().ok().copied());
                }
                None
            }
        }
    }

    /// Why no row would be promised now; none where one would.
    pub(crate) fn shortage(&self) -> Option<&'static str> {
        let disk = self.free_bytes();
        self.refusal(&self.used(), &disk)
    }

    /// What the disk has free, from memory where it was plenty a moment ago.
    fn free_bytes(&self) -> io::Result<u64> {
        let plenty = self.needed_bytes(&self.used()).saturating_add(PLENTY_BYTES);
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(known) = *reading
            && known.free_bytes >= plenty
            && now.saturating_duration_since(known.at) < READING_HOLDS
        {
            return Ok(known.free_bytes);
        }
        let free_bytes = self.disk.free_bytes()?;
        *reading = Some(Reading {
            free_bytes,
            at: now,
        });
        Ok(free_bytes)
    }

    /// What the disk must have free for one row more.
    fn needed_bytes(&self, used: &Used) -> u64 {
        self.limits
            .disk_bytes_spared
            .saturating_add(used.promised_bytes())
            .saturating_add(ROW_BYTES_RESERVED)
    }

    fn refusal(&self, used: &Used, disk: &io::Result<u64>) -> Option<&'static str> {
        let needed = self.needed_bytes(used);
        match disk {
            _ if used.rows() >= self.limits.rows_max => Some("too many rows wait"),
            _ if used.bytes().saturating_add(ROW_BYTES_RESERVED) > self.limits.bytes_max => {
                Some("the rows that wait are too large")
            }
            Ok(free) if *free < needed => Some("the disk is full"),
            Ok(_) => None,
            Err(_) => Some("the free space of the disk is not known"),
        }
    }

    /// Whether less than half of the room is taken.
    pub(crate) fn is_plentiful(&self) -> bool {
        let used = self.used();
        used.rows() < self.limits.rows_max / 2 && used.bytes() < self.limits.bytes_max / 2
    }

    /// A tenth of room again: at the very edge, every row that leaves would otherwise end one
    /// shortage and begin another.
    fn is_roomy(&self, used: &Used) -> bool {
        let tenth = |most: u64| most - most / 10;
        used.rows() <= tenth(self.limits.rows_max) && used.bytes() <= tenth(self.limits.bytes_max)
    }

    /// Rows that were promised are durable now.
    pub(crate) fn committed(&self, rows: u64, bytes: u64) {
        let mut used = self.used();
        used.waiting_rows = used.waiting_rows.saturating_add(rows);
        used.waiting_bytes = used.waiting_bytes.saturating_add(bytes);
        publish(&used);
    }

    /// Rows that waited have left the outbox.
    pub(crate) fn released(&self, rows: u64, bytes: u64) {
        let mut used = self.used();
        used.waiting_rows = used.waiting_rows.saturating_sub(rows);
        used.waiting_bytes = used.waiting_bytes.saturating_sub(bytes);
        publish(&used);
    }

    pub(crate) fn used(&self) -> MutexGuard<'_, Used> {
        // The account is whole between any two statements; a panic elsewhere does not spoil it.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for one row, given back when it is dropped.
pub(crate) struct Promise {
    room: Arc<Room>,
}

impl Drop for Promise {
    fn drop(&mut self) {
        let mut used = self.room.used();
        used.promised_rows = used.promised_rows.saturating_sub(1);
    }
}

fn publish(used: &Used) {
    metrics::gauge!("colophon_outbox_rows").set(used.waiting_rows as f64);
    metrics::gauge!("colophon_outbox_bytes").set(used.waiting_bytes as f64);
}

fn report_full(reason: &str, used: &Used, disk_free_bytes: Option<u64>) {
    let event = NamedEvent::OutboxFull;
    tracing::error!(
        event.code = event.code(),
        event.name = event.slug(),
        reason,
        outbox.rows = used.rows(),
        outbox.bytes = used.bytes(),
        disk.free_bytes = disk_free_bytes,
        "no log row can be promised; downloads are refused until there is room"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::advance;

    use super::*;

    fn room(limits: OutboxLimits, free: &Arc<AtomicU64>) -> Arc<Room> {
        let free = Arc::clone(free);
        let disk = move || Ok(free.load(Ordering::Relaxed));
        Arc::new(Room::new(limits, Arc::new(disk), (0, 0)))
    }

    fn plenty() -> Arc<AtomicU64> {
        Arc::new(AtomicU64::new(u64::MAX))
    }

    #[test]
    fn rows_are_promised_up_to_the_limit_and_again_when_they_have_left() {
        let limits = OutboxLimits {
            rows_max: 3,
            ..OutboxLimits::default()
        };
        let room = room(limits, &plenty());
        let mut promises: Vec<_> = (0..3).map(|_| room.promise().unwrap()).collect();
        assert!(room.promise().is_none());

        // A row that was written waits in place of its promise.
        room.committed(1, 100);
        promises.pop();
        assert!(room.promise().is_none());
        room.released(1, 100);
        promises.extend(room.promise());
        assert_eq!(promises.len(), 3);
        drop(promises);
        drop(room.promise());
        assert_eq!(*room.used(), Used::default());
    }

    #[test]
    fn bytes_are_promised_in_full_and_counted_as_they_are() {
        let limits = OutboxLimits {
            bytes_max: 3 * ROW_BYTES_RESERVED,
            ..OutboxLimits::default()
        };
        let room = room(limits, &plenty());
        let _one = room.promise().unwrap();
        room.committed(1, 2 * ROW_BYTES_RESERVED);
        assert!(room.promise().is_none());
        room.released(1, 2 * ROW_BYTES_RESERVED);
        assert!(room.promise().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_fills_up_refuses_and_heals_by_itself() {
        let limits = OutboxLimits {
            disk_bytes_spared: 1000,
            ..OutboxLimits::default()
        };
        let free = plenty();
        let room = room(limits, &free);
        let _one = room.promise().unwrap();
        free.store(1000 + 2 * ROW_BYTES_RESERVED - 1, Ordering::Relaxed);
        advance(READING_HOLDS).await;
        assert_eq!(room.shortage(), Some("the disk is full"));
        assert!(room.promise().is_none());
        free.store(1000 + 2 * ROW_BYTES_RESERVED, Ordering::Relaxed);
        assert_eq!(room.shortage(), None);
        assert!(room.promise().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_with_plenty_is_asked_now_and_then_and_any_other_each_time() {
        let asked = Arc::new(AtomicU64::new(0));
        let free = plenty();
        let disk = {
            let (asked, free) = (Arc::clone(&asked), Arc::clone(&free));
            move || {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(free.load(Ordering::Relaxed))
            }
        };
        let room = Arc::new(Room::new(OutboxLimits::default(), Arc::new(disk), (0, 0)));
        for _ in 0..100 {
            assert!(room.promise().is_some());
        }
        assert_eq!(asked.swap(0, Ordering::Relaxed), 1);

        let spared = OutboxLimits::default().disk_bytes_spared;
        free.store(spared + PLENTY_BYTES, Ordering::Relaxed);
        advance(READING_HOLDS).await;
        for _ in 0..100 {
            assert!(room.promise().is_some());
        }
        assert_eq!(asked.load(Ordering::Relaxed), 100);
    }

    #[test]
    fn a_disk_that_does_not_say_is_taken_for_full() {
        let disk = || Err(io::Error::other("gone"));
        let room = Arc::new(Room::new(OutboxLimits::default(), Arc::new(disk), (0, 0)));
        assert!(room.promise().is_none());
    }
}
