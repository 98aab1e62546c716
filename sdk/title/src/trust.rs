//! Which certificates are believed, for what, and when.
//!
//! A chain is judged at the time its signature states, against roots the reader's owner
//! chose. Every end certificate of Colophon has exactly one role, said by its extended key
//! usage. Revocation lists are consulted whatever their age: a revoked certificate is
//! refused even for what it signed before, because whoever holds a stolen key can also
//! write any time into a statement.
//!
//! What is left to others: fetching roots and lists, and the clock.

use std::borrow::Cow;
use std::time::Duration;

use colophon_crypto::Engine;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{
    CertificateDer, CertificateRevocationListDer, SignatureVerificationAlgorithm, TrustAnchor,
    UnixTime,
};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_cert::der::Decode;

mod certificate;
mod usage;
mod verification;

pub use certificate::{CertificateRole, EndCertificate, validity};
use usage::UsageFor;
use verification::CertificateAlgorithm;

/// The longest chain read, the end certificate included and the root left out.
pub const CHAIN_LENGTH_MAX: usize = 4;

/// The largest certificate read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 16 << 10;

/// Trusted roots with the revocation lists to consult.
///
/// ```
/// use colophon_crypto::Portable;
/// use colophon_title::trust::{CertificateRole, ChainRefused, TrustRoots};
///
/// let mut roots = TrustRoots::new();
/// assert!(roots.add_roots(b"no certificate").is_err());
///
/// let judged = roots.judge(&Portable, &[], CertificateRole::Licensor, 1_767_323_045);
/// assert_eq!(judged, Err(ChainRefused::Malformed));
/// ```
#[derive(Debug, Default)]
pub struct TrustRoots {
    anchors: Vec<TrustAnchor<'static>>,
    /// What the anchors were made of, in their order.
    certificates: Vec<CertificateDer<'static>>,
    revocation_lists: Vec<CertRevocationList<'static>>,
    /// The digests of the roots that count for licensors, where not all do.
    licensor_pins: Option<Vec<[u8; 32]>>,
}

/// A root or revocation list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustRootsError {
    /// Not a certificate of an authority.
    #[error("not the certificate of an authority in DER or PEM")]
    Certificate,
    /// Not a revocation list.
    #[error("not a certificate revocation list in DER or PEM")]
    RevocationList,
}

/// Why a chain is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ChainRefused {
    /// A certificate cannot be read, or the chain is empty or too long.
    #[error("a certificate cannot be read")]
    Malformed,
    /// The end certificate does not have exactly the one role asked for.
    #[error("the certificate is not for this role")]
    Role,
    /// The certificates handed over do not issue one another in their order.
    #[error("the certificates are not a chain")]
    Links,
    /// A certificate was not valid at the time asked for.
    #[error("a certificate was not valid at the time of issue")]
    Time,
    /// A certificate has been revoked.
    #[error("a certificate has been revoked")]
    Revoked,
    /// The chain is in order, but no trusted root stands behind it.
    #[error("no trusted root stands behind the certificates")]
    Untrusted,
    /// A trusted root stands behind a licensor, but none that licensors are believed under here:
    /// see [`TrustRoots::pin_licensors`].
    #[error("the root behind the certificates is not among those that were pinned")]
    NotPinned,
}

impl TrustRoots {
    /// No roots: everything is intact at best, nothing trusted.
    #[must_use]
    pub fn new() -> TrustRoots {
        TrustRoots::default()
    }

    /// Adds one root certificate in DER, or every certificate of a PEM text.
    ///
    /// # Errors
    ///
    /// [`TrustRootsError::Certificate`]; nothing is added then.
    pub fn add_roots(&mut self, der_or_pem: &[u8]) -> Result<(), TrustRootsError> {
        let certificates: Vec<CertificateDer<'static>> =
            items(der_or_pem).ok_or(TrustRootsError::Certificate)?;
        let anchors: Option<Vec<_>> = certificates.iter().map(anchor_of_authority).collect();
        self.anchors
            .extend(anchors.ok_or(TrustRootsError::Certificate)?);
        self.certificates.extend(certificates);
        Ok(())
    }

    /// Believes licensors from now on only under those of the roots whose certificate has one of
    /// these SHA-256 digests, whatever roots are added. For every other role all of them count.
    pub fn pin_licensors(&mut self, sha256s: impl IntoIterator<Item = [u8; 32]>) {
        self.licensor_pins = Some(sha256s.into_iter().collect());
    }

    /// The roots' certificates in DER, in the order in which they were added.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates.iter().map(AsRef::as_ref)
    }

    /// The SHA-256 digests of the roots' certificates, in the order in which they were added.
    pub fn digests(&self, engine: &dyn Engine) -> impl Iterator<Item = [u8; 32]> {
        let digest = |certificate: &CertificateDer<'_>| engine.digest(&[certificate]);
        self.certificates.iter().map(digest)
    }

    /// Adds one revocation list in DER, or every list of a PEM text.
    ///
    /// A list counts for the certificates whose issuer signed it; one that no issuer in a
    /// chain signed has no say over that chain.
    ///
    /// # Errors
    ///
    /// [`TrustRootsError::RevocationList`]; nothing is added then.
    pub fn add_revocation_lists(&mut self, der_or_pem: &[u8]) -> Result<(), TrustRootsError> {
        let lists: Vec<CertificateRevocationListDer<'static>> =
            items(der_or_pem).ok_or(TrustRootsError::RevocationList)?;
        let lists: Result<Vec<_>, _> = lists
            .iter()
            .map(|list| OwnedCertRevocationList::from_der(list.as_ref()))
            .collect();
        let lists = lists.map_err(|_| TrustRootsError::RevocationList)?;
        self.revocation_lists
            .extend(lists.into_iter().map(CertRevocationList::Owned));
        Ok(())
    }

    /// How many roots there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is no root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }

    /// Judges `chain` (DER, the end certificate first, each issued by the next, the root left
    /// out) for `role` at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`ChainRefused`]; [`ChainRefused::Untrusted`] only where nothing is wrong but that no
    /// trusted root issued the last certificate, and [`ChainRefused::NotPinned`] only where
    /// nothing is wrong but that the one which did is not pinned.
    pub fn judge(
        &self,
        engine: &dyn Engine,
        chain: &[Vec<u8>],
        role: CertificateRole,
        at_unix_s: i64,
    ) -> Result<EndCertificate, ChainRefused> {
        let in_bounds = chain.len() <= CHAIN_LENGTH_MAX
            && chain
                .iter()
                .all(|certificate| certificate.len() <= CERTIFICATE_BYTES_MAX);
        let (Some((end, issuers)), true) = (chain.split_first(), in_bounds) else {
            return Err(ChainRefused::Malformed);
        };
        let end_certificate = EndCertificate::parse(end)?;
        if end_certificate.role != role {
            return Err(ChainRefused::Role);
        }
        let algorithms = CertificateAlgorithm::all(engine);
        let [rsa, ecdsa] = &algorithms;
        let end = CertificateDer::from(end.as_slice());
        let issuers: Vec<_> = issuers
            .iter()
            .map(|issuer| CertificateDer::from(issuer.as_slice()))
            .collect();
        let case = Case {
            algorithms: &[rsa, ecdsa],
            end: EndEntityCert::try_from(&end).map_err(|_| ChainRefused::Malformed)?,
            issuers: &issuers,
            role,
            at: u64::try_from(at_unix_s)
                .map(|seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
                .map_err(|_| ChainRefused::Time)?,
        };
        case.check_links()?;
        let anchors = self.anchors_for(engine, role);
        case.check_anchored(&anchors, None)
            .map_err(|refused| self.without_pins(&case, refused))?;
        for list in &self.revocation_lists {
            case.check_not_revoked(&anchors, list)?;
        }
        Ok(end_certificate)
    }

    /// Why a chain is refused, told apart from one that only the pins are in the way of.
    fn without_pins(&self, case: &Case<'_>, refused: ChainRefused) -> ChainRefused {
        let only_pins = refused == ChainRefused::Untrusted
            && self.pins_for(case.role).is_some()
            && case.check_anchored(&self.anchors, None).is_ok();
        match only_pins {
            true => ChainRefused::NotPinned,
            false => refused,
        }
    }

    fn pins_for(&self, role: CertificateRole) -> Option<&[[u8; 32]]> {
        let pins = self.licensor_pins.as_deref();
        pins.filter(|_| role == CertificateRole::Licensor)
    }

    /// The anchors that count for a role.
    fn anchors_for(
        &self,
        engine: &dyn Engine,
        role: CertificateRole,
    ) -> Cow<'_, [TrustAnchor<'static>]> {
        let Some(pins) = self.pins_for(role) else {
            return Cow::Borrowed(&self.anchors);
        };
        let digests = self.digests(engine).zip(&self.anchors);
        let pinned = digests.filter(|(digest, _)| pins.contains(digest));
        Cow::Owned(pinned.map(|(_, anchor)| anchor.clone()).collect())
    }
}

/// One chain with what it is judged for.
struct Case<'c> {
    algorithms: &'c [&'c dyn SignatureVerificationAlgorithm],
    end: EndEntityCert<'c>,
    issuers: &'c [CertificateDer<'c>],
    role: CertificateRole,
    at: UnixTime,
}

impl Case<'_> {
    /// Checks that the certificates issue one another, so that what is reported under an
    /// unknown root is at least one chain and not a bag of certificates.
    fn check_links(&self) -> Result<(), ChainRefused> {
        let Some((last, between)) = self.issuers.split_last() else {
            return Ok(());
        };
        let anchor = webpki::anchor_from_trusted_cert(last).map_err(|_| ChainRefused::Malformed)?;
        let anchors = [anchor];
        let path = self
            .end
            .verify_for_usage(
                self.algorithms,
                &anchors,
                between,
                self.at,
                UsageFor(self.role),
                None,
                None,
            )
            .map_err(|error| refusal(&error, ChainRefused::Links))?;
        let in_order = path
            .intermediate_certificates()
            .map(|certificate| certificate.der())
            .eq(between
                .iter()
                .map(|certificate| CertificateDer::from(certificate.as_ref())));
        if in_order {
            Ok(())
        } else {
            Err(ChainRefused::Links)
        }
    }

    fn check_anchored(
        &self,
        anchors: &[TrustAnchor<'_>],
        revocation: Option<RevocationOptions<'_>>,
    ) -> Result<(), ChainRefused> {
        self.end
            .verify_for_usage(
                self.algorithms,
                anchors,
                self.issuers,
                self.at,
                UsageFor(self.role),
                revocation,
                None,
            )
            .map(drop)
            .map_err(|error| refusal(&error, ChainRefused::Untrusted))
    }

    /// Lists are asked one at a time: given several by one issuer, webpki would ask only the
    /// first, and a revocation in a newer one would be missed.
    fn check_not_revoked(
        &self,
        anchors: &[TrustAnchor<'_>],
        list: &CertRevocationList<'_>,
    ) -> Result<(), ChainRefused> {
        let lists = [list];
        let Ok(builder) = RevocationOptionsBuilder::new(&lists) else {
            return Ok(());
        };
        let options = builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Allow)
            .with_expiration_policy(ExpirationPolicy::Ignore)
            .build();
        match self.check_anchored(anchors, Some(options)) {
            Err(ChainRefused::Revoked) => Err(ChainRefused::Revoked),
            // The chain was found good before; what is left is a list by somebody of the
            // issuer's name who is not the issuer.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// Names the cause where it is the chain's own; otherwise `default`.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "webpki's errors are non-exhaustive"
)]
fn refusal(error: &webpki::Error, default: ChainRefused) -> ChainRefused {
    match error {
        webpki::Error::CertRevoked => ChainRefused::Revoked,
        webpki::Error::CertExpired { .. }
        | webpki::Error::CertNotValidYet { .. }
        | webpki::Error::InvalidCertValidity => ChainRefused::Time,
        _ => default,
    }
}

/// The objects of a PEM text, or the one in DER; nothing if there is none.
fn items<T: PemObject + From<Vec<u8>>>(der_or_pem: &[u8]) -> Option<Vec<T>> {
    // Every certificate and list in DER is a SEQUENCE.
    if der_or_pem.first() == Some(&0x30) {
        return Some(vec![T::from(der_or_pem.to_vec())]);
    }
    let items: Vec<T> = T::pem_slice_iter(der_or_pem)
        .collect::<Result<_, _>>()
        .ok()?;
    (!items.is_empty()).then_some(items)
}

fn anchor_of_authority(certificate: &CertificateDer<'_>) -> Option<TrustAnchor<'static>> {
    let parsed = x509_cert::Certificate::from_der(certificate.as_ref()).ok()?;
    if !certificate::is_authority(&parsed).ok()? {
        return None;
    }
    Some(
        webpki::anchor_from_trusted_cert(certificate)
            .ok()?
            .to_owned(),
    )
}
