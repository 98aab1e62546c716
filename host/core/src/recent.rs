//! Values worked out of late, by the digest of what they were worked out from.

use std::collections::HashMap;

/// A bounded memory of the latest values. When its younger half is full it becomes the older one,
/// and what was the older half is forgotten.
pub struct Recent<V> {
    half_max: usize,
    younger: HashMap<[u8; 32], V>,
    older: HashMap<[u8; 32], V>,
}

impl<V> Recent<V> {
    /// An empty memory of at most twice as many values.
    pub fn new(half_max: usize) -> Self {
        Self {
            half_max: half_max.max(1),
            younger: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// The value of this name, if it is remembered.
    pub fn find(&self, name: &[u8; 32]) -> Option<&V> {
        self.younger.get(name).or_else(|| self.older.get(name))
    }

    /// Remembers a value.
    pub fn keep(&mut self, name: [u8; 32], value: V) {
        if self.younger.len() >= self.half_max {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_and_the_latest() {
        const HALF_MAX: usize = 8;
        let mut recent = Recent::new(HALF_MAX);
        let name = |number: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            name
        };
        let last = 5 * HALF_MAX;
        for number in 0..=last {
            recent.keep(name(number), number);
        }
        assert!(recent.younger.len() + recent.older.len() <= 2 * HALF_MAX);
        assert_eq!(recent.find(&name(0)), None);
        for number in [last, last - HALF_MAX + 1] {
            assert_eq!(recent.find(&name(number)), Some(&number));
        }
    }
}
