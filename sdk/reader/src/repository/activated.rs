//! An activation that was found genuine.

use colophon_activation::{
    ActivationPackage, CertificateChain, FactSalt, MachineFacts, MachineId, PackageRefused,
    PersonaId, Statement,
};
use colophon_crypto::Engine;
use colophon_title::TrustRoots;
use colophon_title::trust::{CertificateRole, ChainRefused, validity};
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};

use super::failure::RepositoryFailure;
use super::runtime::{Device, Repository};

/// What a reader was given when it was activated. Its package was verified: nothing of it is used
/// before.
#[derive(Clone, Debug)]
pub struct Activated {
    statement: Statement,
    package: ActivationPackage,
}

/// Why an activation is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationRefused {
    /// The package is damaged, or not what the authority has signed.
    #[error("the activation package was refused")]
    Package(#[from] PackageRefused),
    /// The certificates are not believed.
    #[error("the activation authority is not believed")]
    Certificates(#[from] ChainRefused),
    /// The certificate is another persona's.
    #[error("the activation certificate is that of another persona")]
    OtherPersona,
}

impl ActivationRefused {
    /// A short name that stays the same.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            ActivationRefused::Package(refused) => refused.reason(),
            ActivationRefused::Certificates(refused) => match refused {
                ChainRefused::Malformed => "certificate-malformed",
                ChainRefused::Role => "certificate-role",
                ChainRefused::Links => "certificate-links",
                ChainRefused::Time => "certificate-time",
                ChainRefused::Revoked => "certificate-revoked",
                ChainRefused::Untrusted => "certificate-untrusted",
                ChainRefused::NotPinned | _ => "certificate",
            },
            ActivationRefused::OtherPersona => "other-persona",
        }
    }
}

impl Activated {
    /// Verifies a package: that an activation authority under these roots has signed all of it,
    /// and that its certificate is the persona's. Certificates are judged at the time it was
    /// issued.
    ///
    /// # Errors
    ///
    /// [`ActivationRefused`], see its variants.
    pub fn verify(
        engine: &dyn Engine,
        package: ActivationPackage,
        roots: &TrustRoots,
    ) -> Result<Activated, ActivationRefused> {
        let authority = public_key(package.authority_certificate_der()?)?;
        let statement = package.verify(engine, &authority)?;
        let chain: Vec<Vec<u8>> = package.certificates.iter().map(<[u8]>::to_vec).collect();
        let role = CertificateRole::Activation;
        let own = roots.judge(engine, &chain, role, statement.issued_at.get())?;
        if own.common_name.as_deref() != Some(statement.persona.as_str()) {
            return Err(ActivationRefused::OtherPersona);
        }
        Ok(Activated { statement, package })
    }

    /// Whose activation it is.
    #[must_use]
    pub fn persona(&self) -> &PersonaId {
        &self.statement.persona
    }

    /// The machine it is for.
    #[must_use]
    pub fn machine(&self) -> &MachineId {
        &self.statement.machine
    }

    /// What the machine's facts are digested with.
    #[must_use]
    pub fn salt(&self) -> &FactSalt {
        &self.statement.salt
    }

    /// When it was issued, in seconds since 1970.
    #[must_use]
    pub fn issued_at_unix_s(&self) -> i64 {
        self.statement.issued_at.get()
    }

    /// The activation certificate, with those above it.
    #[must_use]
    pub fn certificates(&self) -> &CertificateChain {
        &self.package.certificates
    }

    /// The last second in which the activation certificate is valid, since 1970.
    #[must_use]
    pub fn certificate_until_unix_s(&self) -> i64 {
        // It was read when it was verified.
        let validity = validity(self.package.certificates.own());
        validity.map_or(i64::MIN, |(_, until)| until)
    }

    /// The secure repository, compiled. This takes a while.
    ///
    /// # Errors
    ///
    /// [`RepositoryFailure`], see its variants.
    pub fn repository(&self) -> Result<Repository, RepositoryFailure> {
        Repository::compile(&self.package.module)
    }

    /// What the repository is told of the machine it runs on now.
    #[must_use]
    pub fn device(&self, facts: &MachineFacts) -> Device {
        Device {
            persona: self.statement.persona.to_string(),
            machine: self.statement.machine.to_string(),
            facts_json: facts.to_json(),
            sealed_key: self.package.sealed_key.clone(),
        }
    }
}

/// The public key of a certificate: DER of its `SubjectPublicKeyInfo`.
fn public_key(certificate_der: &[u8]) -> Result<Vec<u8>, ChainRefused> {
    let certificate =
        Certificate::from_der(certificate_der).map_err(|_| ChainRefused::Malformed)?;
    let key = &certificate.tbs_certificate.subject_public_key_info;
    key.to_der().map_err(|_| ChainRefused::Malformed)
}
