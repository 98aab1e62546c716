//! The flow of one activation.
//!
//! Admission comes first and is one transaction; from then on the activation has its place, and
//! whatever fails afterwards is tried again under the same grant without counting anything.

use std::sync::Arc;

use colophon_activation::{FactSalt, InvalidPinnedRoots, MachineFacts};
use colophon_crypto::Engine;
use thiserror::Error;

use super::admit::{Admission, AdmissionRequest, Admitted};
use super::grant::{Grant, GrantState, Progress};
use super::key_pair::PersonaCertificate;
use super::ports::{
    ActivationAuthority, Activations, AuthorityFailed, Grants, Individual, LicenseRoots, NotKept,
    RepositoryFailed, RepositoryOrder, RepositoryWorker, StatementFacts,
};
use super::text::ReaderProduct;
use crate::id::{ActivationRef, GrantRef};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// What the flow is made of.
pub struct Activating {
    /// Counts and keeps activations.
    pub activations: Arc<dyn Activations>,
    /// Tells the pages how far a grant is.
    pub grants: Arc<dyn Grants>,
    /// Certifies and vouches.
    pub authority: Arc<dyn ActivationAuthority>,
    /// Says which roots repositories believe licenses under.
    pub roots: Arc<dyn LicenseRoots>,
    /// Makes repositories.
    pub repository: Arc<dyn RepositoryWorker>,
    /// Puts together what a reader gets.
    pub packages: Arc<dyn Packages>,
    /// Digests.
    pub engine: Arc<dyn Engine>,
}

/// Writes the package a reader gets.
pub trait Packages: Send + Sync {
    /// The package of these parts, as bytes.
    ///
    /// # Errors
    ///
    /// [`PackageFailed`] if no reader would take it.
    fn package(&self, parts: &PackageParts<'_>) -> Result<Vec<u8>, PackageFailed>;
}

/// No package was made.
#[derive(Debug, Error)]
#[error("the parts make no package")]
pub struct PackageFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What goes into a package.
#[derive(Debug, Clone, Copy)]
pub struct PackageParts<'a> {
    /// The signed statement.
    pub statement: &'a str,
    /// The persona's certificate in DER.
    pub certificate: &'a [u8],
    /// The authority's certificates in DER, its own first.
    pub authority: &'a [Vec<u8>],
    /// The repository.
    pub individual: &'a Individual,
    /// What the machine's facts are salted with.
    pub salt: &'a FactSalt,
}

/// A reader that asks with its access token.
#[derive(Debug, Clone)]
pub struct ActivationRequest {
    /// The grant its token belongs to.
    pub grant: Grant,
    /// What its machine is made of.
    pub facts: MachineFacts,
    /// The reader.
    pub reader: ReaderProduct,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Activated. Asked again under the same grant, the reader gets the same bytes.
    Activated {
        /// The activation, to be named when every byte was handed to the connection.
        activation: ActivationRef,
        /// The package.
        package: Vec<u8>,
    },
    /// Everything granted so far is used.
    LimitReached {
        /// When the next activation is granted; none if the total is used up.
        next_allowed_at: Option<Timestamp>,
        /// Activations used.
        used: u32,
    },
    /// No key pair is ready. Nothing was counted; the same request may succeed in a moment.
    PoolEmpty,
    /// The repository workers have too much to do. The activation keeps its place; the same
    /// request goes on with it.
    Busy,
    /// This grant has activated another machine; the person has to sign in for this one.
    OtherMachine,
    /// An operator has withdrawn the persona.
    Withdrawn,
    /// The grant is not one that can be activated with.
    NoGrant,
}

/// Why an activation could not be finished. An admitted one keeps its place.
#[derive(Debug, Error)]
pub enum ActivationFailed {
    /// A database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The authority could not sign.
    #[error(transparent)]
    Authority(#[from] AuthorityFailed),
    /// The package could not be written.
    #[error(transparent)]
    Package(#[from] PackageFailed),
    /// There is nothing a repository could believe licenses under.
    #[error("no repository can be made with the roots that are believed here")]
    Roots(#[from] InvalidPinnedRoots),
    /// The repository could not be made.
    #[error("no repository was made")]
    Repository(#[source] RepositoryFailed),
    /// The persona was withdrawn and reinstated again and again while its package was made.
    #[error("the certificate in the package was revoked while the package was made")]
    CertificateRevoked,
}

/// Why an admitted activation comes to no package now.
enum Unfinished {
    /// Something has become of it in the meantime.
    Over(Outcome),
    /// Something has become of it in the meantime, and admission says what.
    AdmitAgain,
    /// The certificate in the package was revoked while the persona may activate: it was withdrawn
    /// and reinstated in the meantime.
    CertificateRevoked,
    /// Something failed; asked again, it goes on.
    Failed(ActivationFailed),
}

impl<E: Into<ActivationFailed>> From<E> for Unfinished {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Unfinished {
    fn not_kept(reason: NotKept) -> Self {
        match reason {
            NotKept::Withdrawn => Self::Over(Outcome::Withdrawn),
            NotKept::Released => Self::Over(Outcome::NoGrant),
            NotKept::CertificateRevoked => Self::CertificateRevoked,
            NotKept::Unavailable(error) => Self::Failed(error.into()),
        }
    }
}

impl Activating {
    /// Activates a reader.
    ///
    /// # Errors
    ///
    /// [`ActivationFailed`]; the reader may ask again.
    pub async fn activate(
        &self,
        request: &ActivationRequest,
        now: Timestamp,
    ) -> Result<Outcome, ActivationFailed> {
        if !matches!(request.grant.state, GrantState::Approved(_)) {
            return Ok(Outcome::NoGrant);
        }
        let attempt = match self.attempt(request, now).await {
            // Once more, from the admission on, which counts nothing: the next certificate is new,
            // and what has become of an order that is gone is known there.
            Err(Unfinished::CertificateRevoked | Unfinished::AdmitAgain) => {
                self.attempt(request, now).await
            }
            attempt => attempt,
        };
        let outcome = match attempt {
            Ok(outcome) | Err(Unfinished::Over(outcome)) => outcome,
            Err(Unfinished::Failed(failed)) => return Err(failed),
            Err(Unfinished::CertificateRevoked) => {
                return Err(ActivationFailed::CertificateRevoked);
            }
            Err(Unfinished::AdmitAgain) => Outcome::Busy,
        };
        if let Some(progress) = progress(&outcome) {
            self.grants.note(request.grant.record, progress).await?;
        }
        Ok(outcome)
    }

    /// Notes that every byte of a package was handed to the reader's connection.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    pub async fn sent(
        &self,
        grant: GrantRef,
        activation: ActivationRef,
    ) -> Result<(), Unavailable> {
        let sent = Progress::Sent { activation };
        self.grants.note(grant, sent).await
    }

    /// Admits and finishes.
    async fn attempt(
        &self,
        request: &ActivationRequest,
        now: Timestamp,
    ) -> Result<Outcome, Unfinished> {
        let grant = request.grant.record;
        let admission = AdmissionRequest {
            grant,
            facts: request.facts.clone(),
            reader: request.reader.clone(),
        };
        Ok(match self.activations.admit(&admission, now).await? {
            Admission::Admitted(admitted) => self.finish(grant, *admitted, request, now).await?,
            Admission::Finished {
                activation,
                package,
            } => Outcome::Activated {
                activation,
                package,
            },
            Admission::LimitReached {
                next_allowed_at,
                used,
            } => Outcome::LimitReached {
                next_allowed_at,
                used,
            },
            Admission::PoolEmpty => Outcome::PoolEmpty,
            Admission::OtherMachine => Outcome::OtherMachine,
            Admission::Withdrawn => Outcome::Withdrawn,
            Admission::NoGrant => Outcome::NoGrant,
        })
    }

    /// Takes the private key along, which nobody keeps here once the repository is ordered.
    async fn finish(
        &self,
        grant: GrantRef,
        admitted: Admitted,
        request: &ActivationRequest,
        now: Timestamp,
    ) -> Result<Outcome, Unfinished> {
        let activation = admitted.activation;
        self.grants
            .note(grant, Progress::Admitted { activation })
            .await?;
        let certificate = self.certificate(&admitted, now).await?;
        let Admitted {
            persona,
            machine,
            salt,
            key_pair,
            ..
        } = admitted;
        let order = RepositoryOrder {
            activation,
            persona: persona.clone(),
            machine,
            facts: request.facts.clone(),
            roots: self.roots.pinned()?,
            pkcs8: key_pair.pkcs8,
        };
        let individual = match self.repository.individualize(order).await {
            Ok(individual) => individual,
            Err(RepositoryFailed::Busy) => return Err(Unfinished::Over(Outcome::Busy)),
            Err(RepositoryFailed::Gone) => return Err(Unfinished::AdmitAgain),
            Err(RepositoryFailed::Unavailable(unavailable)) => return Err(unavailable.into()),
            Err(broken @ RepositoryFailed::Broken(_)) => {
                return Err(ActivationFailed::Repository(broken).into());
            }
        };
        let digest = |bytes: &[u8]| self.engine.digest(&[bytes]);
        let facts = StatementFacts {
            persona,
            machine,
            salt,
            certificate: digest(&certificate.der),
            module: digest(&individual.module),
            sealed_key: digest(&individual.sealed_key),
            issued_at: now,
        };
        let statement = self.authority.state(&facts).await?;
        let package = self.packages.package(&PackageParts {
            statement: &statement,
            certificate: &certificate.der,
            authority: self.authority.chain(),
            individual: &individual,
            salt: &salt,
        })?;
        let kept = self
            .activations
            .finish(activation, &certificate, package, now)
            .await;
        let package = kept.map_err(Unfinished::not_kept)?;
        Ok(Outcome::Activated {
            activation,
            package,
        })
    }

    /// The persona's certificate, issued now if it has none that lasts.
    async fn certificate(
        &self,
        admitted: &Admitted,
        now: Timestamp,
    ) -> Result<PersonaCertificate, Unfinished> {
        if let Some(certificate) = &admitted.certificate
            && certificate.lasts(now)
        {
            return Ok(certificate.clone());
        }
        let key = &admitted.key_pair.public;
        let issued = self.authority.certify(&admitted.persona, key, now).await?;
        let kept = self
            .activations
            .keep_certificate(admitted.record, &issued, now)
            .await;
        kept.map_err(Unfinished::not_kept)
    }
}

/// What the person's page is told.
fn progress(outcome: &Outcome) -> Option<Progress> {
    match *outcome {
        Outcome::Activated { activation, .. } => Some(Progress::Made { activation }),
        Outcome::LimitReached {
            next_allowed_at, ..
        } => Some(Progress::LimitReached { next_allowed_at }),
        Outcome::PoolEmpty => Some(Progress::AwaitsKeys),
        Outcome::Busy | Outcome::OtherMachine | Outcome::Withdrawn | Outcome::NoGrant => None,
    }
}
