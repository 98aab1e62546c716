//! Judging a license and everything it rests on.

use colophon_crypto::Engine;

use super::envelope::{Envelope, license_of};
use super::held::opened;
use super::{
    DELEGATION_BYTES_MAX, Delegation, LICENSE_CHAIN_MAX, License, LicenseKind, LicenseUnsound,
    Widened,
};
use crate::signature::issuers_digest;
use crate::trust::{CertificateRole, ChainRefused, EndCertificate, TrustRoots};

/// A license that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LicenseReport {
    /// What it says.
    pub license: License,
    /// The subject of the licensor's certificate, for people (RFC 4514).
    pub licensor_subject: String,
    /// What the licenses it was delegated by say, the nearest first.
    pub delegations: Vec<License>,
}

/// Why a license was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LicenseRefused {
    /// Not byte for byte what this format writes: not canonical, an unknown algorithm, a second
    /// reference or signature, an unknown element, a twin.
    #[error("the license is not in the form it is written in")]
    Form,
    /// The digest of the license is another one than signed.
    #[error("the license is not the one that was signed")]
    Digest,
    /// The signature does not verify under the certificate it came with.
    #[error("the signature of the license does not verify")]
    Value,
    /// The license names other certificates than those that came with it.
    #[error("the license is by another certificate")]
    OtherCertificate,
    /// The certificate is not that of a licensor, or the chain is not believed.
    #[error("the licensor is not believed")]
    Licensor(#[source] ChainRefused),
    /// It makes no sense.
    #[error("the license makes no sense")]
    Unsound(#[from] LicenseUnsound),
    /// It is for another use: a delegation where a consumer's license is wanted, or a consumer's
    /// license that somebody tries to pass on.
    #[error("the license is a {found} license", found = .0.as_str())]
    Kind(LicenseKind),
    /// It was delegated to another licensor than the one that signed.
    #[error("the license was delegated to another licensor")]
    Delegate,
    /// It grants more than its licensor holds.
    #[error("the license grants more than its licensor holds")]
    Widened(#[from] Widened),
    /// A delegation of more bytes than is kept.
    #[error("the delegation has more than {DELEGATION_BYTES_MAX} bytes")]
    TooLong,
    /// A longer chain than is read.
    #[error("the chain of licenses is longer than {LICENSE_CHAIN_MAX}, a copy's own included")]
    TooDeep,
}

impl LicenseRefused {
    /// A short name that stays the same, for logs and test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            LicenseRefused::Form => "license-form",
            LicenseRefused::Digest => "license-digest",
            LicenseRefused::Value => "license-value",
            LicenseRefused::OtherCertificate => "license-other-certificate",
            LicenseRefused::Licensor(refused) => match refused {
                ChainRefused::Role => "license-licensor-role",
                ChainRefused::Time => "license-licensor-time",
                ChainRefused::Revoked => "license-licensor-revoked",
                ChainRefused::NotPinned => "license-root-not-pinned",
                ChainRefused::Malformed | ChainRefused::Links | ChainRefused::Untrusted => {
                    "license-licensor"
                }
            },
            LicenseRefused::Unsound(_) => "license-unsound",
            LicenseRefused::Kind(_) => "license-kind",
            LicenseRefused::Delegate => "license-delegate",
            LicenseRefused::Widened(_) => "license-widened",
            LicenseRefused::TooLong => "license-too-long",
            LicenseRefused::TooDeep => "license-too-deep",
        }
    }
}

/// Verifies a consumer's license with every delegation behind it.
///
/// The license is read from the octets that were verified, and from nothing else. Certificates
/// are believed under `roots` alone, whatever the document says of itself.
///
/// # Errors
///
/// [`LicenseRefused`], see its variants.
pub fn verify(
    engine: &dyn Engine,
    document: &[u8],
    roots: &TrustRoots,
) -> Result<LicenseReport, LicenseRefused> {
    let own = Verified::of(engine, document, roots)?;
    if own.license.kind != LicenseKind::Consumer {
        return Err(LicenseRefused::Kind(own.license.kind));
    }
    let delegations = verify_behind(engine, &own, roots, LICENSE_CHAIN_MAX)?;
    Ok(LicenseReport {
        license: own.license,
        licensor_subject: own.certificate.subject,
        delegations: delegations.into_iter().map(|by| by.license).collect(),
    })
}

/// Verifies the delegations behind a license, the nearest first, if the chain has at most
/// `longest` licenses with it.
pub(super) fn verify_behind(
    engine: &dyn Engine,
    own: &Verified,
    roots: &TrustRoots,
    longest: usize,
) -> Result<Vec<Verified>, LicenseRefused> {
    let mut behind: Vec<Verified> = Vec::new();
    loop {
        let granted = behind.last().unwrap_or(own);
        let Some(document) = &granted.license.delegated_by else {
            return Ok(behind);
        };
        if behind.len() + 1 >= longest {
            return Err(LicenseRefused::TooDeep);
        }
        let by = Verified::of(engine, document, roots)?;
        check_delegated(&granted.license, &granted.certificate, &by.license)?;
        behind.push(by);
    }
}

/// A license whose octets were verified, with the certificate that vouches for it.
pub(super) struct Verified {
    pub(super) license: License,
    /// The certificates in DER, the licensor's own first.
    pub(super) chain: Vec<Vec<u8>>,
    certificate: EndCertificate,
}

impl Verified {
    pub(super) fn of(
        engine: &dyn Engine,
        document: &[u8],
        roots: &TrustRoots,
    ) -> Result<Verified, LicenseRefused> {
        let envelope = Envelope::read(document).ok_or(LicenseRefused::Form)?;
        let octets = envelope.body.canonical();
        if engine.digest(&[&octets]) != envelope.digest {
            return Err(LicenseRefused::Digest);
        }
        let certificates = &envelope.certificates;
        let own = certificates
            .first()
            .ok_or(LicenseRefused::Licensor(ChainRefused::Malformed))?;
        let certificate = EndCertificate::parse(own).map_err(LicenseRefused::Licensor)?;
        engine
            .verify(
                envelope.algorithm,
                &certificate.public_key_spki_der,
                &envelope.signed_octets(),
                &envelope.value,
            )
            .map_err(|_| LicenseRefused::Value)?;
        let license = license_of(&octets).ok_or(LicenseRefused::Form)?;
        license.check()?;
        let named = &license.licensor;
        if named.certificate_sha256 != engine.digest(&[own])
            || named.issuers_sha256 != issuers_digest(engine, certificates)
        {
            return Err(LicenseRefused::OtherCertificate);
        }
        let role = CertificateRole::Licensor;
        let certificate = roots
            .judge(engine, certificates, role, license.issued_at_unix_s)
            .map_err(LicenseRefused::Licensor)?;
        Ok(Verified {
            license,
            certificate,
            chain: envelope.certificates,
        })
    }
}

/// Checks that a license by the holder of a certificate lies within the delegation to it.
fn check_delegated(
    license: &License,
    certificate: &EndCertificate,
    by: &License,
) -> Result<(), LicenseRefused> {
    if by.kind != LicenseKind::Delegation {
        return Err(LicenseRefused::Kind(by.kind));
    }
    if by.delegate_key() != Some(&certificate.public_key_spki_der) {
        return Err(LicenseRefused::Delegate);
    }
    license.check_within(by)?;
    Ok(())
}

/// Checks, before a license is signed, that a reader will find it within its delegation. Whether
/// the delegation itself is believed is for the reader to say.
pub(super) fn check_before_signing(
    license: &License,
    certificate: &EndCertificate,
) -> Result<(), LicenseRefused> {
    match &license.delegated_by {
        Some(document) => {
            let (by, _) = opened(document)?;
            check_delegated(license, certificate, &by)
        }
        None => Ok(()),
    }
}

/// The same where the delegation was read before.
pub(super) fn check_under(
    license: &License,
    certificate: &EndCertificate,
    delegation: Option<&Delegation>,
) -> Result<(), LicenseRefused> {
    if license.delegated_by.as_deref() != delegation.map(Delegation::document) {
        return Err(LicenseRefused::Form);
    }
    match delegation {
        Some(by) => check_delegated(license, certificate, by.license()),
        None => Ok(()),
    }
}
