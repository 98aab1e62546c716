//! The activation certificate of a persona.

use colophon_crypto::OaepKey;

use crate::trust::{CertificateRole, EndCertificate};

/// A persona's activation certificate, read once, with its key ready to encrypt to. Nothing
/// vouches for it yet.
#[derive(Clone, Debug)]
pub struct ActivationCertificate {
    der: Vec<u8>,
    common_name: Option<String>,
    public_key_spki_der: Vec<u8>,
    key: OaepKey,
}

/// Why a certificate is none that a copy can be licensed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActivationCertificateRefused {
    /// It cannot be read, or is for another role.
    #[error("the persona's certificate is not an activation certificate")]
    Certificate,
    /// Its key is none that a content key can be encrypted to.
    #[error("the persona's public key is not RSA of 2048 to 4096 bits")]
    Key,
}

impl ActivationCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    ///
    /// [`ActivationCertificateRefused`].
    pub fn read(der: &[u8]) -> Result<ActivationCertificate, ActivationCertificateRefused> {
        let refused = |_| ActivationCertificateRefused::Certificate;
        let certificate = EndCertificate::parse(der).map_err(refused)?;
        if certificate.role != CertificateRole::Activation {
            return Err(ActivationCertificateRefused::Certificate);
        }
        let key = OaepKey::parse(&certificate.public_key_spki_der);
        Ok(ActivationCertificate {
            der: der.to_vec(),
            common_name: certificate.common_name,
            public_key_spki_der: certificate.public_key_spki_der,
            key: key.map_err(|_| ActivationCertificateRefused::Key)?,
        })
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The one common name of its subject, which is the persona's id; none if there is none, or
    /// several.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The public key: DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn public_key_spki_der(&self) -> &[u8] {
        &self.public_key_spki_der
    }

    /// The key that content keys are encrypted to.
    pub(super) fn key(&self) -> &OaepKey {
        &self.key
    }
}
