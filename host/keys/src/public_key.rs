//! Public keys of people who sign elsewhere, with tools of their own.

use colophon_crypto::{Engine, Mismatch, SignatureAlgorithm};
use p256::ecdsa::Signature;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use crate::certificates_from_pem;

/// A public key of RSA or P-256 whose signatures are those that common tools make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: SignatureAlgorithm,
    spki_der: Vec<u8>,
}

/// A text or some bytes hold no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("neither a public key of RSA (2048 to 4096 bits) or P-256 in PEM nor a certificate of one")]
pub struct InvalidPublicKey;

impl PublicKey {
    /// Reads a public key, or the one in a certificate. Of the certificate nothing else is looked
    /// at: whoever hands it in says whose it is.
    ///
    /// # Errors
    ///
    /// [`InvalidPublicKey`].
    pub fn from_pem(engine: &dyn Engine, pem: &str) -> Result<PublicKey, InvalidPublicKey> {
        if let Ok(key) = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()) {
            return Self::from_spki(engine, key.to_vec());
        }
        let certificates = certificates_from_pem(pem).map_err(|_| InvalidPublicKey)?;
        let first = certificates.first().ok_or(InvalidPublicKey)?;
        let certificate = Certificate::from_der(first).map_err(|_| InvalidPublicKey)?;
        let spki = certificate.tbs_certificate.subject_public_key_info.to_der();
        Self::from_spki(engine, spki.map_err(|_| InvalidPublicKey)?)
    }

    /// Takes a key as [`spki_der`](Self::spki_der) gives it.
    ///
    /// # Errors
    ///
    /// [`InvalidPublicKey`].
    pub fn from_spki(
        engine: &dyn Engine,
        spki_der: Vec<u8>,
    ) -> Result<PublicKey, InvalidPublicKey> {
        let known = [
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::EcdsaP256Sha256,
        ];
        let fits = |algorithm: &SignatureAlgorithm| engine.verifier(*algorithm, &spki_der).is_ok();
        let algorithm = known.into_iter().find(fits).ok_or(InvalidPublicKey)?;
        Ok(PublicKey {
            algorithm,
            spki_der,
        })
    }

    /// DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// Verifies a signature over SHA-256 of the message: with RSA as RSASSA-PKCS1-v1_5, with P-256
    /// as ECDSA in DER.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the signature does not fit.
    pub fn verify(
        &self,
        engine: &dyn Engine,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Mismatch> {
        match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => {
                engine.verify(self.algorithm, &self.spki_der, message, signature)
            }
            SignatureAlgorithm::EcdsaP256Sha256 => {
                let signature = Signature::from_der(signature).map_err(|_| Mismatch)?;
                let signature = signature.normalize_s().unwrap_or(signature);
                let fixed = signature.to_bytes();
                engine.verify(self.algorithm, &self.spki_der, message, &fixed)
            }
        }
    }
}
