//! The randomness of this machine.

use aws_lc_rs::rand::SecureRandom;
use colophon_crypto::Randomness;

/// The operating system's random source, stretched by the generator of AWS-LC.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Randomness for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "without randomness no key may be made and no receipt minted; there is no \
                      safe way on"
        )]
        aws_lc_rs::rand::SystemRandom::new()
            .fill(out)
            .expect("the system's random source");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_fills_are_alike() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemRandom.fill(&mut a);
        SystemRandom.fill(&mut b);
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }
}
