//! A license with its signature, as one document.

use colophon_crypto::SignatureAlgorithm;

use super::{LICENSE_BYTES_MAX, License};
use crate::dsig::{self, ENVELOPED, EXCLUSIVE_C14N, child};
use crate::xml::{Caps, Element, Node, read_canonical};

const CAPS: Caps = Caps {
    bytes_max: LICENSE_BYTES_MAX,
    elements_max: 4096,
    depth_max: 8,
    attributes_max: 16,
};

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
    body: Element,
    octets: Vec<u8>,
}

impl Unsigned {
    /// Writes a license, if every reader will read it back as what it is. That [`license_of`]
    /// would write it once more and find the same follows from that.
    pub(super) fn of(license: &License) -> Option<Unsigned> {
        let body = license.to_element();
        let octets = body.canonical();
        let read = read_canonical(&octets, &CAPS).ok()?;
        let same = License::from_element(&read).as_ref() == Some(license);
        same.then_some(Unsigned { body, octets })
    }

    /// What the digest of the license is over.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The document: the license with its signature last.
    pub(super) fn with_signature(mut self, signature: &Element) -> Vec<u8> {
        self.body.append_to_canonical(&mut self.octets, signature);
        self.octets
    }
}

/// One reference, to the whole document but its signature.
pub(super) fn signed_info(algorithm: SignatureAlgorithm, digest: &[u8; 32]) -> Element {
    dsig::signed_info(algorithm, "", &[ENVELOPED, EXCLUSIVE_C14N], digest)
}

/// The license of octets that were verified, if they are exactly what it would be written as.
pub(super) fn license_of(body_octets: &[u8]) -> Option<License> {
    let body = read_canonical(body_octets, &CAPS).ok()?;
    let license = License::from_element(&body)?;
    (license.to_element().canonical() == body_octets).then_some(license)
}
