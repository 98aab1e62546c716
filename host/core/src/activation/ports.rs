//! What activation needs from the world, each a small trait that an adapter keeps.

use async_trait::async_trait;
use colophon_activation::{
    FactSalt, InvalidPinnedRoots, MachineFacts, MachineId, PersonaId, PinnedRoots,
};
use thiserror::Error;
use zeroize::Zeroizing;

use super::admit::{Admission, AdmissionRequest};
use super::device::Device;
use super::grant::{Decision, Grant, NewGrant, Polled, Progress};
use super::key_pair::{PersonaCertificate, PersonaKeyPair, PersonaPublicKey};
use super::persona::{Account, ExternalIdentity, NewAccount, PasswordHash, Persona};
use super::session::{Session, SessionContent};
use super::settings::ActivationSettings;
use super::text::{DeviceName, Username};
use super::token::TokenDigest;
use crate::id::{ActivationRef, DeviceRef, GrantRef, PersonaRef};
use crate::ports::Unavailable;
use crate::time::Timestamp;

/// Why an account was not made.
#[derive(Debug, Error)]
pub enum SignUpRefused {
    /// Somebody signs in with this name already, or it is the persona of somebody else.
    #[error("the name is taken")]
    UsernameTaken,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why somebody whom a provider vouches for has no persona.
#[derive(Debug, Error)]
pub enum IdentityRefused {
    /// The persona id is that of another account, or of the same subject at another issuer.
    #[error("the persona belongs to somebody else")]
    PersonaTaken,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Personas and the accounts behind them.
#[async_trait]
pub trait Personas: Send + Sync {
    /// Makes a built-in account with its persona.
    async fn sign_up(
        &self,
        account: &NewAccount,
        now: Timestamp,
    ) -> Result<PersonaRef, SignUpRefused>;

    /// The account of this name.
    async fn account(&self, username: &Username) -> Result<Option<Account>, Unavailable>;

    /// The account of this persona; one that signs in at a provider has none.
    async fn account_of(&self, persona: PersonaRef) -> Result<Option<Account>, Unavailable>;

    /// Keeps another hash of the same password, made with newer parameters, in the place of
    /// `former`. False if the password was changed in the meantime.
    async fn rehash(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        rehashed: &PasswordHash,
    ) -> Result<bool, Unavailable>;

    /// Replaces the password whose hash is `former`, ends all sessions of the persona and makes its
    /// reset tokens worthless. False if the password was changed in the meantime.
    async fn change_password(
        &self,
        persona: PersonaRef,
        former: &PasswordHash,
        password: &PasswordHash,
    ) -> Result<bool, Unavailable>;

    /// Writes down a token that lets its bearer choose a new password, once. Earlier ones are
    /// worthless from then on.
    async fn begin_reset(
        &self,
        persona: PersonaRef,
        token: &TokenDigest,
        until: Timestamp,
    ) -> Result<(), Unavailable>;

    /// The name of the account whose password the token may reset now.
    async fn reset_for(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Username>, Unavailable>;

    /// Takes the token, and otherwise does what [`Personas::change_password`] does, in one
    /// transaction. None if the token is worthless.
    async fn finish_reset(
        &self,
        token: &TokenDigest,
        password: &PasswordHash,
        now: Timestamp,
    ) -> Result<Option<PersonaRef>, Unavailable>;

    /// The persona of somebody whom a provider vouches for, made when it is first seen. It is found
    /// by issuer and subject, never by persona id, and its profile follows the provider's.
    async fn identify(
        &self,
        identity: &ExternalIdentity,
        now: Timestamp,
    ) -> Result<PersonaRef, IdentityRefused>;

    /// The persona of this record, unless it was erased.
    async fn persona(&self, record: PersonaRef) -> Result<Option<Persona>, Unavailable>;

    /// Erases a persona: account, name, address, machines' facts, key pair, sessions. What is left
    /// tells that somebody activated something on a day. What the persona bought opens on no
    /// further device. False if there is no such persona.
    async fn erase(&self, record: PersonaRef, now: Timestamp) -> Result<bool, Unavailable>;
}

/// Browsers' sessions, found by the digest of their token.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session.
    async fn begin(
        &self,
        token: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable>;

    /// The session, unless it has ended.
    async fn session(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Session>, Unavailable>;

    /// Ends one session and begins another in its place, in one transaction: whoever knew the old
    /// token knows nothing after somebody has signed in.
    async fn rotate(
        &self,
        old: &TokenDigest,
        new: &TokenDigest,
        content: &SessionContent,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<(), Unavailable>;

    /// Ends a session. False if there is none: of two requests that end one, one did it.
    async fn end(&self, token: &TokenDigest) -> Result<bool, Unavailable>;
}

/// Why a grant was not written down.
#[derive(Debug, Error)]
pub enum GrantNotOpened {
    /// Another grant has this user code: draw another.
    #[error("the user code is taken")]
    CodeTaken,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Readers' requests to be activated.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Writes a request down. Its person may decide for
    /// [`WAITING_MS`](super::grant::WAITING_MS).
    async fn open(&self, grant: &NewGrant, now: Timestamp) -> Result<(), GrantNotOpened>;

    /// The grant with this user code, if its person can still decide or has decided, and the time
    /// for that, or for fetching, is not over.
    async fn by_user_code(
        &self,
        code: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Grant>, Unavailable>;

    /// A grant, for the pages that show its progress.
    async fn grant(&self, record: GrantRef) -> Result<Option<Grant>, Unavailable>;

    /// Writes down what the person decided. False if it is too late, or was decided before; an
    /// approved reader may fetch its package for [`FETCHING_MS`](super::grant::FETCHING_MS).
    async fn decide(
        &self,
        record: GrantRef,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// What a reader finds that asks with its device code; none if there is no such code.
    async fn poll(
        &self,
        device_code: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Polled>, Unavailable>;

    /// Gives an approved grant its access token, in the place of an earlier one that the reader may
    /// not have received. False if there is no such approved grant, or its day is over.
    async fn redeem(
        &self,
        record: GrantRef,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// The grant with this access token, unless its day is over.
    async fn by_access_token(
        &self,
        token: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Grant>, Unavailable>;

    /// Notes what has become of an approved grant, for the page its person looks at.
    async fn note(&self, record: GrantRef, progress: Progress) -> Result<(), Unavailable>;
}

/// Why what was made for an admitted activation was not kept. It is not to be handed out.
#[derive(Debug, Error)]
pub enum NotKept {
    /// Since the admission an operator has withdrawn the persona, or it was erased.
    #[error("the persona was withdrawn")]
    Withdrawn,
    /// Since the admission the machine was released, or its activation given back.
    #[error("the machine was released")]
    Released,
    /// Since the admission the certificate in the package was revoked, though the persona may
    /// activate again: an operator has withdrawn and reinstated it.
    #[error("the certificate was revoked")]
    CertificateRevoked,
    /// The database did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What a persona has activated, and what it may.
#[async_trait]
pub trait Activations: Send + Sync {
    /// Admits a machine under the persona's quota, as one transaction: quota, device, the dated
    /// list, and the persona's key pair, which is taken from the pool if it has none. The machine
    /// is admitted or it is not; asked again under the same grant, it is admitted again and
    /// nothing more is counted.
    async fn admit(
        &self,
        request: &AdmissionRequest,
        now: Timestamp,
    ) -> Result<Admission, Unavailable>;

    /// Keeps a persona's new certificate, and says which one is the persona's: another activation
    /// may have been first.
    async fn keep_certificate(
        &self,
        record: PersonaRef,
        certificate: &PersonaCertificate,
        now: Timestamp,
    ) -> Result<PersonaCertificate, NotKept>;

    /// Keeps the package of an admitted activation, and gives back the one that is kept: another
    /// request under the same grant may have been first. A package hands its certificate out, so
    /// that has to be one of the persona's that is not revoked.
    async fn finish(
        &self,
        activation: ActivationRef,
        certificate: &PersonaCertificate,
        package: Vec<u8>,
        now: Timestamp,
    ) -> Result<Vec<u8>, NotKept>;

    /// A persona's machines, the most recently registered first.
    async fn devices(&self, record: PersonaRef) -> Result<Vec<Device>, Unavailable>;

    /// Notes that the person does not use a machine any more. What it has activated stays counted,
    /// and the grants that activated it end: nothing more is fetched with them. False if the persona has no such machine in use.
    async fn release(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        now: Timestamp,
    ) -> Result<bool, Unavailable>;

    /// Gives a machine in use another name. False if the persona has no such machine.
    async fn rename(
        &self,
        record: PersonaRef,
        device: DeviceRef,
        name: &DeviceName,
    ) -> Result<bool, Unavailable>;
}

/// The settings an operator makes for all personas.
#[async_trait]
pub trait Settings: Send + Sync {
    /// What holds now.
    async fn settings(&self) -> Result<ActivationSettings, Unavailable>;

    /// Replaces them.
    async fn set(&self, settings: &ActivationSettings, now: Timestamp) -> Result<(), Unavailable>;
}

/// Key pairs made ahead, waiting for personas. They are taken by [`Activations::admit`].
#[async_trait]
pub trait KeyPool: Send + Sync {
    /// How many wait.
    async fn waiting(&self) -> Result<u64, Unavailable>;

    /// Adds one.
    async fn add(&self, pair: &PersonaKeyPair, now: Timestamp) -> Result<(), Unavailable>;
}

/// The activation authority could not sign.
#[derive(Debug, Error)]
#[error("the activation authority cannot sign")]
pub struct AuthorityFailed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// What the activation authority vouches for in a device's statement: this persona's certificate
/// and this module belong to this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// The persona.
    pub persona: PersonaId,
    /// The machine.
    pub machine: MachineId,
    /// What the machine's facts are salted with.
    pub salt: FactSalt,
    /// SHA-256 of the persona's certificate.
    pub certificate: [u8; 32],
    /// SHA-256 of the module.
    pub module: [u8; 32],
    /// SHA-256 of the sealed private key.
    pub sealed_key: [u8; 32],
    /// When it is issued.
    pub issued_at: Timestamp,
}

/// The authority that certifies personas and vouches for their devices.
#[async_trait]
pub trait ActivationAuthority: Send + Sync {
    /// Certifies a persona's public key.
    async fn certify(
        &self,
        persona: &PersonaId,
        key: &PersonaPublicKey,
        now: Timestamp,
    ) -> Result<PersonaCertificate, AuthorityFailed>;

    /// Signs a statement about a device, in its compact form.
    async fn state(&self, facts: &StatementFacts) -> Result<String, AuthorityFailed>;

    /// The authority's certificates in DER: its own first, then its issuers; the root is left out.
    fn chain(&self) -> &[Vec<u8>];
}

/// The roots that this service believes licenses under.
pub trait LicenseRoots: Send + Sync {
    /// All of them, as they are now.
    ///
    /// # Errors
    ///
    /// [`InvalidPinnedRoots`] if there are none, or more than a repository is made with.
    fn pinned(&self) -> Result<PinnedRoots, InvalidPinnedRoots>;
}

/// A secure repository to be made.
pub struct RepositoryOrder {
    /// The activation it is for; the same again when the reader asks again.
    pub activation: ActivationRef,
    /// For this persona,
    pub persona: PersonaId,
    /// on this machine,
    pub machine: MachineId,
    /// which is made of this.
    pub facts: MachineFacts,
    /// The roots it will believe licenses under, and no others.
    pub roots: PinnedRoots,
    /// The persona's private key in PKCS #8, DER, which only this repository will be able to use.
    pub pkcs8: Zeroizing<Vec<u8>>,
}

/// A secure repository for one persona on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Individual {
    /// The WebAssembly module.
    pub module: Vec<u8>,
    /// The persona's private key, sealed to the module on this machine.
    pub sealed_key: Vec<u8>,
}

/// No repository was made.
#[derive(Debug, Error)]
pub enum RepositoryFailed {
    /// Too many are being made; the same order may succeed later.
    #[error("too many repositories are being made")]
    Busy,
    /// The order ended before anything came of it: the activation has its package already, or its
    /// machine or persona is gone. Admission knows which.
    #[error("the order is gone")]
    Gone,
    /// It cannot be made.
    #[error("the repository cannot be made")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Where the order is kept did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Makes secure repositories, or has them made by [workers elsewhere](super::repository_orders).
#[async_trait]
pub trait RepositoryWorker: Send + Sync {
    /// Makes one.
    async fn individualize(&self, order: RepositoryOrder) -> Result<Individual, RepositoryFailed>;
}
