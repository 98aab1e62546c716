//! How often one account, or one address, may try something.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use colophon_core::time::Timestamp;

/// How many keys are remembered. When there are more, those whose time began first are forgotten,
/// which an attacker with that many addresses gains little by.
const KEYS_MAX: usize = 100_000;

/// Lets each key try a number of times within a window, which begins with its first try.
///
/// It is kept in memory: each host counts for itself, and a restart forgets.
#[derive(Debug)]
pub(crate) struct Throttle<K> {
    tries_max: u32,
    window_ms: i64,
    windows: Mutex<HashMap<K, Window>>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    began: Timestamp,
    tries: u32,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    pub(crate) fn new(tries_max: u32, window_ms: i64) -> Self {
        Self {
            tries_max,
            window_ms,
            windows: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a try; false if there were too many.
    pub(crate) fn admit(&self, key: K, now: Timestamp) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= KEYS_MAX && !windows.contains_key(&key) {
            self.make_room(&mut windows, now);
        }
        let window = windows.entry(key).or_insert(Window {
            began: now,
            tries: 0,
        });
        if self.is_over(window, now) {
            *window = Window {
                began: now,
                tries: 0,
            };
        }
        window.tries = window.tries.saturating_add(1);
        window.tries <= self.tries_max
    }

    /// Takes a try back that was none: a right password, a code that there is. It was counted while
    /// it was under way, so that many at once are no more than many in a row.
    pub(crate) fn refund(&self, key: &K) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get_mut(key) {
            window.tries = window.tries.saturating_sub(1);
        }
    }

    fn make_room(&self, windows: &mut HashMap<K, Window>, now: Timestamp) {
        windows.retain(|_, window| !self.is_over(window, now));
        if windows.len() < KEYS_MAX {
            return;
        }
        let mut begun: Vec<Timestamp> = windows.values().map(|window| window.began).collect();
        let middle = begun.len() / 2;
        let (_, middle, _) = begun.select_nth_unstable(middle);
        let middle = *middle;
        windows.retain(|_, window| window.began > middle);
    }

    /// A clock set back ends a window too: nobody is to wait for a time that comes again.
    fn is_over(&self, window: &Window, now: Timestamp) -> bool {
        let passed = now.unix_ms().saturating_sub(window.began.unix_ms());
        !(0..self.window_ms).contains(&passed)
    }
}

/// What counts as one address: for IPv6 the /64 network, which one subscriber has all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(u128);

impl Origin {
    pub(crate) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits() & (u128::MAX << 64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms)
    }

    #[test]
    fn a_window_has_so_many_tries_and_then_another_begins() {
        let throttle = Throttle::new(2, 1_000);
        assert!(throttle.admit("a", at(0)));
        assert!(throttle.admit("a", at(500)));
        assert!(!throttle.admit("a", at(999)));
        assert!(throttle.admit("b", at(999)), "another key has its own");
        assert!(throttle.admit("a", at(1_000)));
    }

    #[test]
    fn a_try_that_was_none_is_taken_back_and_no_more() {
        let throttle = Throttle::new(2, 1_000);
        assert!(throttle.admit("a", at(0)));
        for _ in 0..5 {
            assert!(throttle.admit("a", at(1)));
            throttle.refund(&"a");
        }
        assert!(throttle.admit("a", at(2)));
        assert!(!throttle.admit("a", at(3)));
        throttle.refund(&"nobody");
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let throttle = Throttle::new(1, 1_000);
        assert!(throttle.admit("a", at(10_000)));
        assert!(!throttle.admit("a", at(10_500)));
        assert!(throttle.admit("a", at(5_000)));
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let throttle = Throttle::new(1, 1_000);
        for key in 0..KEYS_MAX + 10 {
            throttle.admit(key, at(i64::try_from(key / 1_000).unwrap()));
        }
        assert!(throttle.windows.lock().unwrap().len() <= KEYS_MAX);
        assert!(
            !throttle.admit(KEYS_MAX + 5, at(100)),
            "the latest are kept"
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_origin() {
        let origin = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8::1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }
}
