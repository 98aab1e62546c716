//! Reading the few XML documents of a publication that matter for sealing it.
//!
//! An EPUB 2 package document may carry the DOCTYPE of its time. It is cut out: nothing it
//! refers to is ever fetched, no entity is ever expanded, and one that declares anything of
//! its own is refused. All the rest is [`xml::read`]'s.

use std::borrow::Cow;
use std::io::{Read, Seek};

use super::archive::ArchivedFile;
use super::content::Content;
use super::{DocumentRefused, Limits, PublicationRefused, SourceRefused};
use crate::xml::{self, Caps, Element};

/// A package document has two elements for every file and some more. In memory, elements and
/// attributes take many times what they take in the document.
const ELEMENTS_MAX: usize = 40_000;
const ATTRIBUTES_MAX: usize = 1 << 17;

/// Reads the document in a file of an archive.
pub(super) fn read<R: std::io::BufRead + Seek>(
    source: &mut R,
    file: &ArchivedFile,
    limits: &Limits,
) -> Result<Element, SourceRefused> {
    let refused = |source| PublicationRefused::Document {
        path: file.path.clone(),
        source,
    };
    let bytes_max = limits.xml_bytes_max;
    if file.content.size > bytes_max {
        return Err(refused(DocumentRefused::TooLong { bytes_max }).into());
    }
    let mut bytes = Vec::new();
    Content::open(source, file.content)?.read_to_end(&mut bytes)?;
    Ok(parse(&bytes, limits).map_err(refused)?)
}

fn parse(bytes: &[u8], limits: &Limits) -> Result<Element, DocumentRefused> {
    let text = decode(bytes)?;
    let text = without_doctype(&text)?;
    // Every attribute has its sign; text that has some too is only counted against it.
    if text.bytes().filter(|byte| *byte == b'=').count() > ATTRIBUTES_MAX {
        return Err(DocumentRefused::TooManyAttributes {
            attributes_max: ATTRIBUTES_MAX,
        });
    }
    let caps = Caps {
        bytes_max: text.len(),
        elements_max: ELEMENTS_MAX,
        depth_max: limits.xml_depth_max,
        attributes_max: limits.xml_attributes_max,
    };
    Ok(xml::read(text.as_bytes(), &caps)?)
}

/// UTF-8, UTF-16 with its mark, or what the XML declaration says if that is ISO 8859-1.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, DocumentRefused> {
    let utf16 = |pairs: &[u8], number: fn([u8; 2]) -> u16| {
        let (pairs, rest) = pairs.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| number(*pair)).collect();
        let text = String::from_utf16(&units).map_err(|_| DocumentRefused::Encoding)?;
        if rest.is_empty() {
            Ok(Cow::Owned(text))
        } else {
            Err(DocumentRefused::Encoding)
        }
    };
    match bytes {
        [0xff, 0xfe, pairs @ ..] => utf16(pairs, u16::from_le_bytes),
        [0xfe, 0xff, pairs @ ..] => utf16(pairs, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ if declares_latin_1(bytes) => Ok(bytes.iter().copied().map(char::from).collect()),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, DocumentRefused> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|_| DocumentRefused::Encoding)
}

fn declares_latin_1(bytes: &[u8]) -> bool {
    let Some(end) = bytes.iter().take(200).position(|byte| *byte == b'>') else {
        return false;
    };
    let declaration = bytes.get(..end).unwrap_or_default().to_ascii_lowercase();
    declaration.starts_with(b"<?xml")
        && declaration
            .windows(10)
            .any(|window| window == b"iso-8859-1")
}

/// The text without its DOCTYPE, if it has one before the root element.
fn without_doctype(text: &str) -> Result<Cow<'_, str>, DocumentRefused> {
    let Some(start) = doctype_start(text) else {
        return Ok(Cow::Borrowed(text));
    };
    let (before, doctype) = text.split_at(start);
    let mut quote = None;
    for (at, c) in doctype.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => return Err(DocumentRefused::InternalSubset),
            (None, '>') => {
                let after = doctype.get(at + 1..).unwrap_or_default();
                return Ok(Cow::Owned(format!("{before}{after}")));
            }
            (None, _) => {}
        }
    }
    Err(DocumentRefused::InternalSubset)
}

/// Where the DOCTYPE begins: after nothing but white space, comments and instructions.
fn doctype_start(text: &str) -> Option<usize> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let end = if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<?") {
            "?>"
        } else {
            let found = rest
                .get(..9)
                .is_some_and(|name| name.eq_ignore_ascii_case("<!doctype"));
            return found.then(|| text.len() - rest.len());
        };
        rest = rest.split_once(end)?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(document: &str) -> Option<DocumentRefused> {
        parse(document.as_bytes(), &Limits::default()).err()
    }

    #[test]
    fn a_doctype_is_cut_out_if_it_declares_nothing() {
        for doctype in [
            "<!DOCTYPE package>",
            "<!DOCTYPE package PUBLIC \"+//ISBN 0-9673008-1-9//DTD OEB 1.2 Package//EN\" \
             \"http://openebook.org/dtds/oeb-1.2/oebpkg12.dtd\">",
            "<!-- [ > -->\n<?p [ > ?><!DOCTYPE package SYSTEM 'a[>b'>",
        ] {
            let document = format!("<?xml version=\"1.0\"?>\n{doctype}\n<package/>");
            assert_eq!(refused(&document), None, "{doctype}");
        }
        for doctype in [
            "<!DOCTYPE package [<!ENTITY a \"b\">]>",
            "<!DOCTYPE package []>",
            "<!DOCTYPE package SYSTEM \"x\" [",
            "<!doctype package [",
            "<!DOCTYPE package SYSTEM \"",
        ] {
            let document = format!("{doctype}<package/>");
            assert_eq!(
                refused(&document),
                Some(DocumentRefused::InternalSubset),
                "{doctype}"
            );
        }
    }

    #[test]
    fn a_second_or_late_doctype_is_refused() {
        let doctype = Some(DocumentRefused::Xml(xml::XmlRefused::Doctype));
        assert_eq!(
            refused("<!DOCTYPE a><!DOCTYPE b [<!ENTITY c 'd'>]><a/>"),
            doctype
        );
        assert_eq!(refused("<a><!DOCTYPE b></a>"), doctype);
    }

    #[test]
    fn entities_are_never_expanded() {
        let entity = Some(DocumentRefused::Xml(xml::XmlRefused::Entity));
        assert_eq!(
            refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>&b;</a>"),
            entity
        );
        assert_eq!(refused("<a b='&c;'/>"), entity);
        assert_eq!(refused("<a b='&lt;&#65;'>&amp;</a>"), None);
    }

    #[test]
    fn encodings_of_real_books_are_read() {
        let name = |bytes: &[u8]| {
            let root = parse(bytes, &Limits::default()).unwrap();
            root.text().map(str::to_owned)
        };
        let utf16 = |number: fn(u16) -> [u8; 2]| {
            "\u{feff}<a>é</a>"
                .encode_utf16()
                .flat_map(number)
                .collect::<Vec<u8>>()
        };
        assert_eq!(name("\u{feff}<a>é</a>".as_bytes()).as_deref(), Some("é"));
        assert_eq!(name(&utf16(u16::to_le_bytes)).as_deref(), Some("é"));
        assert_eq!(name(&utf16(u16::to_be_bytes)).as_deref(), Some("é"));
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
        assert_eq!(name(latin).as_deref(), Some("é"));
        let unknown = parse(b"<a>\xe9</a>", &Limits::default());
        assert_eq!(unknown.err(), Some(DocumentRefused::Encoding));
    }

    #[test]
    fn bombs_of_attributes_and_depth_are_refused() {
        let many: String = (0..300).map(|number| format!(" a{number}=''")).collect();
        assert!(matches!(
            refused(&format!("<a{many}/>")),
            Some(DocumentRefused::Xml(
                xml::XmlRefused::TooManyAttributes { .. }
            ))
        ));
        let elements = "<a b='' c='' d='' e='' f='' g='' h='' i=''/>".repeat(20_000);
        assert!(matches!(
            refused(&format!("<a>{elements}</a>")),
            Some(DocumentRefused::TooManyAttributes { .. })
        ));
        assert!(matches!(
            refused(&"<a>".repeat(100_000)),
            Some(DocumentRefused::Xml(xml::XmlRefused::TooDeep { .. }))
        ));
    }
}
