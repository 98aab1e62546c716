//! A license with its signature, as one document.

use colophon_crypto::SignatureAlgorithm;

use super::document::{Written, put_base64};
use super::shapes::ShapesRead;
use super::{LICENSE_BYTES_MAX, License};
use crate::dsig::{self, ENVELOPED, EXCLUSIVE_C14N, child};
use crate::xml::{Caps, Element, Node, read_canonical};

const CAPS: Caps = Caps {
    bytes_max: LICENSE_BYTES_MAX,
    elements_max: 4096,
    depth_max: 8,
    attributes_max: 16,
};

/// How every license ends.
const END: &[u8] = b"</license>";

/// A license document taken apart. Nothing in it may be believed before it is verified.
pub(super) struct Envelope {
    /// The license without its signature.
    pub(super) body: Element,
    pub(super) algorithm: SignatureAlgorithm,
    /// SHA-256 of the canonical body.
    pub(super) digest: [u8; 32],
    pub(super) value: Vec<u8>,
    /// DER, the licensor's own first.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Envelope {
    /// What the key signs.
    pub(super) fn signed_octets(&self) -> Vec<u8> {
        signed_info(self.algorithm, &self.digest).canonical()
    }

    fn to_document(&self) -> Vec<u8> {
        let signed_info = signed_info(self.algorithm, &self.digest);
        let key_info = dsig::key_info(&self.certificates);
        let signature = dsig::signature(signed_info, &self.value, key_info);
        self.body.clone().with_child(signature).canonical()
    }

    /// Takes a document apart that is byte for byte as [`Envelope::to_document`] writes it:
    /// canonical, its one signature last.
    pub(super) fn read(document: &[u8]) -> Option<Envelope> {
        let mut body = read_canonical(document, &CAPS).ok()?;
        let Some(Node::Element(signature)) = body.children.pop() else {
            return None;
        };
        let (algorithm, _, digest) = dsig::read_signed_info(child(&signature, "SignedInfo")?)?;
        let (value, certificates) = dsig::read_signature(&signature)?;
        let envelope = Envelope {
            body,
            algorithm,
            digest,
            value,
            certificates,
        };
        (envelope.to_document() == document).then_some(envelope)
    }
}

/// A license that is about to be signed, written down once.
pub(super) struct Unsigned {
    octets: Vec<u8>,
}

impl Unsigned {
    /// Writes a license, if every reader will read it back as what it is. That [`license_of`]
    /// would write it once more and find the same follows from that.
    pub(super) fn of(license: &License, shapes: &ShapesRead) -> Option<Unsigned> {
        let Written { octets, shape } = license.write();
        if !shapes.contain(&shape) {
            let read = read_canonical(&octets, &CAPS).ok()?;
            if License::from_element(&read).as_ref() != Some(license) {
                return None;
            }
            shapes.insert(shape);
        }
        Some(Unsigned { octets })
    }

    /// What the digest of the license is over.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The document: the license with its signature last.
    pub(super) fn with_signature(
        self,
        form: &SignatureForm,
        digest: &[u8; 32],
        value: &[u8],
    ) -> Vec<u8> {
        let mut octets = self.octets;
        octets.truncate(octets.len().saturating_sub(END.len()));
        form.put(digest, value, &mut octets);
        octets.extend_from_slice(END);
        octets
    }
}

/// One reference, to the whole document but its signature.
fn signed_info(algorithm: SignatureAlgorithm, digest: &[u8; 32]) -> Element {
    dsig::signed_info(algorithm, "", &[ENVELOPED, EXCLUSIVE_C14N], digest)
}

/// The signatures by one key under one chain of certificates, which differ in two places only: the
/// digest of the license, and the value.
pub(super) struct SignatureForm {
    /// What is signed, around the digest.
    signed: [Vec<u8>; 2],
    /// The element, around the digest and the value.
    element: [Vec<u8>; 3],
}

impl SignatureForm {
    pub(super) fn new(
        algorithm: SignatureAlgorithm,
        certificates: &[Vec<u8>],
    ) -> Option<SignatureForm> {
        let digest = [0; 32];
        let mut digest_text = Vec::new();
        put_base64(&digest, &mut digest_text);
        let signed = signed_info(algorithm, &digest);
        let key_info = dsig::key_info(certificates);
        let element = dsig::signature(signed.clone(), &[], key_info).canonical();
        // Both stand before the certificates, and nothing before them looks like them.
        let (before_digest, element) = cut(&element, &digest_text)?;
        let value_end = b"</ds:SignatureValue>";
        let (before_value, _) = cut(element, value_end)?;
        let after_value = element.get(before_value.len()..)?;
        let signed = signed.canonical();
        let (before, after) = cut(&signed, &digest_text)?;
        Some(SignatureForm {
            signed: [before.to_vec(), after.to_vec()],
            element: [before_digest, before_value, after_value].map(<[u8]>::to_vec),
        })
    }

    /// What the key signs for a license with this digest.
    pub(super) fn signed_octets(&self, digest: &[u8; 32]) -> Vec<u8> {
        let [before, after] = &self.signed;
        let mut octets = Vec::with_capacity(before.len() + after.len() + 44);
        octets.extend_from_slice(before);
        put_base64(digest, &mut octets);
        octets.extend_from_slice(after);
        octets
    }

    /// Appends the element that says so.
    fn put(&self, digest: &[u8; 32], value: &[u8], out: &mut Vec<u8>) {
        let [before, between, after] = &self.element;
        out.extend_from_slice(before);
        put_base64(digest, out);
        out.extend_from_slice(between);
        put_base64(value, out);
        out.extend_from_slice(after);
    }
}

/// What is before and after the first place where `mark` stands.
fn cut<'o>(octets: &'o [u8], mark: &[u8]) -> Option<(&'o [u8], &'o [u8])> {
    let at = octets.windows(mark.len()).position(|part| part == mark)?;
    let (before, from) = octets.split_at_checked(at)?;
    Some((before, from.get(mark.len()..)?))
}

/// The license of octets that were verified, if they are exactly what it would be written as.
pub(super) fn license_of(body_octets: &[u8]) -> Option<License> {
    let body = read_canonical(body_octets, &CAPS).ok()?;
    let license = License::from_element(&body)?;
    (license.write().octets == body_octets).then_some(license)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_put_together_is_the_one_that_is_read() {
        let (digest, value) = ([7; 32], [8; 256]);
        // Even where a certificate looks like what the form is cut at.
        for certificates in [vec![vec![0; 900], vec![1; 3]], vec![vec![0; 32]], vec![]] {
            for algorithm in [
                SignatureAlgorithm::RsaPkcs1Sha256,
                SignatureAlgorithm::EcdsaP256Sha256,
            ] {
                let form = SignatureForm::new(algorithm, &certificates).unwrap();
                let info = signed_info(algorithm, &digest);
                assert_eq!(form.signed_octets(&digest), info.canonical());
                let mut put = Vec::new();
                form.put(&digest, &value, &mut put);
                let key_info = dsig::key_info(&certificates);
                assert_eq!(put, dsig::signature(info, &value, key_info).canonical());
            }
        }
    }
}
