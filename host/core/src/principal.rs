//! Whom licenses are made for: personas, by their activation certificates.
//!
//! A certificate comes with the request, sealed to the center; or it is known from before; or a
//! registration server has it. However it was obtained, it is judged in the same way each time it
//! is used.

use std::sync::Arc;

use async_trait::async_trait;
use colophon_activation::{CertificateChain, FormRefused, Malformed, PersonaId};
use colophon_receipt::{CenterId, UnixSeconds};
use colophon_title::license::{ActivationCertificate, ActivationCertificateRefused};
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

    /// Likewise, for whoever does not want to know what the certificate says.
    fn believe(
        &self,
        chain: &[Vec<u8>],
        role: CertificateRole,
        at: UnixSeconds,
    ) -> Result<(), ChainRefused> {
        self.judge(chain, role, at).map(drop)
    }

    /// Judges the chain of an activation certificate at a time. Whoever judges one more than once
    /// may read it once, but must judge it each time.
    fn judge_activation(
        &self,
        chain: &CertificateChain,
        at: UnixSeconds,
    ) -> Result<Arc<ActivationCertificate>, CertificateRefused> {
        let judged = self.judge(chain.as_slice(), CertificateRole::Activation, at);
        judged.map_err(CertificateRefused::Chain)?;
        let read = ActivationCertificate::read(chain.own());
        Ok(Arc::new(read?))
    }
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
            // The list of the revoked is there for all to read.
            Self::Chain(ChainRefused::Revoked) => Code::CertificateRevoked,
            Self::Malformed(_)
            | Self::NoKey
            | Self::Form(_)
            | Self::Chain(_)
            | Self::NotThePersonas
            | Self::Key => Code::CertificateRefused,
        }
    }
}

impl From<ActivationCertificateRefused> for CertificateRefused {
    fn from(refused: ActivationCertificateRefused) -> Self {
        match refused {
            ActivationCertificateRefused::Certificate => Self::Chain(ChainRefused::Malformed),
            ActivationCertificateRefused::Key => Self::Key,
        }
    }
}

/// Judges a chain as the activation certificate of a persona at a time.
pub(crate) fn judge(
    trust: &dyn Trust,
    chain: &CertificateChain,
    persona: &PersonaId,
    at: UnixSeconds,
) -> Result<Arc<ActivationCertificate>, CertificateRefused> {
    let certificate = trust.judge_activation(chain, at)?;
    match certificate.common_name() == Some(persona.as_str()) {
        true => Ok(certificate),
        false => Err(CertificateRefused::NotThePersonas),
    }
}
