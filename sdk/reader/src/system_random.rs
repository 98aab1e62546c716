//! The randomness of this machine.

use colophon_crypto::Randomness;

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Randomness for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "without randomness nothing may be sealed, and there is no safe way on"
        )]
        getrandom::fill(out).expect("the system's random source");
    }
}
