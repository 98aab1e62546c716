//! The activation flow put together: who certifies, who makes repositories, who writes packages.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;
use colophon_activation::{
    ActivationPackage, CertificateChain, CertificateHash, ContentHash, PersonaId, SignedStatement,
    Statement, StatementSigner,
};
use colophon_core::activation::activate::{Activating, PackageFailed, PackageParts, Packages};
use colophon_core::activation::key_pair::{PersonaCertificate, PersonaPublicKey};
use colophon_core::activation::ports::{
    ActivationAuthority, AuthorityFailed, RepositoryWorker, StatementFacts,
};
use colophon_core::time::Timestamp;
use colophon_crypto::{Engine, SignatureAlgorithm};
use colophon_keys::{ActivationIssuer, PrivateKey, PrivateKeyError, TrustFolder};

use super::{House, activation_issuer};

/// The flow on this house's database and keys, for licenses under the roots of `trust`.
pub(super) async fn activating(
    house: &House,
    trust: Arc<TrustFolder>,
    repository: Arc<dyn RepositoryWorker>,
) -> Result<Activating> {
    let issuer = activation_issuer(house).await?;
    let key = PrivateKey::from_pem(&issuer.authority().key_pem())?;
    let authority = Authority {
        issuer,
        key,
        engine: Arc::clone(&house.engine),
    };
    Ok(Activating {
        activations: house.activation.clone(),
        grants: house.activation.clone(),
        authority: Arc::new(authority),
        roots: trust,
        repository,
        packages: Arc::new(Writer),
        engine: Arc::clone(&house.engine),
    })
}

/// The activation authority of this house.
struct Authority {
    issuer: ActivationIssuer,
    key: PrivateKey,
    engine: Arc<dyn Engine>,
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> AuthorityFailed {
    AuthorityFailed(Box::new(error))
}

#[async_trait]
impl ActivationAuthority for Authority {
    async fn certify(
        &self,
        persona: &PersonaId,
        key: &PersonaPublicKey,
        now: Timestamp,
    ) -> Result<PersonaCertificate, AuthorityFailed> {
        self.issuer.certify(persona, key, now).map_err(failed)
    }

    async fn state(&self, facts: &StatementFacts) -> Result<String, AuthorityFailed> {
        let statement = Statement {
            persona: facts.persona.clone(),
            machine: facts.machine,
            salt: facts.salt,
            certificate: CertificateHash::from_bytes(facts.certificate),
            module: ContentHash::from_bytes(facts.module),
            sealed_key: ContentHash::from_bytes(facts.sealed_key),
            issued_at: facts.issued_at.unix_seconds(),
        };
        let signed = statement.sign(&*self.engine, self).map_err(failed)?;
        Ok(signed.to_string())
    }

    fn chain(&self) -> &[Vec<u8>] {
        self.issuer.chain()
    }
}

impl StatementSigner for Authority {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    fn certificate_der(&self) -> &[u8] {
        self.issuer.authority().certificate_der()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let signature: Result<_, PrivateKeyError> = self.key.sign(message);
        Ok(signature?)
    }
}

/// Writes packages as readers take them.
struct Writer;

impl Packages for Writer {
    fn package(&self, parts: &PackageParts<'_>) -> Result<Vec<u8>, PackageFailed> {
        let mut certificates = vec![parts.certificate.to_vec()];
        certificates.extend_from_slice(parts.authority);
        let statement = SignedStatement::parse(parts.statement);
        let certificates = CertificateChain::new(certificates);
        let package = ActivationPackage {
            statement: statement.map_err(|error| PackageFailed(Box::new(error)))?,
            certificates: certificates.map_err(|error| PackageFailed(Box::new(error)))?,
            sealed_key: parts.individual.sealed_key.clone(),
            module: parts.individual.module.clone(),
        };
        Ok(package.to_json())
    }
}
