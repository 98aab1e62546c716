//! What an activation authority says of one activation, signed: whose it is, on which machine, and
//! what was handed over. A reader believes the statement before it runs anything.

mod claims;

use colophon_claims::{InvalidId, InvalidMember, InvalidObject, base64url, bytes_id};
use colophon_claims::{read_header, write_header};
use colophon_crypto::{Engine, SignatureAlgorithm};

use self::claims::{read_claims, write_claims};
use crate::machine::{FactSalt, MachineId};
use crate::{CertificateHash, PersonaId, UnixSeconds};

/// The longest statement, in bytes of its compact form.
pub const STATEMENT_BYTES_MAX: usize = 4096;

const KIND: &str = "colophon-activation+jwt";

/// SHA-256 of something that is handed over beside a statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

bytes_id!(ContentHash, 32, "32 bytes in base64url");

impl ContentHash {
    /// The hash of these bytes.
    #[must_use]
    pub fn of(engine: &dyn Engine, bytes: &[u8]) -> ContentHash {
        ContentHash(engine.digest(&[bytes]))
    }
}

/// What is said of an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose it is.
    pub persona: PersonaId,
    /// The machine it is for.
    pub machine: MachineId,
    /// The salt the machine's facts are digested with.
    pub salt: FactSalt,
    /// The persona's activation certificate.
    pub certificate: CertificateHash,
    /// The secure repository.
    pub module: ContentHash,
    /// The persona's private key, sealed to that repository on that machine.
    pub sealed_key: ContentHash,
    /// When it was issued; certificates are judged at this time.
    pub issued_at: UnixSeconds,
}

/// The key of an activation authority, wherever it lives.
pub trait StatementSigner: Send + Sync {
    /// The algorithm of the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// The authority's certificate, in DER.
    fn certificate_der(&self) -> &[u8];

    /// Signs `message` (not a digest of it), with the signature in the form that engines verify.
    ///
    /// # Errors
    ///
    /// What the key's keeper says.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Why a statement was not signed.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The key could not be used.
    #[error("the key of the activation authority could not be used")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The time is before 1970, or beyond what JSON can say.
    #[error("the time of the statement is out of range")]
    Time,
}

/// Why a statement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementRefused {
    /// It is longer than [`STATEMENT_BYTES_MAX`].
    #[error("longer than {STATEMENT_BYTES_MAX} bytes")]
    TooLong,
    /// It has not exactly three parts.
    #[error("not three parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("a part is not canonical base64url without padding")]
    Base64,
    /// The protected header is not the one statements have.
    #[error("the protected header is not that of a statement")]
    Header,
    /// The header names no certificate.
    #[error("the header's kid is no hash of a certificate")]
    Kid(#[source] InvalidId),
    /// It is by another authority.
    #[error("the statement is by another authority")]
    OtherAuthority,
    /// The signature does not verify.
    #[error("the signature of the statement does not verify")]
    NotGenuine,
    /// What was signed is no JSON object of what statements hold.
    #[error("the claims are not those of a statement")]
    Object(#[from] InvalidObject),
    /// A claim is not what it should be.
    #[error("a claim is invalid")]
    Claim(#[from] InvalidMember),
    /// The claim `v` is not 1.
    #[error("the statement is not of version 1")]
    Version,
}

impl StatementRefused {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            StatementRefused::TooLong => "too-long",
            StatementRefused::Parts => "parts",
            StatementRefused::Base64 => "base64",
            StatementRefused::Header | StatementRefused::Kid(_) => "header",
            StatementRefused::OtherAuthority => "other-authority",
            StatementRefused::NotGenuine => "not-genuine",
            StatementRefused::Object(_) => "claims-form",
            StatementRefused::Claim(_) => "claim",
            StatementRefused::Version => "claims-version",
        }
    }
}

impl Statement {
    /// Signs the statement.
    ///
    /// # Errors
    ///
    /// [`StatementError`], see its variants.
    pub fn sign(
        &self,
        engine: &dyn Engine,
        signer: &dyn StatementSigner,
    ) -> Result<SignedStatement, StatementError> {
        let kid = CertificateHash::of(engine, signer.certificate_der());
        let algorithm = signer.algorithm();
        let header = write_header(&[
            ("alg", word(algorithm)),
            ("typ", KIND),
            ("kid", &kid.to_string()),
        ]);
        let claims = write_claims(self).ok_or(StatementError::Time)?;
        let signed = [header, claims].map(|part| base64url::encode(part.as_bytes()));
        let signed = signed.join(".");
        let signature = signer
            .sign(signed.as_bytes())
            .map_err(StatementError::Key)?;
        Ok(SignedStatement {
            algorithm,
            kid,
            signed,
            signature,
        })
    }
}

/// A statement as it travels: well-formed, but nobody knows yet whether it is genuine. It shows
/// as its compact form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    algorithm: SignatureAlgorithm,
    kid: CertificateHash,
    /// The first two parts with the point between, as received.
    signed: String,
    signature: Vec<u8>,
}

impl SignedStatement {
    /// Reads the compact form.
    ///
    /// # Errors
    ///
    /// [`StatementRefused`] if the text is not built like a statement.
    pub fn parse(compact: &str) -> Result<SignedStatement, StatementRefused> {
        if compact.len() > STATEMENT_BYTES_MAX {
            return Err(StatementRefused::TooLong);
        }
        let mut parts = compact.rsplitn(2, '.');
        let (Some(signature), Some(signed)) = (parts.next(), parts.next()) else {
            return Err(StatementRefused::Parts);
        };
        let (header, claims) = signed.split_once('.').ok_or(StatementRefused::Parts)?;
        if claims.contains('.') {
            return Err(StatementRefused::Parts);
        }
        let decode = |part| base64url::decode(part).ok_or(StatementRefused::Base64);
        let (header, signature) = (decode(header)?, decode(signature)?);
        let header = read_header(&header, &["alg", "typ", "kid"]);
        let [algorithm, kind, kid] = header.map_err(|_| StatementRefused::Header)?;
        let known = [
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::EcdsaP256Sha256,
        ];
        let algorithm = known.into_iter().find(|known| word(*known) == algorithm);
        match algorithm {
            Some(algorithm) if kind == KIND => Ok(SignedStatement {
                algorithm,
                kid: kid.parse().map_err(StatementRefused::Kid)?,
                signed: signed.to_owned(),
                signature,
            }),
            _ => Err(StatementRefused::Header),
        }
    }

    /// The certificate of the authority it says it is by.
    #[must_use]
    pub fn kid(&self) -> &CertificateHash {
        &self.kid
    }

    /// What it says, if it is by this authority. Whether the authority is to be believed is for
    /// those to judge who know the roots.
    ///
    /// # Errors
    ///
    /// [`StatementRefused`], see its variants.
    pub fn verify(
        &self,
        engine: &dyn Engine,
        authority_certificate_der: &[u8],
        authority_public_key_spki_der: &[u8],
    ) -> Result<Statement, StatementRefused> {
        if CertificateHash::of(engine, authority_certificate_der) != self.kid {
            return Err(StatementRefused::OtherAuthority);
        }
        engine
            .verify(
                self.algorithm,
                authority_public_key_spki_der,
                self.signed.as_bytes(),
                &self.signature,
            )
            .map_err(|_| StatementRefused::NotGenuine)?;
        let (_, claims) = self.signed.split_once('.').ok_or(StatementRefused::Parts)?;
        read_claims(&base64url::decode(claims).ok_or(StatementRefused::Base64)?)
    }
}

impl std::fmt::Display for SignedStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.signed, base64url::encode(&self.signature))
    }
}

/// The name of an algorithm in JOSE.
fn word(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => "RS256",
        SignatureAlgorithm::EcdsaP256Sha256 => "ES256",
    }
}
