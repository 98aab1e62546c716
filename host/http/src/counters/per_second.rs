//! How often something happened in each of the last sixty seconds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SECONDS: u64 = 60;

/// A ring of sixty counts. Each cell holds the second it counts in its upper half and the count
/// in its lower half, so that one exchange moves both.
#[derive(Debug)]
pub(super) struct PerSecond {
    cells: [AtomicU64; SECONDS as usize],
}

impl Default for PerSecond {
    fn default() -> Self {
        Self {
            cells: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl PerSecond {
    /// Counts one event in this second.
    pub(super) fn add(&self, second: u64) {
        let Some(cell) = self.cells.get((second % SECONDS) as usize) else {
            return;
        };
        let count = |cell: u64| {
            let (of, count) = (cell >> 32, cell & u64::from(u32::MAX));
            let count = if of == second {
                count.saturating_add(1)
            } else {
                1
            };
            Some(second << 32 | count)
        };
        // The closure always gives a value, so the exchange always happens.
        let _ = cell.fetch_update(Relaxed, Relaxed, count);
    }

    /// Events per second over the last sixty seconds before this one, or over all seconds there
    /// have been if they are fewer. The present second has not ended and is left out.
    pub(super) fn average(&self, second: u64) -> f64 {
        let window = second.min(SECONDS - 1);
        let counts = self.cells.iter().map(|cell| cell.load(Relaxed));
        let within = counts.filter(|cell| (second - window..second).contains(&(cell >> 32)));
        let total: u64 = within.map(|cell| cell & u64::from(u32::MAX)).sum();
        total as f64 / window.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_seconds_fall_out() {
        let rate = PerSecond::default();
        assert_eq!(rate.average(0), 0.0);
        (0..10).for_each(|_| rate.add(0));
        assert_eq!(rate.average(0), 0.0);
        assert_eq!(rate.average(1), 10.0);
        assert_eq!(rate.average(10), 1.0);
        assert_eq!(rate.average(59), 10.0 / 59.0);
        assert_eq!(rate.average(60), 0.0);
    }

    #[test]
    fn a_cell_is_used_again() {
        let rate = PerSecond::default();
        rate.add(5);
        rate.add(65);
        rate.add(65);
        assert_eq!(rate.average(66), 2.0 / 59.0);
    }
}
