//! Writes signatures without the crate's help, so that they can say what a signer would not.

use base64ct::{Base64, Encoding};
use colophon_crypto::{Engine, Portable, SignatureAlgorithm, frames};

use super::authority::{ISSUED_AT, TestSigner, sign_raw};

pub(crate) const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
pub(crate) const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

const DS: &str = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

/// A `ds:Signature` to be, in its canonical form.
#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) id: String,
    /// What the object holds.
    pub(crate) statement: String,
    /// URI of the signature method.
    pub(crate) method: String,
    /// Digest to claim instead of the object's.
    pub(crate) digest: Option<[u8; 32]>,
    /// DER, in KeyInfo.
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Forgery {
    /// What a signer signs rightly, if the statement is right.
    pub(crate) fn by(signer: &TestSigner, id: &str, statement: &Claims) -> Forgery {
        let method = match signer.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => RSA_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => ECDSA_SHA256,
        };
        Forgery {
            id: id.to_owned(),
            statement: statement.xml(),
            method: method.to_owned(),
            digest: None,
            chain: signer.chain.clone(),
        }
    }

    fn object(&self, namespace: &str) -> String {
        format!(
            "<ds:Object{namespace} Id=\"{}\">{}</ds:Object>",
            self.id, self.statement
        )
    }

    fn signed_info(&self, namespace: &str) -> String {
        let digest = self
            .digest
            .unwrap_or_else(|| Portable.digest(&[self.object(DS).as_bytes()]));
        let exclusive = "Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"";
        format!(
            "<ds:SignedInfo{namespace}>\
             <ds:CanonicalizationMethod {exclusive}></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{}\">\
             <ds:Transforms><ds:Transform {exclusive}></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\">\
             </ds:DigestMethod><ds:DigestValue>{}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            self.method,
            self.id,
            Base64::encode_string(&digest),
        )
    }

    /// The octets a key must sign.
    pub(crate) fn message(&self) -> Vec<u8> {
        self.signed_info(DS).into_bytes()
    }

    pub(crate) fn signed_by(&self, signer: &TestSigner) -> String {
        self.with_value(&sign_raw(&signer.key, signer.algorithm, &self.message()))
    }

    pub(crate) fn with_value(&self, value: &[u8]) -> String {
        let certificates: String = self
            .chain
            .iter()
            .map(|der| {
                let text = Base64::encode_string(der);
                format!("<ds:X509Certificate>{text}</ds:X509Certificate>")
            })
            .collect();
        format!(
            "<ds:Signature{DS}>{}<ds:SignatureValue>{}</ds:SignatureValue>\
             <ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo>{}</ds:Signature>",
            self.signed_info(""),
            Base64::encode_string(value),
            self.object(""),
        )
    }
}

/// What a statement claims.
#[derive(Clone)]
pub(crate) struct Claims {
    pub(crate) role: String,
    pub(crate) issued: String,
    pub(crate) validation: [u8; 32],
    pub(crate) certificate: [u8; 32],
    pub(crate) issuers: Option<[u8; 32]>,
    pub(crate) over: Option<[u8; 32]>,
    pub(crate) copy: Option<[u8; 32]>,
}

impl Claims {
    /// The right claims of a signer about a title.
    pub(crate) fn of(signer: &TestSigner, validation: [u8; 32]) -> Claims {
        let issuers: Vec<&[u8]> = signer.chain.iter().skip(1).map(Vec::as_slice).collect();
        Claims {
            role: signer.role.to_string(),
            issued: ISSUED_AT.to_string(),
            validation,
            certificate: Portable.digest(&[&signer.chain[0]]),
            issuers: (!issuers.is_empty()).then(|| Portable.digest(&[&frames(&issuers)])),
            over: None,
            copy: None,
        }
    }

    pub(crate) fn over(mut self, tool: &str) -> Claims {
        self.over = Some(Portable.digest(&[tool.as_bytes()]));
        self
    }

    pub(crate) fn xml(&self) -> String {
        let digest = |name: &str, digest: Option<[u8; 32]>| match digest {
            Some(digest) => format!(" {name}=\"{}\"", Base64::encode_string(&digest)),
            None => String::new(),
        };
        format!(
            "<statement xmlns=\"urn:colophon:title:1\"{}{} issued=\"{}\"{}{} role=\"{}\"{}>\
             </statement>",
            digest("certificate", Some(self.certificate)),
            digest("copy", self.copy),
            self.issued,
            digest("issuers", self.issuers),
            digest("over", self.over),
            self.role,
            digest("validation", Some(self.validation)),
        )
    }
}

/// The document of these signatures.
pub(crate) fn document(signatures: &[&str]) -> Vec<u8> {
    let signatures = signatures.concat();
    let namespace = "urn:oasis:names:tc:opendocument:xmlns:container";
    format!("<signatures xmlns=\"{namespace}\">{signatures}</signatures>").into_bytes()
}
