//! Which principals of a license are authenticated here.

use colophon_crypto::Engine;
use colophon_title::license::{License, Principal, PrincipalKind, Reference, Verification};

/// What can be held against the principals of a license.
pub(crate) struct Presence<'p> {
    /// The public key of the persona whose private key is at hand.
    pub(crate) persona_spki_der: &'p [u8],
    /// What programs and devices show of themselves.
    pub(crate) shown: Vec<&'p [u8]>,
}

impl Presence<'_> {
    /// The principals that are authenticated. One that must be of a certain version and strength
    /// is not: nothing here can vouch for either.
    pub(crate) fn authenticated(&self, engine: &dyn Engine, license: &License) -> Vec<Reference> {
        let is_here = |principal: &&Principal| {
            let authenticator = &principal.authenticator;
            authenticator.class.is_none()
                && match &authenticator.verification {
                    Verification::PublicKey(key) => {
                        principal.kind == PrincipalKind::Person && key == self.persona_spki_der
                    }
                    Verification::Sha256(digest) => self
                        .shown
                        .iter()
                        .any(|shown| engine.digest(&[shown]) == *digest),
                }
        };
        let here = license.principals.iter().filter(is_here);
        here.map(|principal| principal.reference.clone()).collect()
    }
}
