//! The license: what the holder of one copy may do with it, signed by who may say so.
//!
//! A license is one XML document in the namespace `urn:colophon:license:1`, in canonical form,
//! with exactly one signature over everything else in it. It names the work, the rights with
//! their conditions, the licensor, and the principals that must be authenticated before a right
//! is used. What is not granted is denied.
//!
//! - [`License`] holds what is said; [`License::check`] refuses what makes no sense, before it is
//!   signed and after it is read.
//! - A [`ReadyLicensor`] signs and makes a [`SignedLicense`], [`verify`] judges one, with the whole chain of
//!   delegations behind it. A license is parsed from verified bytes only.
//! - [`License::exercise`] decides whether a right may be used now.
//!
//! What is left to others: where private keys live ([`LicenseSigner`]), which roots are trusted
//! ([`TrustRoots`](crate::TrustRoots)), who authenticates principals, and who keeps the counts.

mod activation;
mod chain;
mod check;
mod delegation;
mod document;
mod envelope;
mod exercise;
mod granting;
mod held;
mod licensor;
mod odrl;
mod opening;
mod principal;
mod rights;
mod shapes;
mod signing;
mod template;
mod terms;
mod text;
mod vain;
mod work;

pub use activation::{ActivationCertificate, ActivationCertificateRefused};
pub use chain::{LicenseRefused, LicenseReport, verify};
pub use check::LicenseUnsound;
pub use delegation::Widened;
pub use exercise::{Circumstances, Denied, Permission};
pub use granting::{DelegationRefused, DelegationTerms};
pub use held::{DELEGATION_BYTES_MAX, Delegation, Grantor};
pub use licensor::ReadyLicensor;
pub use opening::PersonaKey;
pub use principal::{
    Authenticator, Licensor, Principal, PrincipalKind, SecurityClass, Verification,
};
pub use rights::{
    Access, AccessPrincipal, Account, Bundle, Currency, Fee, FeePer, Location, Period, Right,
    RightKind, RightsGroup, Tracking,
};
pub use signing::{LicenseSigner, LicenseSigningFailed, SignedLicense, sign};
pub use template::{RightsTemplate, TemplateRefused};
pub(crate) use terms::LicensedCopy;
pub use terms::{LicenseTerms, LicenseTermsRefused, PERSONA, PersonaTerms, RehearsalFailed};
pub use text::{Line, LineRefused, Reference, ReferenceRefused};
pub use vain::VainRight;
pub use work::{Address, Creator, Object, Owner, Part, Work};

use crate::VersionId;

/// The longest license read, in bytes.
pub const LICENSE_BYTES_MAX: usize = 256 << 10;

/// The longest chain of licenses, the consumer's own included.
pub const LICENSE_CHAIN_MAX: usize = 4;

/// What a license is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LicenseKind {
    /// Grants a consumer the use of one copy. Its holder cannot pass anything on.
    Consumer,
    /// Lets another licensor grant at most what is in it.
    Delegation,
}

impl LicenseKind {
    /// The word in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LicenseKind::Consumer => "consumer",
            LicenseKind::Delegation => "delegation",
        }
    }

    fn from_word(word: &str) -> Option<LicenseKind> {
        [LicenseKind::Consumer, LicenseKind::Delegation]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What a license says. Nothing vouches for it before it comes out of [`verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct License {
    /// What it is for.
    pub kind: LicenseKind,
    /// Its own id.
    pub id: LicenseId,
    /// When it was issued, in seconds since 1970; certificates are judged at this time.
    pub issued_at_unix_s: i64,
    /// What it is, for people.
    pub descriptor: Option<Line>,
    /// What it is about.
    pub work: Work,
    /// What is granted, each group under conditions of its own.
    pub rights: Vec<RightsGroup>,
    /// Who grants it.
    pub licensor: Licensor,
    /// Who must be authenticated, named by the groups' conditions.
    pub principals: Vec<Principal>,
    /// The license by which the licensor may grant this: its document.
    pub delegated_by: Option<Vec<u8>>,
    /// Of a delegation: the first second in which nothing more may be granted under it, since 1970.
    /// What was granted before stays granted. Without an end if absent.
    pub grants_until_unix_s: Option<i64>,
}

impl License {
    /// The principal that a condition names, if the license has it.
    fn principal(&self, named: &AccessPrincipal) -> Option<&Principal> {
        self.principals
            .iter()
            .find(|principal| principal.reference == named.reference)
    }
}

/// The id of a license. Equal purchases have equal ones, so that a license can be made again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LicenseId([u8; 16]);

impl LicenseId {
    /// The id of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> LicenseId {
        LicenseId(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Parses 32 hexadecimal digits in lower case.
    fn parse(text: &str) -> Option<LicenseId> {
        // Ids of versions have the same spelling.
        let id = VersionId::parse(text).ok()?;
        Some(LicenseId(*id.as_bytes()))
    }
}

impl std::fmt::Display for LicenseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        VersionId::from_bytes(self.0).fmt(f)
    }
}
