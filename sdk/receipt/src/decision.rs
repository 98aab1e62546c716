//! What a center says, signed, of a decision that one of its own plug-ins made about a sale.
//!
//! A retailer who asks why a sale was refused, or under which terms it was served, gets this: which
//! rules decided (the component, its version, the contract), what came of it, and digests of all that
//! the decision rests on. Who has it can hold the center to it: two statements about the same digests
//! with different outcomes are a contradiction that the center has signed. What the digests are of
//! (the question, the center's databases) is not in it, and the center can show it to a judge.
//!
//! It is a JWS in compact form. `DECISION.md` beside this crate is normative.

use colophon_claims::{
    CenterId, INTEGER_MAX, InvalidId, InvalidMember, InvalidObject, Members, UnixSeconds,
    base64url, bytes_id, check_characters, read_header, text_id, write_header,
};
use colophon_crypto::{Engine, SignatureAlgorithm};
use serde::Serialize;

use crate::ids::{RetailerId, TransactionId};

/// The longest decision receipt, in bytes of its compact form. The longest that can be said, in words
/// of characters that JSON escapes, signed with the largest RSA key that is usual (8192 bits), is
/// shorter; with a larger one, nothing is signed that is longer.
pub const DECISION_BYTES_MAX: usize = 8192;

const KIND: &str = "colophon-decision+jwt";

const NAMES: &[&str] = &[
    "v",
    "iss",
    "sub",
    "jti",
    "iat",
    "req",
    "txn",
    "plugin",
    "version",
    "wit",
    "role",
    "outcome",
    "fuel",
    "component",
    "config",
    "grant",
    "input",
    "calls",
    "output",
];

/// SHA-256, or a digest under a key that only the center has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartDigest([u8; 32]);

bytes_id!(PartDigest, 32, "32 bytes in base64url");

/// A name or a version: 1 to 64 visible characters of ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(String);

impl Word {
    fn check(text: &str) -> Result<(), InvalidId> {
        check_characters(text, 64, |character| character.is_ascii_graphic())
    }
}

text_id!(Word);

/// What a center says of a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionReceipt {
    /// The center whose plug-in decided.
    pub center: CenterId,
    /// The retailer whose sale it was about, as far as the request told.
    pub retailer: RetailerId,
    /// The decision's id at the center.
    pub decision: Word,
    /// When it was made.
    pub decided_at: UnixSeconds,
    /// The request, by its id in the center's log.
    pub request: Word,
    /// The sale, where the plug-in was told which it was.
    pub transaction: Option<TransactionId>,
    /// The plug-in.
    pub plugin: Word,
    /// Its version.
    pub version: Word,
    /// The version of the contract that it was asked by.
    pub contract: Word,
    /// What it was asked: `resolver`, `policy`, `naming` or `retailers`.
    pub role: Word,
    /// What came of it: `allow`, `deny`, `found`, `not-mine`, `named`, `known`, or the kind of a
    /// failure.
    pub outcome: Word,
    /// The fuel that it took.
    pub fuel: u64,
    /// What the decision rests on.
    pub digests: DecisionDigests,
}

/// What a decision rests on, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionDigests {
    /// SHA-256 of the component.
    pub component: PartDigest,
    /// Of what was set for the plug-in, under the center's key.
    pub config: PartDigest,
    /// Of what it might use, under the center's key.
    pub grant: PartDigest,
    /// Of the question, under the center's key: it names the buyer.
    pub input: PartDigest,
    /// Of what it asked of the host and the answers, under the center's key.
    pub calls: PartDigest,
    /// Of the answer, under the center's key.
    pub output: PartDigest,
}

/// Why a decision receipt was not signed.
#[derive(Debug, thiserror::Error)]
pub enum DecisionNotSigned {
    /// The key could not be used.
    #[error("the center's key could not be used")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// With this key's signature it would be longer than [`DECISION_BYTES_MAX`], and nobody could
    /// verify it.
    #[error(
        "with the signature of this key it would have {0} bytes, more than {DECISION_BYTES_MAX}"
    )]
    TooLong(usize),
    /// A number is beyond what JSON can say.
    #[error("the claim {0:?} is out of range")]
    Range(&'static str),
    /// The claims could not be written as JSON.
    #[error("the claims could not be written")]
    Write(#[source] serde_json::Error),
}

/// Why a decision receipt is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecisionRefused {
    /// It is longer than [`DECISION_BYTES_MAX`].
    #[error("longer than {DECISION_BYTES_MAX} bytes")]
    TooLong,
    /// It has not exactly three parts.
    #[error("not three parts with points between")]
    Parts,
    /// A part is not canonical base64url without padding.
    #[error("a part is not canonical base64url without padding")]
    Base64,
    /// The protected header is not the one decision receipts have.
    #[error("the protected header is not that of a decision receipt")]
    Header,
    /// It is signed with another key.
    #[error("it is signed with another key than the one given")]
    OtherKey,
    /// The signature does not verify.
    #[error("the signature does not verify")]
    NotGenuine,
    /// What was signed is no JSON object of what decision receipts hold.
    #[error("the claims are not those of a decision receipt")]
    Object(#[from] InvalidObject),
    /// A claim is not what it should be.
    #[error("a claim is invalid")]
    Claim(#[from] InvalidMember),
    /// The claim `v` is not 1.
    #[error("the decision receipt is not of version 1")]
    Version,
}

/// The center's key, wherever it lives.
pub trait DecisionSigner {
    /// The algorithm of the key.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// DER of the key's `SubjectPublicKeyInfo`.
    fn public_key_spki_der(&self) -> &[u8];

    /// Signs `message` (not a digest of it), with the signature in the form that engines verify.
    ///
    /// # Errors
    ///
    /// What the key's keeper says.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The claims in the order in which they are written.
#[derive(Serialize)]
struct Written<'d> {
    v: i64,
    iss: &'d str,
    sub: &'d str,
    jti: &'d str,
    iat: i64,
    req: &'d str,
    #[serde(skip_serializing_if = "Option::is_none")]
    txn: Option<&'d str>,
    plugin: &'d str,
    version: &'d str,
    wit: &'d str,
    role: &'d str,
    outcome: &'d str,
    fuel: i64,
    component: String,
    config: String,
    grant: String,
    input: String,
    calls: String,
    output: String,
}

impl DecisionReceipt {
    /// Signs the decision receipt and gives its compact form.
    ///
    /// # Errors
    ///
    /// [`DecisionNotSigned`], see its variants.
    pub fn sign(
        &self,
        engine: &dyn Engine,
        signer: &dyn DecisionSigner,
    ) -> Result<String, DecisionNotSigned> {
        let kid = key_id(engine, signer.public_key_spki_der());
        let header = write_header(&[
            ("alg", word(signer.algorithm())),
            ("typ", KIND),
            ("kid", &kid.to_string()),
        ]);
        let claims = self.claims()?;
        let signed = [header, claims].map(|part| base64url::encode(part.as_bytes()));
        let signed = signed.join(".");
        let signature = signer
            .sign(signed.as_bytes())
            .map_err(DecisionNotSigned::Key)?;
        let compact = format!("{signed}.{}", base64url::encode(&signature));
        if compact.len() > DECISION_BYTES_MAX {
            return Err(DecisionNotSigned::TooLong(compact.len()));
        }
        Ok(compact)
    }

    /// Reads a decision receipt, if it is signed with this key. Whose key it is has to be known from
    /// elsewhere: from the center, once, when retailer and center begin to work with each other.
    ///
    /// # Errors
    ///
    /// [`DecisionRefused`], see its variants.
    pub fn verify(
        engine: &dyn Engine,
        compact: &str,
        public_key_spki_der: &[u8],
    ) -> Result<DecisionReceipt, DecisionRefused> {
        if compact.len() > DECISION_BYTES_MAX {
            return Err(DecisionRefused::TooLong);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(DecisionRefused::Parts)?;
        let (header, claims) = signed.split_once('.').ok_or(DecisionRefused::Parts)?;
        if claims.contains('.') {
            return Err(DecisionRefused::Parts);
        }
        let decode = |part| base64url::decode(part).ok_or(DecisionRefused::Base64);
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let header = read_header(&header, &["alg", "typ", "kid"]);
        let [algorithm, kind, kid] = header.map_err(|_| DecisionRefused::Header)?;
        let known = [
            SignatureAlgorithm::RsaPkcs1Sha256,
            SignatureAlgorithm::EcdsaP256Sha256,
        ];
        let algorithm = known.into_iter().find(|known| word(*known) == algorithm);
        let algorithm = algorithm.filter(|_| kind == KIND);
        let algorithm = algorithm.ok_or(DecisionRefused::Header)?;
        if kid != key_id(engine, public_key_spki_der).to_string() {
            return Err(DecisionRefused::OtherKey);
        }
        engine
            .verify(
                algorithm,
                public_key_spki_der,
                signed.as_bytes(),
                &signature,
            )
            .map_err(|_| DecisionRefused::NotGenuine)?;
        Self::read(&claims)
    }

    fn claims(&self) -> Result<String, DecisionNotSigned> {
        let within = |name, number: i64| match (0..=INTEGER_MAX).contains(&number) {
            true => Ok(number),
            false => Err(DecisionNotSigned::Range(name)),
        };
        let DecisionDigests {
            component,
            config,
            grant,
            input,
            calls,
            output,
        } = self.digests;
        let written = Written {
            v: 1,
            iss: self.center.as_str(),
            sub: self.retailer.as_str(),
            jti: self.decision.as_str(),
            iat: within("iat", self.decided_at.get())?,
            req: self.request.as_str(),
            txn: self.transaction.as_ref().map(TransactionId::as_str),
            plugin: self.plugin.as_str(),
            version: self.version.as_str(),
            wit: self.contract.as_str(),
            role: self.role.as_str(),
            outcome: self.outcome.as_str(),
            fuel: within("fuel", i64::try_from(self.fuel).unwrap_or(i64::MAX))?,
            component: component.to_string(),
            config: config.to_string(),
            grant: grant.to_string(),
            input: input.to_string(),
            calls: calls.to_string(),
            output: output.to_string(),
        };
        serde_json::to_string(&written).map_err(DecisionNotSigned::Write)
    }

    /// Reads claims whose signature was verified.
    fn read(json: &[u8]) -> Result<DecisionReceipt, DecisionRefused> {
        let mut claims = Members::parse(json, NAMES)?;
        if claims.required(Members::integer, "v")? != 1 {
            return Err(DecisionRefused::Version);
        }
        Ok(DecisionReceipt {
            center: claims.required(Members::text, "iss")?,
            retailer: claims.required(Members::text, "sub")?,
            decision: claims.required(Members::text, "jti")?,
            decided_at: claims.required(Members::time, "iat")?,
            request: claims.required(Members::text, "req")?,
            transaction: claims.text("txn")?,
            plugin: claims.required(Members::text, "plugin")?,
            version: claims.required(Members::text, "version")?,
            contract: claims.required(Members::text, "wit")?,
            role: claims.required(Members::text, "role")?,
            outcome: claims.required(Members::text, "outcome")?,
            fuel: claims.required(Members::number, "fuel")?,
            digests: DecisionDigests {
                component: claims.required(Members::text, "component")?,
                config: claims.required(Members::text, "config")?,
                grant: claims.required(Members::text, "grant")?,
                input: claims.required(Members::text, "input")?,
                calls: claims.required(Members::text, "calls")?,
                output: claims.required(Members::text, "output")?,
            },
        })
    }
}

/// What names a key: SHA-256 of its `SubjectPublicKeyInfo`.
fn key_id(engine: &dyn Engine, public_key_spki_der: &[u8]) -> PartDigest {
    PartDigest(engine.digest(&[public_key_spki_der]))
}

/// The name of an algorithm in JOSE.
fn word(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::RsaPkcs1Sha256 => "RS256",
        SignatureAlgorithm::EcdsaP256Sha256 => "ES256",
    }
}
