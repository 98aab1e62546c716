//! Entity tags of copies.

use colophon_crypto::Engine;

use crate::CopyKey;

/// The entity tag of a copy: equal on every node for equal bytes, and telling nothing about
/// the copy to whoever sees it. `salt` is the version's salt, `tail` the copy's tail, which
/// binds the prefix through its digests.
///
/// ```
/// use colophon_crypto::{Key32, Portable};
/// use colophon_title::{CopyKey, etag};
///
/// let key = CopyKey::new(Key32::new([1; 32]));
/// assert_eq!(etag(&Portable, &key, b"salt", b"tail"), etag(&Portable, &key, b"salt", b"tail"));
/// assert_ne!(etag(&Portable, &key, b"salt", b"tail"), etag(&Portable, &key, b"salt", b"tale"));
/// ```
#[must_use]
pub fn etag(engine: &dyn Engine, key: &CopyKey, salt: &[u8], tail: &[u8]) -> [u8; 32] {
    engine.hmac_sha256(key.key(), &[salt, tail])
}
