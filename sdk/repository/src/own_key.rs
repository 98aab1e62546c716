//! The repository's own private key and the roots it believes, which only an individual has.
//!
//! Individualizing puts other code in the place of the functions here: code that computes the
//! four words of the key from shares, which lie in [`POOL`] and in generated functions. In the
//! template the words are no key. It puts the roots, sealed with that key, into [`ROOTS`].
//! `host/repository` finds the functions by their exported names and takes the names away.

use core::hint::black_box;
use core::sync::atomic::{AtomicU8, Ordering};

use colophon_activation::{PinnedRoots, SEALED_ROOTS_BYTES};
use colophon_crypto::{AgreementKey, Key32, Portable};

use crate::Refused;

/// Room for the shares of an individual, at an address that its code knows.
static POOL: [AtomicU8; POOL_BYTES] = [const { AtomicU8::new(0) }; POOL_BYTES];

/// As individualizing expects it.
const POOL_BYTES: usize = 16 << 10;

macro_rules! word {
    ($name:ident, $number:literal) => {
        /// A word of the key.
        // The number tells the bodies apart, so that they are not merged into one; `black_box`
        // keeps what stands here from being used where the function is called.
        #[inline(never)]
        #[expect(unsafe_code, reason = "individualizing finds the function by its name")]
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> u64 {
            black_box(u64::MAX - $number)
        }
    };
}

word!(colophon_word_0, 0);
word!(colophon_word_1, 1);
word!(colophon_word_2, 2);
word!(colophon_word_3, 3);

/// Where the pool lies.
#[expect(unsafe_code, reason = "individualizing finds the function by its name")]
#[unsafe(no_mangle)]
extern "C" fn colophon_pool() -> usize {
    (&raw const POOL).addr()
}

/// Room for the roots an individual believes, sealed with its key.
static ROOTS: [AtomicU8; SEALED_ROOTS_BYTES] = [const { AtomicU8::new(0) }; SEALED_ROOTS_BYTES];

/// Where the sealed roots lie.
#[expect(unsafe_code, reason = "individualizing finds the function by its name")]
#[unsafe(no_mangle)]
extern "C" fn colophon_roots() -> usize {
    (&raw const ROOTS).addr()
}

/// The roots that this individual was made to believe licenses under.
pub(crate) fn pinned_roots(own_key: &AgreementKey) -> Result<PinnedRoots, Refused> {
    // What stands there when this is compiled is not what an individual has.
    let room = black_box(&ROOTS);
    let sealed: Vec<u8> = room
        .iter()
        .map(|byte| byte.load(Ordering::Relaxed))
        .collect();
    PinnedRoots::open(&Portable, own_key, &sealed).map_err(|_| Refused::Template)
}

/// The key of this individual.
pub(crate) fn own_key() -> Result<AgreementKey, Refused> {
    let words = [
        colophon_word_0(),
        colophon_word_1(),
        colophon_word_2(),
        colophon_word_3(),
    ];
    let scalar = Key32::filled(|bytes| {
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
    });
    // The words of the template are above the order of the curve.
    AgreementKey::from_scalar(&scalar).map_err(|_| Refused::Template)
}
