//! The form of a `ds:Signature`: one algorithm of two, one reference to its own object.

use colophon_crypto::SignatureAlgorithm;

use super::SignerRole;
use crate::dsig::{self, EXCLUSIVE_C14N, child, ds};
use crate::xml::Element;

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
        let uri = format!("#{}", self.place.id());
        dsig::signed_info(self.algorithm, &uri, &[EXCLUSIVE_C14N], &self.digest)
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    fn from_element(element: &Element) -> Option<SignedInfo> {
        let (algorithm, uri, digest) = dsig::read_signed_info(element)?;
        let id = uri.strip_prefix('#')?;
        Some(SignedInfo {
            place: Place::ALL.into_iter().find(|place| place.id() == id)?,
            algorithm,
            digest,
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
        let signed_info = self.signed_info.to_element();
        let key_info = dsig::key_info(&self.certificates);
        dsig::signature(signed_info, &self.value, key_info).with_child(self.object.clone())
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    pub(super) fn from_element(element: &Element) -> Option<Envelope> {
        let signed_info = SignedInfo::from_element(child(element, "SignedInfo")?)?;
        let (value, certificates) = dsig::read_signature(element)?;
        let statement = child(element, "Object")?.elements().next()?;
        Some(Envelope {
            value,
            certificates,
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
