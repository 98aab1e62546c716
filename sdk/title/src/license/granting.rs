//! Letting another licensor grant.

use colophon_crypto::Engine;

use super::{
    Authenticator, DELEGATION_BYTES_MAX, Delegation, License, LicenseId, LicenseKind,
    LicenseSigningFailed, Line, Object, Principal, PrincipalKind, ReadyLicensor, Reference,
    RightsTemplate, SignedLicense, Verification, Work,
};
use crate::trust::{CertificateRole, EndCertificate};

/// What the other licensor is called within a delegation.
const DELEGATE: &str = "delegate";

/// What a delegation is made with.
#[derive(Clone, Copy)]
pub struct DelegationTerms<'a> {
    /// A number that no other license has.
    pub id: LicenseId,
    /// When it is granted, in seconds since 1970. Copies under it are not dated before.
    pub granted_at_unix_s: i64,
    /// The one work it is about, by its Book ID and type.
    pub work: &'a Object,
    /// The certificate of the licensor that may grant. A new key needs a new delegation.
    pub delegate: &'a EndCertificate,
    /// The most that it may grant.
    pub rights: &'a RightsTemplate,
    /// The first second in which it may grant nothing more, since 1970: no later than what the one
    /// who delegates holds, and the same as that if absent.
    pub until_unix_s: Option<i64>,
    /// What lets the one who delegates grant this, where it does not stand on its own.
    pub delegated_by: Option<&'a Delegation>,
}

/// Why no delegation was made.
#[derive(Debug, thiserror::Error)]
pub enum DelegationRefused {
    /// The certificate is not that of a licensor.
    #[error("the certificate is for the role {0}, not licensor")]
    Role(CertificateRole),
    /// The subject of the certificate cannot stand in a license.
    #[error("the name in the certificate cannot stand in a license")]
    Name,
    /// It is longer than [`DELEGATION_BYTES_MAX`]: too many rights, or too long a chain.
    #[error("the delegation would have more than {DELEGATION_BYTES_MAX} bytes")]
    TooLong,
    /// It cannot be signed: the rights make no sense, or are more than what was delegated.
    #[error("the delegation cannot be signed")]
    Signing(#[from] LicenseSigningFailed),
}

impl DelegationTerms<'_> {
    /// Makes and signs the delegation.
    ///
    /// # Errors
    ///
    /// [`DelegationRefused`], see its variants.
    pub fn sign(
        &self,
        engine: &dyn Engine,
        licensor: &ReadyLicensor<'_>,
    ) -> Result<SignedLicense, DelegationRefused> {
        if self.delegate.role != CertificateRole::Licensor {
            return Err(DelegationRefused::Role(self.delegate.role));
        }
        let name = Line::parse(&self.delegate.subject).map_err(|_| DelegationRefused::Name)?;
        let delegate = Principal {
            reference: Reference::fixed(DELEGATE),
            kind: PrincipalKind::Licensor,
            object: Object {
                id_type: Line::fixed("subject"),
                id: name,
                name: None,
            },
            authenticator: Authenticator {
                method: Line::fixed("licensor-certificate"),
                class: None,
                verification: Verification::PublicKey(self.delegate.public_key_spki_der.clone()),
            },
        };
        let others = self.rights.principals.iter().cloned();
        let held_until = self
            .delegated_by
            .and_then(|by| by.license().grants_until_unix_s);
        let license = License {
            kind: LicenseKind::Delegation,
            id: self.id,
            issued_at_unix_s: self.granted_at_unix_s,
            descriptor: None,
            work: Work {
                object: self.work.clone(),
                creators: Vec::new(),
                owner: None,
                copy_hash: None,
                parts: self
                    .delegated_by
                    .map(|by| by.license().work.parts.clone())
                    .unwrap_or_default(),
            },
            rights: self.rights.rights.clone(),
            licensor: licensor.named().clone(),
            principals: std::iter::once(delegate).chain(others).collect(),
            delegated_by: self.delegated_by.map(|by| by.document().to_vec()),
            grants_until_unix_s: self.until_unix_s.or(held_until),
        };
        let signed = licensor.sign(engine, &license)?;
        if signed.document().len() > DELEGATION_BYTES_MAX {
            return Err(DelegationRefused::TooLong);
        }
        Ok(signed)
    }
}
