//! A signed title version and a signed copy of it.

use colophon_crypto::{Engine, Portable, SignatureAlgorithm};
use colophon_title::signature::{
    SignatureElement, SignedState, Signer, SignerRole, StatementTerms, assemble, sign_all,
};

use super::authority::{Authority, ISSUED_AT, TestSigner};

/// One signer of each role, under one root.
pub(crate) struct Signers {
    pub(crate) root: Authority,
    pub(crate) tool: TestSigner,
    pub(crate) owner: TestSigner,
    pub(crate) provider: TestSigner,
}

impl Signers {
    /// Signers with keys for one algorithm; the provider's certificate has an issuer between.
    pub(crate) fn new(algorithm: SignatureAlgorithm) -> Signers {
        let root = Authority::root("Platform", algorithm);
        Signers {
            tool: root.signer(SignerRole::Tool, algorithm),
            owner: root.signer(SignerRole::Owner, algorithm),
            provider: root
                .intermediate("Center", vec![])
                .signer(SignerRole::Provider, algorithm),
            root,
        }
    }

    /// All signatures a title version can have.
    pub(crate) fn sign_version(&self, terms: &StatementTerms) -> Vec<SignatureElement> {
        let signers: [&dyn Signer; 3] = [&self.provider, &self.tool, &self.owner];
        sign_all(&Portable, &[], &signers, terms).unwrap()
    }

    /// All signatures a copy can have.
    pub(crate) fn sign_copy(&self, state: &SignedState) -> Vec<SignatureElement> {
        let version = self.sign_version(&terms(&SignedState {
            copy_hash: None,
            ..*state
        }));
        sign_all(&Portable, &version, &[&self.provider], &terms(state)).unwrap()
    }

    /// The `signatures.xml` of such a copy.
    pub(crate) fn document(&self, state: &SignedState) -> Vec<u8> {
        assemble(&self.sign_copy(state))
    }
}

/// What the files of these tests are about: titles and copies by name.
pub(crate) fn state(title: &str, copy: &str) -> SignedState {
    SignedState {
        validation_sha256: Portable.digest(&[title.as_bytes()]),
        copy_hash: Some(Portable.digest(&[copy.as_bytes()])),
    }
}

pub(crate) fn terms(state: &SignedState) -> StatementTerms {
    StatementTerms {
        validation_sha256: state.validation_sha256,
        issued_at_unix_s: ISSUED_AT,
        copy_hash: state.copy_hash,
    }
}
