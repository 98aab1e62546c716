//! What an upload form says.

use std::fmt;
use std::sync::{Arc, OnceLock};

use colophon_claims::{CenterId, InvalidId, UnixSeconds};
use colophon_crypto::{Engine, frames};

use super::open::FormRefused;
use crate::persona::PersonaId;
use crate::sealed::Period;

/// How many certificates a form may carry.
pub const CERTIFICATES_MAX: usize = 4;

/// The longest certificate, in bytes of DER.
pub const CERTIFICATE_BYTES_MAX: usize = 16 * 1024;

/// How far clocks may be off either way, in seconds, unless a center says otherwise.
pub const SKEW_S: u32 = 120;

/// An activation certificate and those that lead from it toward a root, in DER. Nothing is known
/// about them but their number and lengths: they are judged by those who know the roots.
#[derive(Clone)]
pub struct CertificateChain(Arc<Certificates>);

/// The certificates, shared by all clones of a chain, with their digest once somebody asked.
struct Certificates {
    certificates_der: Vec<Vec<u8>>,
    sha256: OnceLock<[u8; 32]>,
}

impl PartialEq for CertificateChain {
    fn eq(&self, other: &CertificateChain) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for CertificateChain {}

impl fmt::Debug for CertificateChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CertificateChain")
            .field(&self.as_slice())
            .finish()
    }
}

impl CertificateChain {
    /// The chain of these certificates, the activation certificate first.
    ///
    /// # Errors
    ///
    /// [`InvalidChain`] if there are none, too many, or one is empty or too long.
    pub fn new(certificates_der: Vec<Vec<u8>>) -> Result<CertificateChain, InvalidChain> {
        if !(1..=CERTIFICATES_MAX).contains(&certificates_der.len()) {
            return Err(InvalidChain::Count(certificates_der.len()));
        }
        let fits = |der: &Vec<u8>| (1..=CERTIFICATE_BYTES_MAX).contains(&der.len());
        match certificates_der.iter().all(fits) {
            true => Ok(CertificateChain(Arc::new(Certificates {
                certificates_der,
                sha256: OnceLock::new(),
            }))),
            false => Err(InvalidChain::Length),
        }
    }

    /// The activation certificate itself.
    #[must_use]
    pub fn own(&self) -> &[u8] {
        self.as_slice().first().map_or(&[], Vec::as_slice)
    }

    /// The certificates above it, in the order in which they came.
    pub fn issuers(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().skip(1)
    }

    /// All certificates, the activation certificate first.
    #[must_use]
    pub fn as_slice(&self) -> &[Vec<u8>] {
        &self.0.certificates_der
    }

    /// All certificates, the activation certificate first.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.as_slice().iter().map(Vec::as_slice)
    }

    /// SHA-256 over the frames of all certificates, by which a chain is told from others.
    #[must_use]
    pub fn sha256(&self, engine: &dyn Engine) -> [u8; 32] {
        // Every engine gives the same.
        *self.0.sha256.get_or_init(|| {
            let certificates: Vec<&[u8]> = self.iter().collect();
            engine.digest(&[&frames(&certificates)])
        })
    }
}

/// Why certificates make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChain {
    /// Not 1 to [`CERTIFICATES_MAX`] of them.
    #[error("{0} certificates, where 1 to {CERTIFICATES_MAX} belong")]
    Count(usize),
    /// One is empty or longer than [`CERTIFICATE_BYTES_MAX`].
    #[error("a certificate is not 1 to {CERTIFICATE_BYTES_MAX} bytes long")]
    Length,
    /// One is not in canonical base64.
    #[error("a certificate is not canonical base64")]
    Base64,
}

/// What an upload form says: this certificate is that persona's, for one center and for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The activation certificate, with those above it.
    pub certificates: CertificateChain,
    /// The persona it is said to be of. Only the certificate itself proves it.
    pub persona: PersonaId,
    /// The center the form is for.
    pub center: CenterId,
    /// When the form was made, by the reader's clock.
    pub issued_at: UnixSeconds,
    /// When it ends, later than `issued_at`.
    pub expires_at: UnixSeconds,
}

impl Claims {
    /// Judges the form's time: it is valid from `iat − skew` on and before `exp + skew`.
    /// [`SKEW_S`] is the usual skew.
    ///
    /// # Errors
    ///
    /// [`FormRefused::NotYetValid`] before that time, [`FormRefused::Expired`] after it.
    pub fn check_time(&self, now: UnixSeconds, skew_s: u32) -> Result<(), FormRefused> {
        Ok(self.period().check(now, skew_s)?)
    }

    pub(super) fn period(&self) -> Period {
        Period {
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }

    /// Checks that the form is of the persona a receipt names.
    ///
    /// # Errors
    ///
    /// [`FormRefused::OtherPersona`] if it is of another.
    pub fn check_persona(&self, persona: &PersonaId) -> Result<(), FormRefused> {
        match self.persona == *persona {
            true => Ok(()),
            false => Err(FormRefused::OtherPersona),
        }
    }
}

/// Why the claims of a form that opened are refused. The reader's software made them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidClaims {
    /// They are no JSON object of strings, integers within ±(2^53 − 1) and lists of strings.
    #[error("the claims are no JSON object of strings, integers and lists of strings")]
    Form,
    /// A claim that is not in the specification.
    #[error("there is no claim {0:?} in version 1")]
    Unknown(String),
    /// A claim that is there twice.
    #[error("the claim {0:?} is there twice")]
    Duplicate(&'static str),
    /// A required claim that is not there.
    #[error("the claim {0:?} is missing")]
    Missing(&'static str),
    /// A value of another type than the claim's.
    #[error("the claim {0:?} has the wrong type")]
    Type(&'static str),
    /// A time before 1970, or an end that is not after the beginning.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// A string that is not what its claim demands.
    #[error("the claim {name:?} is invalid")]
    Text {
        /// The claim.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        cause: InvalidId,
    },
    /// The certificates are not what they should be.
    #[error("the claim \"cert\" is invalid")]
    Certificates(#[source] InvalidChain),
    /// The claim `v` is not 1.
    #[error("the claims are not of version 1")]
    Version,
}

impl InvalidClaims {
    /// The stable name of the cause, as in the test vectors.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            InvalidClaims::Form => "claims-form",
            InvalidClaims::Unknown(_) => "claim-unknown",
            InvalidClaims::Duplicate(_) => "claim-duplicate",
            InvalidClaims::Missing(_) => "claim-missing",
            InvalidClaims::Type(_) => "claim-type",
            InvalidClaims::Range(_) => "claim-range",
            InvalidClaims::Text { .. } => "claim-text",
            InvalidClaims::Certificates(_) => "claim-certificates",
            InvalidClaims::Version => "claims-version",
        }
    }
}

#[cfg(test)]
mod tests {
    use colophon_crypto::Portable;

    use super::*;

    fn claims(issued_at: i64, expires_at: i64) -> Claims {
        Claims {
            certificates: CertificateChain::new(vec![vec![1]]).expect("a chain"),
            persona: "ada".parse().expect("a persona"),
            center: "main".parse().expect("a center"),
            issued_at: UnixSeconds::new(issued_at),
            expires_at: UnixSeconds::new(expires_at),
        }
    }

    #[test]
    fn the_time_is_that_of_the_form() {
        let claims = claims(1_800_000_000, 1_900_000_000);
        let at = |now| claims.check_time(UnixSeconds::new(now), SKEW_S);
        assert_eq!(at(1_799_999_879), Err(FormRefused::NotYetValid));
        assert_eq!(at(1_799_999_880), Ok(()));
        assert_eq!(at(1_900_000_119), Ok(()));
        assert_eq!(at(1_900_000_120), Err(FormRefused::Expired));
    }

    #[test]
    fn a_form_is_of_one_persona() {
        let claims = claims(0, 1);
        let check = |persona: &str| claims.check_persona(&persona.parse().expect("a persona"));
        assert_eq!(check("ada"), Ok(()));
        assert_eq!(check("Ada"), Err(FormRefused::OtherPersona));
        assert_eq!(check("ada "), Err(FormRefused::OtherPersona));
    }

    #[test]
    fn a_chain_has_one_to_four_certificates() {
        let chain = |count, bytes| CertificateChain::new(vec![vec![1; bytes]; count]);
        assert_eq!(chain(0, 1), Err(InvalidChain::Count(0)));
        assert_eq!(chain(5, 1), Err(InvalidChain::Count(5)));
        assert_eq!(chain(1, 0), Err(InvalidChain::Length));
        assert_eq!(
            chain(1, CERTIFICATE_BYTES_MAX + 1),
            Err(InvalidChain::Length)
        );
        let chain = chain(4, CERTIFICATE_BYTES_MAX).expect("a chain");
        assert_eq!(chain.clone(), chain);
        assert_eq!(chain.own().len(), CERTIFICATE_BYTES_MAX);
        assert_eq!((chain.iter().count(), chain.issuers().count()), (4, 3));
    }

    #[test]
    fn a_chain_is_told_by_its_certificates_and_their_order() {
        let sha256 = |chain: &[&[u8]]| {
            let chain = chain.iter().map(|der| der.to_vec()).collect();
            CertificateChain::new(chain)
                .expect("a chain")
                .sha256(&Portable)
        };
        let chains: [&[&[u8]]; 4] = [&[b"a", b"b"], &[b"b", b"a"], &[b"ab"], &[b"a", b"b", b"b"]];
        for (i, one) in chains.iter().enumerate() {
            for (j, other) in chains.iter().enumerate() {
                assert_eq!(sha256(one) == sha256(other), i == j, "{i} {j}");
            }
        }
        let chain = CertificateChain::new(vec![vec![1]]).expect("a chain");
        assert_eq!(chain.clone().sha256(&Portable), chain.sha256(&Portable));
    }
}
