//! A delegation as the licensor keeps it that it was made to.

use colophon_crypto::Engine;

use super::chain::{Verified, verify_behind};
use super::envelope::{Envelope, license_of};
use super::{LICENSE_CHAIN_MAX, License, LicenseKind, LicenseRefused};
use crate::trust::TrustRoots;

/// The longest delegation that is kept, in bytes: each copy's license has it inside, and goes into
/// the log.
pub const DELEGATION_BYTES_MAX: usize = 32 << 10;

/// A license by which one licensor lets another grant rights of one work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    document: Vec<u8>,
    license: License,
    grantors: Vec<Grantor>,
}

/// One licensor in the chain of a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantor {
    /// The certificates in DER: the licensor's own first, then its issuers, the root left out.
    pub chain: Vec<Vec<u8>>,
    /// When it granted, in seconds since 1970.
    pub granted_at_unix_s: i64,
}

impl Delegation {
    /// Reads a delegation that was [verified](Delegation::verify) before, such as one from a
    /// database of one's own. Whether its licensors are still believed is not asked here, see
    /// [`Delegation::grantors`].
    ///
    /// # Errors
    ///
    /// [`LicenseRefused::Form`], [`LicenseRefused::Kind`], [`LicenseRefused::TooLong`] or
    /// [`LicenseRefused::TooDeep`].
    pub fn read(document: &[u8]) -> Result<Delegation, LicenseRefused> {
        let (license, chain) = opened(document)?;
        let mut grantors = vec![Grantor::of(&license, chain)];
        let mut behind = license.delegated_by.clone();
        while let Some(document) = behind {
            // A copy's own license is the first of a chain.
            if grantors.len() + 1 >= LICENSE_CHAIN_MAX {
                return Err(LicenseRefused::TooDeep);
            }
            let (license, chain) = opened(&document)?;
            grantors.push(Grantor::of(&license, chain));
            behind = license.delegated_by;
        }
        Ok(Delegation {
            document: document.to_vec(),
            license,
            grantors,
        })
    }

    /// Verifies a delegation with everything behind it, and reads it.
    ///
    /// # Errors
    ///
    /// [`LicenseRefused`], see its variants.
    pub fn verify(
        engine: &dyn Engine,
        document: &[u8],
        roots: &TrustRoots,
    ) -> Result<Delegation, LicenseRefused> {
        // Those behind it stand in it, and are shorter.
        if document.len() > DELEGATION_BYTES_MAX {
            return Err(LicenseRefused::TooLong);
        }
        let own = Verified::of(engine, document, roots)?;
        if own.license.kind != LicenseKind::Delegation {
            return Err(LicenseRefused::Kind(own.license.kind));
        }
        // A copy's own license is the first of a chain.
        let behind = verify_behind(engine, &own, roots, LICENSE_CHAIN_MAX - 1)?;
        let Verified { license, chain, .. } = own;
        let mut grantors = vec![Grantor::of(&license, chain)];
        grantors.extend(
            behind
                .into_iter()
                .map(|by| Grantor::of(&by.license, by.chain)),
        );
        Ok(Delegation {
            document: document.to_vec(),
            license,
            grantors,
        })
    }

    /// The document, as it stands in the licenses that are made under it.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// What it says.
    #[must_use]
    pub fn license(&self) -> &License {
        &self.license
    }

    /// The public key of the licensor that it was made to: DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn delegate_key(&self) -> Option<&[u8]> {
        self.license.delegate_key()
    }

    /// Who granted, the nearest first. No reader believes a license under a delegation of which
    /// one is not believed at the time of its grant.
    #[must_use]
    pub fn grantors(&self) -> &[Grantor] {
        &self.grantors
    }
}

impl Grantor {
    fn of(license: &License, chain: Vec<Vec<u8>>) -> Grantor {
        Grantor {
            chain,
            granted_at_unix_s: license.issued_at_unix_s,
        }
    }
}

/// What a delegation says, and by whose certificates, for its delegate, who trusts it already.
pub(super) fn opened(document: &[u8]) -> Result<(License, Vec<Vec<u8>>), LicenseRefused> {
    if document.len() > DELEGATION_BYTES_MAX {
        return Err(LicenseRefused::TooLong);
    }
    let envelope = Envelope::read(document).ok_or(LicenseRefused::Form)?;
    let license = license_of(&envelope.body.canonical()).ok_or(LicenseRefused::Form)?;
    if license.kind != LicenseKind::Delegation {
        return Err(LicenseRefused::Kind(license.kind));
    }
    Ok((license, envelope.certificates))
}
