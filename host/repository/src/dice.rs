//! Chance, taken from a source of random bytes in larger pieces.

use colophon_crypto::Randomness;

/// Draws numbers, choices and orders. Asking the source for every byte would take longer than all
/// the rest.
pub(crate) struct Dice<'r> {
    random: &'r mut dyn Randomness,
    drawn: [u8; 1024],
    used: usize,
}

impl<'r> Dice<'r> {
    pub(crate) fn new(random: &'r mut dyn Randomness) -> Dice<'r> {
        Dice {
            random,
            drawn: [0; 1024],
            used: 1024,
        }
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        loop {
            let rest = self.drawn.get(self.used..).unwrap_or_default();
            if let Some((number, _)) = rest.split_first_chunk() {
                self.used += 8;
                return u64::from_le_bytes(*number);
            }
            self.random.fill(&mut self.drawn);
            self.used = 0;
        }
    }

    /// A number below a limit; 0 if there is none below it.
    // The remainder leans to small numbers by less than one in four billion, which helps nobody.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.number() % limit).unwrap_or(0)
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> Option<T> {
        choices.get(self.below(N)).copied()
    }

    /// Whether something happens that happens once in `times`.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Any bytes.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.random.fill(&mut bytes);
        bytes
    }

    /// Puts things into any order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = self.below(last + 1);
            things.swap(last, other);
        }
    }
}
