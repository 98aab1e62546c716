//! The form of a license: one element for everything said, always in the same order.

mod pieces;
mod principals;
mod rights;
mod work;
mod writer;

use base64ct::{Base64, Encoding};

pub(super) use self::pieces::read_all;
use self::pieces::{child, line, optional_line, optional_number};
use self::principals::{licensor, read_licensor};
pub(super) use self::principals::{principal, read_principal};
pub(super) use self::rights::{read_rights_group, rights_group};
use self::work::{read_work, work};
use self::writer::{Value, shown};
pub(super) use self::writer::{Writer, Written, put_base64};
use super::{License, LicenseId, LicenseKind};
use crate::xml::Element;

impl License {
    /// Writes the document without its signature.
    pub(super) fn write(&self) -> Written {
        let attributes = [
            ("profile", Value::Word("1")),
            ("kind", Value::Word(self.kind.as_str())),
            ("id", Value::Shown(&self.id)),
            ("issued", Value::Shown(&self.issued_at_unix_s)),
            ("until", shown(self.grants_until_unix_s.as_ref())),
        ];
        Writer::document("license", attributes, |writer| {
            line(writer, "descriptor", self.descriptor.as_ref());
            work(writer, &self.work);
            writer.all(&self.rights, rights_group);
            licensor(writer, &self.licensor);
            writer.all(&self.principals, principal);
            if let Some(document) = &self.delegated_by {
                writer.leaf("delegated-by", [], Value::Bytes(document));
            }
        })
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
