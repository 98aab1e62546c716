//! A private key with its certificates, ready to sign.

use std::sync::Arc;

use colophon_crypto::{Mismatch, SignatureAlgorithm};
use colophon_title::license::LicenseSigner;
use colophon_title::trust::{CertificateRole, EndCertificate};
use colophon_title::{Signer, SignerRole, SigningFailed};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::CenterKey;
use crate::pem::{certificates_from_pem, certificates_to_pem};
use crate::{PrivateKey, PrivateKeyError};

/// Why a key and its certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// The private key cannot be used.
    #[error("the private key cannot be used")]
    Key(#[source] PrivateKeyError),
    /// A certificate cannot be read.
    #[error("a certificate cannot be read")]
    Certificate,
    /// The first certificate does not have exactly one of Colophon's roles.
    #[error("the first certificate is not for exactly one role")]
    Role,
    /// The first certificate is for another key.
    #[error("the key and its certificate do not belong together")]
    KeyAndCertificate,
    /// The certificates are not in order, each issued by the next.
    #[error("the certificates are not a chain, each issued by the next")]
    Chain,
}

/// A private key with the certificates that say what it is for. Cheap to clone.
#[derive(Clone)]
pub struct Leaf {
    role: CertificateRole,
    key: Arc<PrivateKey>,
    chain: Vec<Vec<u8>>,
}

impl Leaf {
    pub(super) fn of(role: CertificateRole, key: PrivateKey, chain: Vec<Vec<u8>>) -> Leaf {
        Leaf {
            role,
            key: Arc::new(key),
            chain,
        }
    }

    /// Takes over a key in PKCS#8 PEM and its certificates in PEM, its own first. A root at the
    /// end is left out, since whoever trusts it has it. The signatures of the certificates are
    /// not checked here but by whoever trusts a root.
    ///
    /// # Errors
    ///
    /// [`LeafError`].
    pub fn from_pem(key_pem: &str, chain_pem: &str) -> Result<Leaf, LeafError> {
        let key = PrivateKey::from_pem(key_pem).map_err(LeafError::Key)?;
        let chain = certificates_from_pem(chain_pem).map_err(|_| LeafError::Certificate)?;
        Leaf::joined(key, chain)
    }

    /// Takes over a key in PKCS#8 DER and its certificates in DER, as [`Leaf::from_pem`] does.
    ///
    /// # Errors
    ///
    /// [`LeafError`].
    pub fn from_der(pkcs8_der: &[u8], chain: &[Vec<u8>]) -> Result<Leaf, LeafError> {
        let key = PrivateKey::from_der(pkcs8_der).map_err(LeafError::Key)?;
        Leaf::joined(key, chain.to_vec())
    }

    fn joined(key: PrivateKey, mut chain: Vec<Vec<u8>>) -> Result<Leaf, LeafError> {
        let own = chain.first().ok_or(LeafError::Certificate)?;
        let own = EndCertificate::parse(own).map_err(|_| LeafError::Role)?;
        if own.public_key_spki_der != key.public_spki_der() {
            return Err(LeafError::KeyAndCertificate);
        }
        let ends_in_root = check_chain(&chain)?;
        if ends_in_root && chain.len() > 1 {
            chain.pop();
        }
        Ok(Leaf::of(own.role, key, chain))
    }

    /// What the certificate is for.
    #[must_use]
    pub fn role(&self) -> CertificateRole {
        self.role
    }

    /// The algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    /// The certificates in DER: its own first, then its issuers; the root is left out.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The certificates in PEM.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        certificates_to_pem(&self.chain)
    }

    /// The private key in PKCS#8 PEM, wiped from memory when dropped.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pem()
    }

    /// The private key in PKCS#8 DER, wiped from memory when dropped.
    #[must_use]
    pub fn key_der(&self) -> Zeroizing<Vec<u8>> {
        self.key.to_der()
    }

    /// Signs `message` (not a digest of it), see [`PrivateKey::sign`].
    ///
    /// # Errors
    ///
    /// [`PrivateKeyError::Library`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, PrivateKeyError> {
        self.key.sign(message)
    }

    /// This key as a signer of titles, if its certificate is for that.
    #[must_use]
    pub fn signer(&self) -> Option<LeafSigner> {
        let role = match self.role {
            CertificateRole::Tool => SignerRole::Tool,
            CertificateRole::Owner => SignerRole::Owner,
            CertificateRole::Provider => SignerRole::Provider,
            CertificateRole::Licensor
            | CertificateRole::Activation
            | CertificateRole::Center
            | CertificateRole::Retailer => {
                return None;
            }
        };
        Some(LeafSigner {
            role,
            leaf: self.clone(),
        })
    }

    /// This key as one that opens upload forms, if its certificate is for that.
    #[must_use]
    pub fn center_key(&self) -> Option<CenterKey> {
        (self.role == CertificateRole::Center).then(|| CenterKey::new(self.clone()))
    }

    /// Decrypts, see [`PrivateKey::decrypt`].
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if this is no RSA key or the ciphertext is not for it.
    pub fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Mismatch> {
        self.key.decrypt(ciphertext)
    }

    /// This key as a signer of licenses, if its certificate is for that.
    #[must_use]
    pub fn licensor(&self) -> Option<LeafLicensor> {
        (self.role == CertificateRole::Licensor).then(|| LeafLicensor { leaf: self.clone() })
    }
}

/// A [`Leaf`] whose certificate is for signing licenses.
#[derive(Clone)]
pub struct LeafLicensor {
    leaf: Leaf,
}

impl LicenseSigner for LeafLicensor {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.leaf.algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.leaf.chain()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.leaf.sign(message).map_err(Into::into)
    }
}

/// Whether the last certificate is a root, if each names the next as its issuer.
fn check_chain(chain: &[Vec<u8>]) -> Result<bool, LeafError> {
    let read: Result<Vec<Certificate>, _> =
        chain.iter().map(|der| Certificate::from_der(der)).collect();
    let bodies: Vec<_> = read
        .map_err(|_| LeafError::Certificate)?
        .into_iter()
        .map(|c| c.tbs_certificate)
        .collect();
    let linked = bodies
        .iter()
        .zip(bodies.iter().skip(1))
        .all(|(one, next)| one.issuer == next.subject);
    if !linked {
        return Err(LeafError::Chain);
    }
    Ok(bodies
        .last()
        .is_some_and(|last| last.issuer == last.subject))
}

/// A [`Leaf`] whose certificate is for signing titles.
#[derive(Clone)]
pub struct LeafSigner {
    role: SignerRole,
    leaf: Leaf,
}

impl LeafSigner {
    /// The key and its certificates.
    #[must_use]
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }
}

impl Signer for LeafSigner {
    fn role(&self) -> SignerRole {
        self.role
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.leaf.algorithm()
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.leaf.chain()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        let failed = |error| SigningFailed::Key {
            role: self.role,
            source: Box::new(error),
        };
        self.leaf.sign(message).map_err(failed)
    }
}
