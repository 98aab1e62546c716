//! Making licenses.

use colophon_crypto::{Engine, SignatureAlgorithm};

use super::chain;
use super::envelope::{Envelope, license_of};
use super::{LICENSE_BYTES_MAX, License, LicenseRefused, LicenseUnsound, Licensor, Object};
use crate::signature::issuers_digest;
use crate::trust::{CERTIFICATE_BYTES_MAX, CHAIN_LENGTH_MAX, CertificateRole, EndCertificate};

/// A licensor's private key with its certificates, wherever it lives.
pub trait LicenseSigner: Send + Sync {
    /// The algorithm of the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The certificates in DER: the licensor's own first, then its issuers, the root left out.
    fn chain(&self) -> &[Vec<u8>];

    /// Signs `message` (not a digest of it), as [`Signer::sign`](crate::Signer::sign) does: equal
    /// input gives equal signatures.
    ///
    /// # Errors
    ///
    /// Those of the key's keeper.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// A license with its signature, which has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLicense {
    document: Vec<u8>,
}

impl SignedLicense {
    /// The document.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }
}

/// Why a license was not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LicenseSigningFailed {
    /// It makes no sense.
    #[error("the license makes no sense")]
    Unsound(#[from] LicenseUnsound),
    /// It does not lie within the delegation it names.
    #[error("the license does not lie within its delegation")]
    Delegation(#[source] LicenseRefused),
    /// It is longer than [`LICENSE_BYTES_MAX`], or does not read back as what was written.
    #[error("the license is too long or cannot be written")]
    Form,
    /// The key could not be reached or refused to sign.
    #[error("the licensor's key could not be used")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The certificates are none, too many, or not those of a licensor.
    #[error("the certificates of the licensor cannot be used")]
    Certificates,
    /// What the key signed does not verify under the certificate it came with.
    #[error("the licensor's key and certificate do not belong together")]
    KeyAndCertificate,
}

impl Licensor {
    /// The licensor that holds `signer`, under an id and a name of its own choice.
    #[must_use]
    pub fn of(engine: &dyn Engine, object: Object, signer: &dyn LicenseSigner) -> Licensor {
        let chain = signer.chain();
        let own = chain.first().map(Vec::as_slice).unwrap_or_default();
        Licensor {
            object,
            certificate_sha256: engine.digest(&[own]),
            issuers_sha256: issuers_digest(engine, chain),
        }
    }
}

/// Signs a license. It is checked before, and its signature is verified before it is given out.
/// Equal arguments give equal bytes.
///
/// # Errors
///
/// [`LicenseSigningFailed`], see its variants.
pub fn sign(
    engine: &dyn Engine,
    license: &License,
    signer: &dyn LicenseSigner,
) -> Result<SignedLicense, LicenseSigningFailed> {
    license.check()?;
    let certificate = licensor_certificate(engine, license, signer)?;
    chain::check_before_signing(license, &certificate).map_err(LicenseSigningFailed::Delegation)?;
    let body = license.to_element();
    let octets = body.canonical();
    if license_of(&octets).as_ref() != Some(license) {
        return Err(LicenseSigningFailed::Form);
    }
    let mut envelope = Envelope {
        digest: engine.digest(&[&octets]),
        body,
        algorithm: signer.algorithm(),
        value: Vec::new(),
        certificates: signer.chain().to_vec(),
    };
    let signed = envelope.signed_octets();
    envelope.value = signer.sign(&signed).map_err(LicenseSigningFailed::Key)?;
    // A key that does not fit its certificate is found here, not by the buyer; so is a fault
    // while signing, which could give an RSA key away.
    engine
        .verify(
            envelope.algorithm,
            &certificate.public_key_spki_der,
            &signed,
            &envelope.value,
        )
        .map_err(|_| LicenseSigningFailed::KeyAndCertificate)?;
    let document = envelope.to_document();
    if document.len() > LICENSE_BYTES_MAX {
        return Err(LicenseSigningFailed::Form);
    }
    Ok(SignedLicense { document })
}

fn licensor_certificate(
    engine: &dyn Engine,
    license: &License,
    signer: &dyn LicenseSigner,
) -> Result<EndCertificate, LicenseSigningFailed> {
    let chain = signer.chain();
    let in_bounds = chain.len() <= CHAIN_LENGTH_MAX
        && chain
            .iter()
            .all(|certificate| certificate.len() <= CERTIFICATE_BYTES_MAX);
    let own = chain.first().filter(|_| in_bounds);
    let certificate = own.and_then(|own| EndCertificate::parse(own).ok());
    let certificate = certificate.filter(|own| own.role == CertificateRole::Licensor);
    let named = Licensor::of(engine, license.licensor.object.clone(), signer);
    match certificate {
        Some(certificate) if named == license.licensor => Ok(certificate),
        Some(_) | None => Err(LicenseSigningFailed::Certificates),
    }
}
