//! The form of a license: one element for everything said, always in the same order.

mod pieces;
mod principals;
mod rights;
mod work;

use base64ct::{Base64, Encoding};

use self::pieces::{child, optional_line, optional_number, with_line, with_number};
pub(super) use self::pieces::{el, read_all, with_all};
use self::principals::{licensor, read_licensor};
pub(super) use self::principals::{principal, read_principal};
pub(super) use self::rights::{read_rights_group, rights_group};
use self::work::{read_work, work};
use super::{License, LicenseId, LicenseKind};
use crate::xml::Element;

impl License {
    /// The document without its signature.
    pub(super) fn to_element(&self) -> Element {
        let root = el("license")
            .with_attribute("profile", "1")
            .with_attribute("kind", self.kind.as_str())
            .with_attribute("id", self.id.to_string())
            .with_attribute("issued", self.issued_at_unix_s.to_string());
        let root = with_number(root, "until", self.grants_until_unix_s);
        let root = with_line(root, "descriptor", self.descriptor.as_ref());
        let root = root.with_child(work(&self.work));
        let root = with_all(root, &self.rights, rights_group);
        let root = root.with_child(licensor(&self.licensor));
        let root = with_all(root, &self.principals, principal);
        match &self.delegated_by {
            Some(document) => {
                root.with_child(el("delegated-by").with_text(Base64::encode_string(document)))
            }
            None => root,
        }
    }

    /// Reads what varies; whether the rest is as it must be shows when it is written again.
    pub(super) fn from_element(root: &Element) -> Option<License> {
        let delegated_by = match child(root, "delegated-by") {
            Some(document) => Some(Base64::decode_vec(document.text()?).ok()?),
            None => None,
        };
        Some(License {
            kind: LicenseKind::from_word(root.attribute("kind")?)?,
            id: LicenseId::parse(root.attribute("id")?)?,
            issued_at_unix_s: root.attribute("issued")?.parse().ok()?,
            descriptor: optional_line(root, "descriptor")?,
            work: read_work(child(root, "work")?)?,
            rights: read_all(root, "rights-group", read_rights_group)?,
            licensor: read_licensor(child(root, "licensor")?)?,
            principals: read_all(root, "principal", read_principal)?,
            delegated_by,
            grants_until_unix_s: optional_number(root, "until")?,
        })
    }
}
