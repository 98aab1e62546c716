//! Whom licenses are made for: personas, by their activation certificates.
//!
//! A certificate comes with the request, sealed to the center; or it is known from before; or a
//! registration server has it. However it was obtained, it is judged in the same way each time it
//! is used.

use async_trait::async_trait;
use colophon_activation::{CertificateChain, FormRefused, Malformed, PersonaId};
use colophon_crypto::PublicKey;
use colophon_receipt::{CenterId, UnixSeconds};
use colophon_title::trust::{CertificateRole, ChainRefused, EndCertificate};
use thiserror::Error;

use crate::code::Code;
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// Knows whose certificates are believed, for what, and which have been revoked.
pub trait Trust: Send + Sync {
    /// Judges a chain (DER, the end certificate first, the root left out) for a role at a time.
    fn judge(
        &self,
        chain: &[Vec<u8>],
        role: CertificateRole,
        at: UnixSeconds,
    ) -> Result<EndCertificate, ChainRefused>;
}

/// The activation certificates that a center knows of personas.
#[async_trait]
pub trait Principals: Send + Sync {
    /// The persona's certificate that was kept last. Nobody has judged it since.
    async fn certificate_of(
        &self,
        center: &CenterId,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, Unavailable>;

    /// Keeps a persona's certificate in place of the one before. Nobody waits for it: if it is
    /// lost, the buyer supplies it once more.
    fn keep(
        &self,
        center: &CenterId,
        persona: &PersonaId,
        chain: &CertificateChain,
        now: Timestamp,
    );
}

/// A server that knows the activation certificates of personas.
#[async_trait]
pub trait Registrations: Send + Sync {
    /// The persona's certificate, if the server has one. Nobody has judged it.
    async fn fetch(
        &self,
        persona: &PersonaId,
    ) -> Result<Option<CertificateChain>, RegistrationFailed>;
}

/// The registration server gave no usable answer.
#[derive(Debug, Error)]
#[error("the registration server gave no usable answer")]
pub struct RegistrationFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Why an activation certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CertificateRefused {
    /// The field holds no upload form.
    #[error("the field Certificate holds no upload form")]
    Malformed(#[source] Malformed),
    /// It is sealed to no key of this center.
    #[error("the upload form is sealed to no key of this center")]
    NoKey,
    /// The upload form does not open, is for another center, or outside its time.
    #[error("the upload form is refused")]
    Form(#[source] FormRefused),
    /// The chain is not believed.
    #[error("the certificates are refused")]
    Chain(#[source] ChainRefused),
    /// The certificate is not that of the persona it is said to be of.
    #[error("the certificate is not that of the persona it comes with")]
    NotThePersonas,
    /// Nothing can be encrypted to the certificate's key.
    #[error("the certificate's key is not RSA of 2048 to 4096 bits")]
    Key,
}

impl CertificateRefused {
    /// What a retailer learns of it: only what its buyer can do something about.
    pub fn code(&self) -> Code {
        match self {
            Self::Form(FormRefused::OtherPersona) => Code::CertificateOtherPersona,
            Self::Form(FormRefused::Expired) | Self::Chain(ChainRefused::Time) => {
                Code::CertificateExpired
            }
            Self::Malformed(_)
            | Self::NoKey
            | Self::Form(_)
            | Self::Chain(_)
            | Self::NotThePersonas
            | Self::Key => Code::CertificateRefused,
        }
    }
}

/// Judges a chain as the activation certificate of a persona at a time.
pub(crate) fn judge(
    trust: &dyn Trust,
    chain: &CertificateChain,
    persona: &PersonaId,
    at: UnixSeconds,
) -> Result<(), CertificateRefused> {
    let certificates: Vec<Vec<u8>> = chain.iter().map(<[u8]>::to_vec).collect();
    let judged = trust.judge(&certificates, CertificateRole::Activation, at);
    let certificate = judged.map_err(CertificateRefused::Chain)?;
    if certificate.common_name.as_deref() != Some(persona.as_str()) {
        return Err(CertificateRefused::NotThePersonas);
    }
    match PublicKey::parse(&certificate.public_key_spki_der) {
        Ok(PublicKey::Rsa(_)) => Ok(()),
        Ok(PublicKey::P256(_)) | Err(_) => Err(CertificateRefused::Key),
    }
}
