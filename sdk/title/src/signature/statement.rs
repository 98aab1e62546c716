//! What a signature states.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, frames};

use super::SignerRole;
use crate::validation::decode as decode_digest;
use crate::xml::{Element, Namespace};

/// The content of a `<statement>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) role: SignerRole,
    /// SHA-256 of `validation.xml`.
    pub(super) validation: [u8; 32],
    /// SHA-256 of the signer's certificate.
    pub(super) certificate: [u8; 32],
    /// What [`issuers_digest`] gives for the other certificates.
    pub(super) issuers: Option<[u8; 32]>,
    pub(super) issued_at_unix_s: i64,
    /// SHA-256 of the canonical tool signature.
    pub(super) over: Option<[u8; 32]>,
    pub(super) copy_hash: Option<[u8; 32]>,
}

impl Statement {
    pub(super) fn to_element(self) -> Element {
        let digests = [
            ("issuers", self.issuers),
            ("over", self.over),
            ("copy", self.copy_hash),
        ];
        let element = Element::new(Namespace::TITLE, "statement")
            .with_attribute("role", self.role.as_str())
            .with_attribute("issued", self.issued_at_unix_s.to_string())
            .with_attribute("validation", Base64::encode_string(&self.validation))
            .with_attribute("certificate", Base64::encode_string(&self.certificate));
        digests
            .into_iter()
            .fold(element, |element, (name, digest)| match digest {
                Some(digest) => element.with_attribute(name, Base64::encode_string(&digest)),
                None => element,
            })
    }

    /// The statement of an element, nothing if it is not exactly what
    /// [`Statement::to_element`] writes.
    pub(super) fn from_element(element: &Element) -> Option<Statement> {
        let digest = |name| element.attribute(name).map(decode_digest);
        let statement = Statement {
            role: SignerRole::from_word(element.attribute("role")?)?,
            validation: digest("validation")??,
            certificate: digest("certificate")??,
            issuers: digest("issuers").and_then(|digest| digest),
            issued_at_unix_s: element.attribute("issued")?.parse().ok()?,
            over: digest("over").and_then(|digest| digest),
            copy_hash: digest("copy").and_then(|digest| digest),
        };
        (statement.to_element().canonical() == element.canonical()).then_some(statement)
    }
}

/// SHA-256 over the frames of all certificates after the signer's own; nothing if there are
/// none. Without it, somebody could alter an issuer's certificate inside the file and turn a
/// proven origin into an unproven one unseen.
pub(crate) fn issuers_digest(engine: &dyn Engine, chain: &[Vec<u8>]) -> Option<[u8; 32]> {
    let issuers: Vec<&[u8]> = chain.iter().skip(1).map(Vec::as_slice).collect();
    (!issuers.is_empty()).then(|| engine.digest(&[&frames(&issuers)]))
}
