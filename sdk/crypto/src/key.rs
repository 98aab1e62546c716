//! The one type that holds secret bytes.

use alloc::boxed::Box;

use zeroize::{Zeroize, Zeroizing};

use crate::Randomness;

/// 32 secret bytes, wiped from memory when dropped.
///
/// There is no `Debug`, `Clone`, `PartialEq` or serialization: a key cannot be printed, copied
/// or compared by accident. Each of these has a named call.
///
/// ```compile_fail
/// let key = colophon_crypto::Key32::new([0; 32]);
/// println!("{key:?}");
/// ```
///
/// ```compile_fail
/// let key = colophon_crypto::Key32::new([0; 32]);
/// let copy = key.clone();
/// ```
// The bytes live on the heap, so that moving a key leaves no copies behind on the stack.
pub struct Key32(Box<Zeroizing<[u8; 32]>>);

impl Key32 {
    /// Takes over 32 bytes. The argument is wiped, but a copy the caller still holds is not.
    #[must_use]
    pub fn new(mut bytes: [u8; 32]) -> Key32 {
        let key = Key32(Box::new(Zeroizing::new(bytes)));
        bytes.zeroize();
        key
    }

    /// Makes a key whose bytes `fill` writes in place, so that no copy of them exists elsewhere.
    #[must_use]
    pub fn filled(fill: impl FnOnce(&mut [u8; 32])) -> Key32 {
        let mut key = Key32(Box::new(Zeroizing::new([0; 32])));
        fill(&mut key.0);
        key
    }

    /// Makes a fresh key from `random`.
    #[must_use]
    pub fn generate(random: &mut dyn Randomness) -> Key32 {
        Key32::filled(|bytes| random.fill(bytes))
    }

    /// Copies a key out of a slice, if that is exactly 32 bytes long.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Key32> {
        let bytes: &[u8; 32] = bytes.try_into().ok()?;
        Some(Key32::filled(|key| key.copy_from_slice(bytes)))
    }

    /// The secret bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// A second holder of the same bytes.
    #[must_use]
    pub fn duplicate(&self) -> Key32 {
        Key32::filled(|bytes| bytes.copy_from_slice(self.expose()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Randomness for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0;
                self.0 += 1;
            }
        }
    }

    #[test]
    fn generated_keys_take_all_their_bytes_from_the_source() {
        let key = Key32::generate(&mut Counting(0));
        let expected: [u8; 32] = core::array::from_fn(|i| i as u8);
        assert_eq!(key.expose(), &expected);
        assert_eq!(key.duplicate().expose(), &expected);
    }

    #[test]
    fn only_slices_of_32_bytes_are_keys() {
        assert!(Key32::from_slice(&[1; 31]).is_none());
        assert!(Key32::from_slice(&[1; 33]).is_none());
        assert!(Key32::from_slice(&[]).is_none());
        assert!(Key32::from_slice(&[1; 32]).is_some_and(|key| key.expose() == &[1; 32]));
    }
}
