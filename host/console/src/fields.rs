//! Fields of a form or a query.

use std::collections::BTreeMap;

/// The fields, each there once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

/// A field is there twice, or the text is no UTF-8; different readers of it would see different
/// forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl Fields {
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Ambiguous> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            // What is no UTF-8 was replaced by this sign, which nobody types.
            if value.contains('\u{FFFD}') {
                return Err(Ambiguous);
            }
            if fields
                .insert(name.into_owned(), value.into_owned())
                .is_some()
            {
                return Err(Ambiguous);
            }
        }
        Ok(Self(fields))
    }

    /// A field's value; empty if it is not there.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A field's value, unless it is empty or not there.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_there_once() {
        let fields = Fields::parse(b"a=1+2&b=%C3%A4&c").unwrap();
        assert_eq!(fields.text("a"), "1 2");
        assert_eq!(fields.filled("b"), Some("ä"));
        assert_eq!(fields.filled("c"), None);
        assert_eq!(fields.text("d"), "");
        assert_eq!(Fields::parse(b"a=1&a=1").err(), Some(Ambiguous));
        assert_eq!(Fields::parse(b"a=%FF").err(), Some(Ambiguous));
    }
}
