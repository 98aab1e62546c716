//! The pieces of XML Signature that every signature of Colophon is made of, in the one form they
//! are written in.

use base64ct::{Base64, Encoding};
use colophon_crypto::SignatureAlgorithm;

use crate::validation::decode as decode_digest;
use crate::xml::{Element, Namespace};

pub(crate) const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

/// `ds:SignedInfo` over one reference: the octets of its canonical form are what a key signs.
pub(crate) fn signed_info(
    method: SignatureAlgorithm,
    uri: &str,
    transforms: &[&'static str],
    digest: &[u8; 32],
) -> Element {
    let method = match method {
        SignatureAlgorithm::RsaPkcs1Sha256 => RSA_SHA256,
        SignatureAlgorithm::EcdsaP256Sha256 => ECDSA_SHA256,
    };
    let transforms = transforms.iter().fold(ds("Transforms"), |all, transform| {
        all.with_child(algorithm("Transform", transform))
    });
    let reference = ds("Reference")
        .with_attribute("URI", uri)
        .with_child(transforms)
        .with_child(algorithm("DigestMethod", SHA256))
        .with_child(ds("DigestValue").with_text(Base64::encode_string(digest)));
    ds("SignedInfo")
        .with_child(algorithm("CanonicalizationMethod", EXCLUSIVE_C14N))
        .with_child(algorithm("SignatureMethod", method))
        .with_child(reference)
}

/// What varies in a `ds:SignedInfo`: method, URI and digest.
pub(crate) fn read_signed_info(element: &Element) -> Option<(SignatureAlgorithm, &str, [u8; 32])> {
    let method = match child(element, "SignatureMethod")?.attribute("Algorithm")? {
        RSA_SHA256 => SignatureAlgorithm::RsaPkcs1Sha256,
        ECDSA_SHA256 => SignatureAlgorithm::EcdsaP256Sha256,
        _ => return None,
    };
    let reference = child(element, "Reference")?;
    let digest = decode_digest(child(reference, "DigestValue")?.text()?)?;
    Some((method, reference.attribute("URI")?, digest))
}

/// `ds:KeyInfo`: the certificates (DER, the signer's own first).
pub(crate) fn key_info(certificates: &[Vec<u8>]) -> Element {
    let data = certificates
        .iter()
        .fold(ds("X509Data"), |data, certificate| {
            let text = Base64::encode_string(certificate);
            data.with_child(ds("X509Certificate").with_text(text))
        });
    ds("KeyInfo").with_child(data)
}

/// `ds:Signature` but for objects in it: what was signed, the signature, and the certificates.
pub(crate) fn signature(signed_info: Element, value: &[u8], key_info: Element) -> Element {
    ds("Signature")
        .with_child(signed_info)
        .with_child(ds("SignatureValue").with_text(Base64::encode_string(value)))
        .with_child(key_info)
}

/// The signature value and the certificates of a `ds:Signature`.
pub(crate) fn read_signature(element: &Element) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let data = child(child(element, "KeyInfo")?, "X509Data")?;
    let certificates = data
        .elements()
        .map(|certificate| decode(certificate.text()?));
    Some((
        decode(child(element, "SignatureValue")?.text()?)?,
        certificates.collect::<Option<_>>()?,
    ))
}

pub(crate) fn ds(local: &'static str) -> Element {
    Element::new(Namespace::SIGNATURE, local)
}

pub(crate) fn child<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    element.element(Namespace::SIGNATURE, local)
}

fn algorithm(local: &'static str, uri: &'static str) -> Element {
    ds(local).with_attribute("Algorithm", uri)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}
