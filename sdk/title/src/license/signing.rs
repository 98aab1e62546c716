//! Making licenses.

use std::sync::Arc;

use colophon_crypto::{Engine, SignatureAlgorithm};

use super::{License, LicenseRefused, LicenseUnsound, Licensor, Object, ReadyLicensor};
use crate::signature::issuers_digest;

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

impl<S: LicenseSigner + ?Sized> LicenseSigner for &S {
    fn algorithm(&self) -> SignatureAlgorithm {
        (**self).algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        (**self).chain()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        (**self).sign(message)
    }
}

/// A license with its signature, which has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLicense {
    pub(super) document: Vec<u8>,
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
    /// It is longer than [`LICENSE_BYTES_MAX`](super::LICENSE_BYTES_MAX), or does not read back as what was written.
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

/// Signs one license by a licensor that signs no others, see [`ReadyLicensor::sign`].
///
/// # Errors
///
/// [`LicenseSigningFailed`], see its variants.
pub fn sign(
    engine: &dyn Engine,
    license: &License,
    signer: &dyn LicenseSigner,
) -> Result<SignedLicense, LicenseSigningFailed> {
    let object = license.licensor.object.clone();
    ReadyLicensor::new(engine, object, Arc::new(signer))?.sign(engine, license)
}
