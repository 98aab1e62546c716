//! The bookplate: whom a copy was made for.

use base64ct::{Base64, Encoding};

use crate::validation::decode;
use crate::xml::{Caps, Element, Namespace, is_text, read};
use crate::{CopyId, TitleRefused, names};

/// What a copy at level 3 or 5 says of its buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bookplate {
    /// The owner's name, or whatever the retailer bound to the copy instead. Never empty.
    pub owner: String,
    /// The id of the copy.
    pub copy_id: CopyId,
}

/// The longest text a bookplate binds, in bytes of UTF-8.
const OWNER_BYTES_MAX: usize = 1024;

impl Bookplate {
    /// A bookplate for an owner, if the text can stand in one: 1 to 1024 bytes without
    /// control characters.
    #[must_use]
    pub fn new(owner: &str, copy_id: CopyId) -> Option<Bookplate> {
        let fits = (1..=OWNER_BYTES_MAX).contains(&owner.len());
        let plain = is_text(owner) && !owner.contains(char::is_control);
        (fits && plain).then(|| Bookplate {
            owner: owner.to_owned(),
            copy_id,
        })
    }

    pub(crate) fn to_xml(&self) -> Vec<u8> {
        let owner = Element::new(Namespace::TITLE, "owner").with_text(self.owner.as_str());
        Element::new(Namespace::TITLE, "bookplate")
            .with_attribute("profile", "1")
            .with_attribute("copy", Base64::encode_string(self.copy_id.as_bytes()))
            .with_child(owner)
            .canonical()
    }

    /// Reads a `bookplate.xml`, which must be in the form [`Bookplate::to_xml`] gives.
    pub(crate) fn from_xml(document: &[u8]) -> Result<Bookplate, TitleRefused> {
        let entry = names::BOOKPLATE;
        let root = read(document, &Caps::DOCUMENT)
            .map_err(|source| TitleRefused::Xml { entry, source })?;
        if root
            .attribute("profile")
            .is_some_and(|profile| profile != "1")
        {
            return Err(TitleRefused::Profile { entry });
        }
        match parse(&root) {
            Some(bookplate) if bookplate.to_xml() == document => Ok(bookplate),
            Some(_) | None => Err(TitleRefused::Document { entry }),
        }
    }
}

fn parse(root: &Element) -> Option<Bookplate> {
    let copy_id = CopyId::from_bytes(decode(root.attribute("copy")?)?);
    Bookplate::new(root.element(Namespace::TITLE, "owner")?.text()?, copy_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bookplate_binds_one_line_of_text() {
        let id = CopyId::from_bytes([7; 32]);
        for owner in ["Ishmael", " ", "\u{1F40B} & <Co> \"'", &"x".repeat(1024)] {
            let bookplate = Bookplate::new(owner, id).unwrap();
            assert_eq!(Bookplate::from_xml(&bookplate.to_xml()).unwrap(), bookplate);
        }
        for owner in ["", "a\nb", "a\0b", "\u{FFFF}", "\u{85}", &"x".repeat(1025)] {
            assert_eq!(Bookplate::new(owner, id), None, "{owner:?}");
        }
    }
}
