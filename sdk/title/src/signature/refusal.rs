//! Why signatures were refused.

/// Why a `signatures.xml` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SignatureRefused {
    /// Not byte for byte what this format writes: not canonical, an unknown algorithm, a
    /// second reference, an unknown element, a twin.
    #[error("signatures.xml is not in the form it is written in")]
    Form,
    /// There is no tool signature first, which the others sign over.
    #[error("there is no tool signature in the first place")]
    NoToolSignature,
    /// The digest of the statement is another one than signed.
    #[error("a statement is not the one that was signed")]
    Digest,
    /// The signature does not verify under the certificate it came with.
    #[error("a signature does not verify")]
    Value,
    /// What is signed is not a statement.
    #[error("what was signed is not a statement")]
    Statement,
    /// The statement names other certificates than those that came with it.
    #[error("a statement is by another certificate")]
    OtherCertificate,
    /// Statement, place and certificate do not agree on the role.
    #[error("a certificate is not for the role it signs in")]
    Role,
    /// The statement is about another title, or another version of it.
    #[error("a statement is about another title version")]
    OtherTitle,
    /// The statement stands over another tool signature.
    #[error("a statement stands over another tool signature")]
    OtherToolSignature,
    /// The statement is about another copy.
    #[error("a statement is about another copy")]
    OtherCopy,
    /// A certificate cannot be read, or the certificates are not a chain.
    #[error("the certificates of a signature are not a chain")]
    Chain,
    /// A certificate was not valid at the time of issue.
    #[error("a certificate was not valid when the signature was issued")]
    Time,
    /// A certificate has been revoked.
    #[error("a certificate has been revoked")]
    Revoked,
}

impl SignatureRefused {
    /// A short name that stays the same, for logs and test vectors.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            SignatureRefused::Form => "signature-form",
            SignatureRefused::NoToolSignature => "signature-no-tool",
            SignatureRefused::Digest => "signature-digest",
            SignatureRefused::Value => "signature-value",
            SignatureRefused::Statement => "signature-statement",
            SignatureRefused::OtherCertificate => "signature-other-certificate",
            SignatureRefused::Role => "signature-role",
            SignatureRefused::OtherTitle => "signature-other-title",
            SignatureRefused::OtherToolSignature => "signature-other-tool",
            SignatureRefused::OtherCopy => "signature-other-copy",
            SignatureRefused::Chain => "signature-chain",
            SignatureRefused::Time => "signature-time",
            SignatureRefused::Revoked => "signature-revoked",
        }
    }
}
