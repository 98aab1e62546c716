//! Signatures over a title version and over a copy of it: `META-INF/signatures.xml`.
//!
//! A signature signs a *statement*: which `validation.xml` (and with it every byte of the
//! prefix), in which role, by which certificate, when, over which tool signature and, where
//! it was made for one copy, over which copy. Each `ds:Signature` carries its statement in a
//! `ds:Object` of its own and verifies with any XML Signature implementation.
//!
//! What is left to others: where private keys live ([`Signer`]), which roots are trusted
//! ([`TrustRoots`](crate::trust::TrustRoots)), and which signatures a title must have
//! (`metadata.xml`).

use colophon_crypto::SignatureAlgorithm;

use crate::xml::{self, Caps, Element, Namespace};

mod envelope;
mod refusal;
mod role;
mod signing;
mod statement;
mod verification;

use envelope::{Envelope, Place};
pub use refusal::SignatureRefused;
pub use role::{SignerRole, SignerRoles};
pub use signing::{sign, sign_all};
pub(crate) use statement::issuers_digest;
pub use verification::verify_all;

/// Four signatures of four certificates each fit in well.
const DOCUMENT_CAPS: Caps = Caps {
    bytes_max: 512 << 10,
    elements_max: 128,
    depth_max: 8,
    attributes_max: 16,
};

/// A private key with its certificates, wherever it lives.
pub trait Signer: Send + Sync {
    /// The role the certificate gives to its holder.
    fn role(&self) -> SignerRole;

    /// The algorithm of the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The certificate chain in DER: the signer's own first, then its issuers; the root is
    /// left out.
    fn chain(&self) -> &[Vec<u8>];

    /// Signs `message` (not a digest of it).
    ///
    /// RSA gives PKCS#1 v1.5; ECDSA gives `r ‖ s`, 64 bytes, in low-S form, with the nonce
    /// of RFC 6979, so that equal input gives equal signatures.
    ///
    /// # Errors
    ///
    /// [`SigningFailed`] if the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningFailed>;
}

/// A signer could not sign, or what it gave cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SigningFailed {
    /// The key could not be reached or refused to sign.
    #[error("the {role} key could not be used")]
    Key {
        /// The signer's role.
        role: SignerRole,
        /// What the key's keeper said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificate chain is empty, too long, or not a chain of readable certificates for
    /// the role.
    #[error("the certificates of the {role} signer cannot be used")]
    Certificates {
        /// The signer's role.
        role: SignerRole,
    },
    /// What the key signed does not verify under the certificate it came with.
    #[error("the {role} key and its certificate do not belong together")]
    KeyAndCertificate {
        /// The signer's role.
        role: SignerRole,
    },
    /// An owner or provider signature needs a tool signature to stand over.
    #[error("a {role} signature needs a tool signature")]
    NoToolSignature {
        /// The signer's role.
        role: SignerRole,
    },
    /// The role has signed already, or comes out of turn.
    #[error("a second or misplaced {role} signature")]
    OutOfTurn {
        /// The signer's role.
        role: SignerRole,
    },
}

/// What a signature is to state; role and certificate come from the [`Signer`].
#[derive(Clone, Copy, Debug)]
pub struct StatementTerms {
    /// SHA-256 of the bytes of `META-INF/colophon/validation.xml`.
    pub validation_sha256: [u8; 32],
    /// When it is issued; the validity of the certificates is judged at this time.
    pub issued_at_unix_s: i64,
    /// The copy hash, for a provider signature made per copy.
    pub copy_hash: Option<[u8; 32]>,
}

/// One `ds:Signature` in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureElement {
    envelope: Envelope,
    octets: Vec<u8>,
}

impl SignatureElement {
    fn new(envelope: Envelope) -> SignatureElement {
        let octets = envelope.to_element().canonical();
        SignatureElement { envelope, octets }
    }

    fn place(&self) -> Place {
        self.envelope.signed_info.place
    }

    /// The role it stands in. Nothing is verified yet.
    #[must_use]
    pub fn role(&self) -> SignerRole {
        self.place().role()
    }

    /// Whether it stands where a signature made for one copy does. Nothing is verified yet.
    #[must_use]
    pub fn is_per_copy(&self) -> bool {
        self.place().is_per_copy()
    }

    /// The canonical octets of the element.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

/// What a verified signature says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureReport {
    /// The part the signer played.
    pub role: SignerRole,
    /// The subject of the signer's certificate, for people (RFC 4514).
    pub subject: String,
    /// The issuer of the signer's certificate, for people (RFC 4514).
    pub issuer: String,
    /// SHA-256 of the signer's certificate.
    pub certificate_sha256: [u8; 32],
    /// When it was issued, as signed.
    pub issued_at_unix_s: i64,
    /// Whether it was made for this copy alone.
    pub per_copy: bool,
    /// Whether the certificate leads to a trusted root.
    pub status: SignatureStatus,
}

/// How far an intact signature can be believed. A broken one never gets this far: the file
/// is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureStatus {
    /// The certificate leads to a trusted root.
    Valid,
    /// The signature is intact, but nothing trusted vouches for the certificate.
    Untrusted,
}

/// What the signatures of a file must be about.
#[derive(Clone, Copy, Debug)]
pub struct SignedState {
    /// SHA-256 of the bytes of the file's `validation.xml`.
    pub validation_sha256: [u8; 32],
    /// The copy hash; absent for a title at rest.
    pub copy_hash: Option<[u8; 32]>,
}

/// Writes `signatures.xml`. `signatures` come from [`sign_all`] or [`split`]; where there are
/// none, a file has no such entry.
#[must_use]
pub fn assemble(signatures: &[SignatureElement]) -> Vec<u8> {
    let root = Element::new(Namespace::CONTAINER, "signatures");
    signatures
        .iter()
        .fold(root, |root, signature| {
            root.with_child(signature.envelope.to_element())
        })
        .canonical()
}

/// Reads the signatures of a `signatures.xml` without judging them, so that a provider can
/// add its own.
///
/// # Errors
///
/// [`SignatureRefused::Form`] if it is not byte for byte as [`assemble`] writes it, with at
/// least one signature and each place taken at most once, in order.
pub fn split(signatures_xml: &[u8]) -> Result<Vec<SignatureElement>, SignatureRefused> {
    let root =
        xml::read_canonical(signatures_xml, &DOCUMENT_CAPS).map_err(|_| SignatureRefused::Form)?;
    let signatures: Option<Vec<_>> = root
        .elements()
        .map(|element| Envelope::from_element(element).map(SignatureElement::new))
        .collect();
    let signatures = signatures.ok_or(SignatureRefused::Form)?;
    let in_order = signatures.is_sorted_by(|a, b| a.place() < b.place());
    let as_written = assemble(&signatures) == signatures_xml;
    if signatures.is_empty() || !in_order || !as_written {
        return Err(SignatureRefused::Form);
    }
    Ok(signatures)
}
