//! Taking the content key out of a license.

use colophon_crypto::Mismatch;

use super::{Access, License, Principal, PrincipalKind, Verification};
use crate::Metadata;

/// A persona's private key, wherever it lives. What it gives out is still sealed: without the
/// copy it belongs to, it is of no use.
pub trait PersonaKey {
    /// The public key: DER of its `SubjectPublicKeyInfo`.
    fn public_key_spki_der(&self) -> &[u8];

    /// Decrypts by RSA-OAEP with SHA-256, which must give 40 bytes.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if it does not.
    fn decrypt(&self, enabling_bits: &[u8]) -> Result<[u8; 40], Mismatch>;
}

impl License {
    /// Whether the license is about a copy with this hash, of a title with this metadata.
    pub(crate) fn is_about(&self, metadata: &Metadata, copy_hash: &[u8; 32]) -> bool {
        let object = &self.work.object;
        self.work.copy_hash.as_ref() == Some(copy_hash)
            && object.id_type.as_str() == metadata.book_id_type
            && object.id.as_str() == metadata.book_id
    }

    /// The enabling bits for the holder of a public key; nothing if the license has none for it.
    pub(crate) fn enabling_bits(&self, public_key_spki_der: &[u8]) -> Option<&[u8]> {
        let holds = |principal: &&Principal| {
            let verification = &principal.authenticator.verification;
            principal.kind == PrincipalKind::Person
                && matches!(verification, Verification::PublicKey(key) if key == public_key_spki_der)
        };
        let persona = self.principals.iter().find(holds)?;
        let conditions = self.rights.iter().flat_map(|group| {
            let of_rights = group.rights.iter().flat_map(|right| &right.access);
            group.bundle.access.iter().chain(of_rights)
        });
        let needed = conditions.flat_map(|access| match access {
            Access::Licensor => &[],
            Access::Principals(needed) => needed.as_slice(),
        });
        needed
            .filter(|needed| needed.reference == persona.reference)
            .find_map(|needed| needed.enabling_bits.as_deref())
    }
}
