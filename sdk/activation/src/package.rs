//! What a reader gets when it has been activated, in one download.

use base64ct::{Base64, Encoding};
use colophon_claims::{InvalidMember, InvalidObject, Members};
use colophon_crypto::Engine;
use serde::Serialize;

use crate::sealed_key::SEALED_KEY_BYTES_MAX;
use crate::statement::{ContentHash, SignedStatement, Statement, StatementRefused};
use crate::{CertificateChain, CertificateHash, InvalidChain};

/// The media type of a package.
pub const PACKAGE_MEDIA_TYPE: &str = "application/vnd.colophon.activation+json";

/// The largest secure repository that is handed over, in bytes.
pub const MODULE_BYTES_MAX: usize = 8 << 20;

/// The longest package read, in bytes.
pub const PACKAGE_BYTES_MAX: usize = 12 << 20;

const NAMES: &[&str] = &["v", "statement", "certificates", "sealed_key", "module"];

/// A package: nothing in it is believed before it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationPackage {
    /// What the authority says.
    pub statement: SignedStatement,
    /// The persona's activation certificate, the authority's, and those that lead from it toward
    /// a root, which is left out.
    pub certificates: CertificateChain,
    /// The persona's private key, sealed.
    pub sealed_key: Vec<u8>,
    /// The secure repository.
    pub module: Vec<u8>,
}

/// Why a package is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageRefused {
    /// It is longer than [`PACKAGE_BYTES_MAX`].
    #[error("longer than {PACKAGE_BYTES_MAX} bytes")]
    TooLong,
    /// It is no JSON object of what packages hold.
    #[error("the document is not that of an activation package")]
    Object(#[from] InvalidObject),
    /// A member is not what it should be.
    #[error("a member of the package is invalid")]
    Member(#[from] InvalidMember),
    /// The member `v` is not 1.
    #[error("the package is not of version 1")]
    Version,
    /// A member is not canonical base64, is empty, or longer than it may be.
    #[error("the member {0:?} is not canonical base64 of a permitted length")]
    Base64(&'static str),
    /// The certificates are not what they should be.
    #[error("the certificates are invalid")]
    Certificates(#[source] InvalidChain),
    /// There is no certificate of an authority.
    #[error("the certificate of the activation authority is not there")]
    NoAuthority,
    /// The statement was refused.
    #[error("the statement was refused")]
    Statement(#[from] StatementRefused),
    /// Something is not what the authority handed over.
    #[error("{0:?} is not what the activation authority has signed")]
    Changed(&'static str),
}

impl PackageRefused {
    /// The stable name of the cause, as in the test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            PackageRefused::TooLong => "too-long",
            PackageRefused::Object(_) => "package-form",
            PackageRefused::Member(_) => "package-member",
            PackageRefused::Version => "package-version",
            PackageRefused::Base64(_) => "base64",
            PackageRefused::Certificates(_) => "package-certificates",
            PackageRefused::NoAuthority => "no-authority",
            PackageRefused::Statement(refused) => refused.reason(),
            PackageRefused::Changed(_) => "changed",
        }
    }
}

/// The package in the order in which it is written.
#[derive(Serialize)]
struct Written {
    v: i64,
    statement: String,
    certificates: Vec<String>,
    sealed_key: String,
    module: String,
}

impl ActivationPackage {
    /// Writes the document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let written = Written {
            v: 1,
            statement: self.statement.to_string(),
            certificates: self
                .certificates
                .iter()
                .map(Base64::encode_string)
                .collect(),
            sealed_key: Base64::encode_string(&self.sealed_key),
            module: Base64::encode_string(&self.module),
        };
        // Strings and one number are always JSON.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`PackageRefused`] if it is not built like a package.
    pub fn parse(json: &[u8]) -> Result<ActivationPackage, PackageRefused> {
        if json.len() > PACKAGE_BYTES_MAX {
            return Err(PackageRefused::TooLong);
        }
        let mut members = Members::parse_with_lists(json, NAMES)?;
        if members.required(Members::integer, "v")? != 1 {
            return Err(PackageRefused::Version);
        }
        let statement = members.required(Members::string, "statement")?;
        let certificates = members.required(Members::strings, "certificates")?;
        let certificates = certificates
            .iter()
            .map(|text| Base64::decode_vec(text).ok());
        let certificates: Option<Vec<_>> = certificates.collect();
        let certificates = certificates.ok_or(PackageRefused::Base64("certificates"))?;
        let certificates =
            CertificateChain::new(certificates).map_err(PackageRefused::Certificates)?;
        let mut bytes = |name, bytes_max| {
            let text = members.required(Members::string, name)?;
            let bytes = Base64::decode_vec(&text).ok();
            bytes
                .filter(|bytes| (1..=bytes_max).contains(&bytes.len()))
                .ok_or(PackageRefused::Base64(name))
        };
        Ok(ActivationPackage {
            sealed_key: bytes("sealed_key", SEALED_KEY_BYTES_MAX)?,
            module: bytes("module", MODULE_BYTES_MAX)?,
            statement: SignedStatement::parse(&statement)?,
            certificates,
        })
    }

    /// The certificate of the authority that activates.
    ///
    /// # Errors
    ///
    /// [`PackageRefused::NoAuthority`].
    pub fn authority_certificate_der(&self) -> Result<&[u8], PackageRefused> {
        let authority = self.certificates.issuers().next();
        authority.ok_or(PackageRefused::NoAuthority)
    }

    /// What the authority with this public key says of the package, if that is by it and about
    /// what is here. Whether the certificates are to be believed is for those to judge who know
    /// the roots.
    ///
    /// # Errors
    ///
    /// [`PackageRefused`], see its variants.
    pub fn verify(
        &self,
        engine: &dyn Engine,
        authority_public_key_spki_der: &[u8],
    ) -> Result<Statement, PackageRefused> {
        let authority = self.authority_certificate_der()?;
        let statement = self
            .statement
            .verify(engine, authority, authority_public_key_spki_der)?;
        let certificate = CertificateHash::of(engine, self.certificates.own());
        if certificate != statement.certificate {
            return Err(PackageRefused::Changed("certificates"));
        }
        if ContentHash::of(engine, &self.sealed_key) != statement.sealed_key {
            return Err(PackageRefused::Changed("sealed_key"));
        }
        if ContentHash::of(engine, &self.module) != statement.module {
            return Err(PackageRefused::Changed("module"));
        }
        Ok(statement)
    }
}
