//! Who grants, and who must be authenticated.

use super::{Line, Object, Reference};

/// Who grants a license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licensor {
    /// The licensor by id and name.
    pub object: Object,
    /// SHA-256 of the certificate it signs with.
    pub certificate_sha256: [u8; 32],
    /// SHA-256 over the frames of the certificates behind that one, if there are any, so that
    /// none can be exchanged unseen.
    pub issuers_sha256: Option<[u8; 32]>,
}

/// Somebody or something that a right depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// What conditions call it.
    pub reference: Reference,
    /// What it is.
    pub kind: PrincipalKind,
    /// Its id and name.
    pub object: Object,
    /// How it is authenticated.
    pub authenticator: Authenticator,
}

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A program, such as an interpreter of licenses.
    Program,
    /// A machine.
    Device,
    /// A reader.
    Application,
    /// A persona.
    Person,
    /// Another licensor; in delegations only.
    Licensor,
}

impl PrincipalKind {
    /// The word in the document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PrincipalKind::Program => "program",
            PrincipalKind::Device => "device",
            PrincipalKind::Application => "application",
            PrincipalKind::Person => "person",
            PrincipalKind::Licensor => "licensor",
        }
    }

    pub(super) fn from_word(word: &str) -> Option<PrincipalKind> {
        [
            PrincipalKind::Program,
            PrincipalKind::Device,
            PrincipalKind::Application,
            PrincipalKind::Person,
            PrincipalKind::Licensor,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == word)
    }
}

/// How a principal is authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// By what method, such as `activation-certificate`.
    pub method: Line,
    /// Which versions and strength it must have.
    pub class: Option<SecurityClass>,
    /// What it is held against.
    pub verification: Verification,
}

/// How good an authenticated program, device or application must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityClass {
    /// The lowest version, as (major, minor).
    pub version_min: (u32, u32),
    /// The highest version; any later one if absent.
    pub version_max: Option<(u32, u32)>,
    /// The lowest security level.
    pub security_level_min: u32,
}

/// What proves a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It holds the private key of this public key: DER of its `SubjectPublicKeyInfo`.
    PublicKey(Vec<u8>),
    /// What it shows has this SHA-256.
    Sha256([u8; 32]),
}
