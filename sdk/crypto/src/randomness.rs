//! Chance, handed in.

/// A source of random bytes.
///
/// Formats take chance as an argument, so that a test repeats exactly and a host decides where
/// its randomness comes from. Outside tests the source must be cryptographically secure.
pub trait Randomness {
    /// Overwrites all of `out` with fresh random bytes.
    fn fill(&mut self, out: &mut [u8]);
}
