//! The form of a `ds:Signature`: one algorithm of two, one reference to its own object.

use base64ct::{Base64, Encoding};
use colophon_crypto::SignatureAlgorithm;

use super::SignerRole;
use super::statement::decode_digest;
use crate::xml::{Element, Namespace};

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ECDSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

/// Where in a file a signature stands. The order is the order in the file; each place is
/// taken at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Tool,
    Owner,
    /// A provider's signature under the title version.
    Provider,
    /// A provider's signature under one copy.
    CopyProvider,
}

impl Place {
    const ALL: [Place; 4] = [
        Place::Tool,
        Place::Owner,
        Place::Provider,
        Place::CopyProvider,
    ];

    /// The place for what a signer of a role signs; nothing if only a provider may sign that.
    pub(super) fn of(role: SignerRole, per_copy: bool) -> Option<Place> {
        match (role, per_copy) {
            (SignerRole::Tool, false) => Some(Place::Tool),
            (SignerRole::Owner, false) => Some(Place::Owner),
            (SignerRole::Provider, false) => Some(Place::Provider),
            (SignerRole::Provider, true) => Some(Place::CopyProvider),
            (SignerRole::Tool | SignerRole::Owner, true) => None,
        }
    }

    pub(super) fn role(self) -> SignerRole {
        match self {
            Place::Tool => SignerRole::Tool,
            Place::Owner => SignerRole::Owner,
            Place::Provider | Place::CopyProvider => SignerRole::Provider,
        }
    }

    pub(super) fn is_per_copy(self) -> bool {
        self == Place::CopyProvider
    }

    /// The `Id` of the object, unique in the file because places are.
    fn id(self) -> &'static str {
        match self {
            Place::Tool => "tool",
            Place::Owner => "owner",
            Place::Provider => "provider",
            Place::CopyProvider => "copy-provider",
        }
    }
}

/// `ds:SignedInfo`: the octets of its canonical form are what the key signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedInfo {
    pub(super) place: Place,
    pub(super) algorithm: SignatureAlgorithm,
    /// SHA-256 of the canonical object.
    pub(super) digest: [u8; 32],
}

impl SignedInfo {
    pub(super) fn to_element(&self) -> Element {
        let method = match self.algorithm {
            SignatureAlgorithm::RsaPkcs1Sha256 => RSA_SHA256,
            SignatureAlgorithm::EcdsaP256Sha256 => ECDSA_SHA256,
        };
        let reference = ds("Reference")
            .with_attribute("URI", format!("#{}", self.place.id()))
            .with_child(ds("Transforms").with_child(algorithm("Transform", EXCLUSIVE_C14N)))
            .with_child(algorithm("DigestMethod", SHA256))
            .with_child(ds("DigestValue").with_text(Base64::encode_string(&self.digest)));
        ds("SignedInfo")
            .with_child(algorithm("CanonicalizationMethod", EXCLUSIVE_C14N))
            .with_child(algorithm("SignatureMethod", method))
            .with_child(reference)
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    fn from_element(element: &Element) -> Option<SignedInfo> {
        let method = child(element, "SignatureMethod")?.attribute("Algorithm")?;
        let reference = child(element, "Reference")?;
        let id = reference.attribute("URI")?.strip_prefix('#')?;
        Some(SignedInfo {
            place: Place::ALL.into_iter().find(|place| place.id() == id)?,
            algorithm: match method {
                RSA_SHA256 => SignatureAlgorithm::RsaPkcs1Sha256,
                ECDSA_SHA256 => SignatureAlgorithm::EcdsaP256Sha256,
                _ => return None,
            },
            digest: decode_digest(child(reference, "DigestValue")?.text()?)?,
        })
    }
}

/// A `ds:Signature` with what is in it; the content of the object is opaque here, because
/// nothing in it may be believed before the signature is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) signed_info: SignedInfo,
    pub(super) value: Vec<u8>,
    /// DER, the signer's own first.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) object: Element,
}

impl Envelope {
    pub(super) fn to_element(&self) -> Element {
        let certificates = self
            .certificates
            .iter()
            .fold(ds("X509Data"), |data, certificate| {
                let text = Base64::encode_string(certificate);
                data.with_child(ds("X509Certificate").with_text(text))
            });
        ds("Signature")
            .with_child(self.signed_info.to_element())
            .with_child(ds("SignatureValue").with_text(Base64::encode_string(&self.value)))
            .with_child(ds("KeyInfo").with_child(certificates))
            .with_child(self.object.clone())
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    pub(super) fn from_element(element: &Element) -> Option<Envelope> {
        let signed_info = SignedInfo::from_element(child(element, "SignedInfo")?)?;
        let data = child(child(element, "KeyInfo")?, "X509Data")?;
        let certificates = data
            .elements()
            .map(|certificate| decode(certificate.text()?));
        let statement = child(element, "Object")?.elements().next()?;
        Some(Envelope {
            value: decode(child(element, "SignatureValue")?.text()?)?,
            certificates: certificates.collect::<Option<_>>()?,
            object: object(signed_info.place, statement.clone()),
            signed_info,
        })
    }
}

/// The `ds:Object` for a statement.
pub(super) fn object(place: Place, statement: Element) -> Element {
    ds("Object")
        .with_attribute("Id", place.id())
        .with_child(statement)
}

fn ds(local: &'static str) -> Element {
    Element::new(Namespace::SIGNATURE, local)
}

fn algorithm(local: &'static str, uri: &'static str) -> Element {
    ds(local).with_attribute("Algorithm", uri)
}

fn child<'e>(element: &'e Element, local: &str) -> Option<&'e Element> {
    element.element(Namespace::SIGNATURE, local)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(text).ok()
}
