//! Where instances rest, and which of them have to go.

use std::collections::HashMap;
use std::time::Instant;

use colophon_core::plugin::CallContext;
use colophon_receipt::{CenterId, RetailerId};

use super::WarmTerms;

/// What rests on a host at most, of all its plug-ins. The engine's pool has places for them beside
/// those for running instances.
pub(super) const RESTING_MAX: usize = 32;
const RESTING_BYTES_MAX: usize = 512 << 20;

/// Instances at rest, the longest resting first.
pub(super) struct Shelf<T> {
    resting: Vec<Resting<T>>,
}

struct Resting<T> {
    generation: u64,
    center: CenterId,
    retailer: RetailerId,
    until: Instant,
    bytes: usize,
    instance: T,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            resting: Vec::new(),
        }
    }
}

impl<T> Shelf<T> {
    pub(super) fn len(&self) -> usize {
        self.resting.len()
    }

    /// Of those that rest for this center and retailer, the one that was used last.
    pub(super) fn take(
        &mut self,
        generation: u64,
        context: &CallContext,
        now: Instant,
    ) -> Option<T> {
        let at = self.resting.iter().rposition(|one| {
            one.generation == generation
                && one.center == context.center
                && one.retailer == context.retailer
                && now < one.until
        })?;
        Some(self.resting.remove(at).instance)
    }

    /// Puts an instance with its size down, and gives back those that have to go for it.
    #[must_use]
    pub(super) fn put(
        &mut self,
        (generation, context): (u64, &CallContext),
        (instance, bytes): (T, usize),
        terms: &WarmTerms,
        now: Instant,
    ) -> Vec<T> {
        let mut gone = self.expired(now);
        self.resting.push(Resting {
            generation,
            center: context.center.clone(),
            retailer: context.retailer.clone(),
            until: now + terms.idle.min(WarmTerms::IDLE_MAX),
            bytes,
            instance,
        });
        let own = terms.instances.min(WarmTerms::INSTANCES_MAX);
        let is_own = |one: &Resting<T>| one.generation == generation;
        while self.resting.iter().filter(|one| is_own(one)).count() > own {
            let longest = self.resting.iter().position(is_own);
            gone.extend(longest.map(|at| self.resting.remove(at).instance));
        }
        while self.resting.len() > RESTING_MAX {
            gone.extend(self.of_the_greatest(|_| 1));
        }
        while self.bytes() > RESTING_BYTES_MAX {
            gone.extend(self.of_the_greatest(|one| one.bytes));
        }
        gone
    }

    /// Takes the longest resting of the center that has the most on the shelf: whoever has much
    /// makes room, and takes away nothing of those who have less.
    fn of_the_greatest(&mut self, weight: impl Fn(&Resting<T>) -> usize) -> Option<T> {
        let mut weights: HashMap<&CenterId, usize> = HashMap::new();
        for one in &self.resting {
            *weights.entry(&one.center).or_default() += weight(one);
        }
        let greatest = weights.values().max().copied();
        let has_most = |one: &Resting<T>| weights.get(&one.center).copied() == greatest;
        let at = self.resting.iter().position(has_most)?;
        Some(self.resting.remove(at).instance)
    }

    /// Those whose time is over.
    #[must_use]
    pub(super) fn expired(&mut self, now: Instant) -> Vec<T> {
        self.removed(|one| one.until <= now)
    }

    /// Those of a generation that is gone.
    #[must_use]
    pub(super) fn of_generation(&mut self, generation: u64) -> Vec<T> {
        self.removed(|one| one.generation == generation)
    }

    /// All of them.
    #[must_use]
    pub(super) fn all(&mut self) -> Vec<T> {
        self.removed(|_| true)
    }

    fn removed(&mut self, is_meant: impl Fn(&Resting<T>) -> bool) -> Vec<T> {
        let removed = self.resting.extract_if(.., |one| is_meant(one));
        removed.map(|one| one.instance).collect()
    }

    fn bytes(&self) -> usize {
        self.resting.iter().map(|one| one.bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use colophon_core::rollout::PurchaseMark;
    use colophon_core::time::Timestamp;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn of(center: &str, retailer: &str) -> CallContext {
        CallContext {
            request_id: "1".to_owned(),
            now: Timestamp::from_unix_ms(1),
            center: center.parse().unwrap(),
            retailer: retailer.parse().unwrap(),
            purchase: Some(PurchaseMark::from_number(1)),
        }
    }

    fn terms() -> WarmTerms {
        WarmTerms {
            requests: 10,
            idle: 10 * SECOND,
            memory_bytes: 1 << 20,
            instances: 3,
        }
    }

    #[test]
    fn an_instance_is_found_for_its_own_generation_center_and_retailer_alone() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let own = of("north", "shop");
        assert!(shelf.put((1, &own), ("a", 1), &terms(), now).is_empty());
        assert!(shelf.put((1, &own), ("b", 1), &terms(), now).is_empty());
        assert_eq!(shelf.take(2, &own, now), None);
        assert_eq!(shelf.take(1, &of("south", "shop"), now), None);
        assert_eq!(shelf.take(1, &of("north", "other"), now), None);
        // The last used is the least cold.
        assert_eq!(shelf.take(1, &own, now), Some("b"));
        assert_eq!(shelf.take(1, &own, now), Some("a"));
        assert_eq!(shelf.take(1, &own, now), None);
    }

    #[test]
    fn nobody_is_taken_after_its_time_nor_kept_beyond_the_longest() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let own = of("north", "shop");
        let patient = WarmTerms {
            idle: 1000 * SECOND,
            ..terms()
        };
        assert!(shelf.put((1, &own), ("a", 1), &terms(), now).is_empty());
        assert!(shelf.put((2, &own), ("b", 1), &patient, now).is_empty());
        assert_eq!(shelf.take(1, &own, now + 10 * SECOND), None);
        assert_eq!(shelf.expired(now + 10 * SECOND), ["a"]);
        assert!(shelf.expired(now + 29 * SECOND).is_empty());
        assert_eq!(shelf.expired(now + 30 * SECOND), ["b"]);
        assert_eq!(shelf.len(), 0);
    }

    #[test]
    fn the_longest_resting_of_a_generation_makes_room_for_its_next() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let other = of("north", "other");
        assert!(shelf.put((9, &other), (0, 1), &terms(), now).is_empty());
        for number in 1..=5 {
            let shop = of("north", &format!("shop-{number}"));
            let gone = shelf.put((1, &shop), (number, 1), &terms(), now);
            let expected: Vec<i32> = (number > 3).then(|| number - 3).into_iter().collect();
            assert_eq!(gone, expected);
        }
        assert_eq!(shelf.take(9, &other, now), Some(0));
        assert_eq!(shelf.of_generation(1), [3, 4, 5]);
    }

    #[test]
    fn a_generation_that_may_keep_none_keeps_none() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let none = WarmTerms {
            instances: 0,
            ..terms()
        };
        let gone = shelf.put((1, &of("north", "shop")), ("a", 1), &none, now);
        assert_eq!(gone, ["a"]);
    }

    #[test]
    fn a_center_with_much_at_rest_makes_room_for_the_others() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let (north, south) = (of("north", "shop"), of("south", "shop"));
        assert!(shelf.put((0, &south), (0, 1), &terms(), now).is_empty());
        for generation in 1..100 {
            let gone = shelf.put((generation, &north), (generation, 1), &terms(), now);
            assert!(!gone.contains(&0), "{generation}");
        }
        for generation in 100..200 {
            let gone = shelf.put((generation, &south), (generation, 1), &terms(), now);
            assert_eq!(gone.len(), 1);
        }
        let of = |center: &CallContext| {
            let resting = shelf.resting.iter();
            resting.filter(|one| one.center == center.center).count()
        };
        assert_eq!((of(&north), of(&south)), (RESTING_MAX / 2, RESTING_MAX / 2));
        // Nor does one with large instances take the memory of the others.
        let most = RESTING_BYTES_MAX;
        let gone = shelf.put((200, &north), (200, most), &terms(), now);
        assert_eq!(gone.len(), RESTING_MAX / 2 + 1, "all of its own");
        assert_eq!(shelf.len(), RESTING_MAX / 2);
    }

    #[test]
    fn a_host_keeps_no_more_than_its_places_and_its_memory() {
        let (mut shelf, now) = (Shelf::default(), Instant::now());
        let own = of("north", "shop");
        for generation in 0..100 {
            let gone = shelf.put((generation, &own), (generation, 1), &terms(), now);
            assert_eq!(gone.len(), usize::from(generation >= RESTING_MAX as u64));
        }
        assert_eq!(shelf.len(), RESTING_MAX);
        let half = RESTING_BYTES_MAX / 2;
        assert_eq!(
            shelf.put((200, &own), (200, half), &terms(), now),
            [68],
            "one place"
        );
        assert!(shelf.put((201, &own), (201, half), &terms(), now).len() > 1);
        // What is too large by itself does not stay, nor does anything before it.
        let gone = shelf.put((202, &own), (202, 2 * half + 1), &terms(), now);
        assert!(gone.contains(&202) && shelf.len() == 0);
    }
}
