//! What a package document (OPF of EPUB 3, EPUB 2 or OEB) says.

use std::collections::BTreeMap;

use crate::EntryPath;
use crate::xml::{Element, Node};

const DUBLIN_CORE: &str = "http://purl.org/dc/";
const NCX: &str = "application/x-dtbncx+xml";

/// What is taken from a package document.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) title: Option<String>,
    pub(super) authors: Vec<String>,
    pub(super) language: Option<String>,
    pub(super) publisher: Option<String>,
    pub(super) rights: Option<String>,
    pub(super) identifier: Option<String>,
    pub(super) items: Vec<Item>,
}

/// A file the manifest lists.
#[derive(Debug)]
pub(super) struct Item {
    /// As the manifest writes it.
    pub(super) href: String,
    /// Nothing for a resource that is elsewhere, or could be nowhere in an archive.
    pub(super) path: Option<EntryPath>,
    pub(super) is_navigation: bool,
    pub(super) is_cover: bool,
}

/// A Dublin Core element; OEB nests them one deeper and capitalizes their names.
struct Statement<'e> {
    kind: String,
    text: String,
    element: &'e Element,
}

impl Package {
    /// Reads the package document at `path`; nothing if it is another kind of document.
    pub(super) fn read(package: &Element, path: &EntryPath) -> Option<Package> {
        if package.name.local != "package" {
            return None;
        }
        let metadata: Vec<&Element> = children(package, "metadata").collect();
        let statements: Vec<Statement<'_>> = metadata
            .iter()
            .flat_map(|metadata| statements(metadata))
            .collect();
        let metas = Metas::of(&metadata);
        let first = |kind: &str| {
            let mut texts = statements.iter().filter(|statement| statement.kind == kind);
            texts.next().map(|statement| statement.text.clone())
        };
        let unique = package.attribute("unique-identifier");
        let identifier = statements
            .iter()
            .filter(|statement| statement.kind == "identifier")
            .find(|statement| unique.is_some() && statement.element.attribute("id") == unique)
            .map(|statement| statement.text.clone());
        Some(Package {
            title: main_title(&statements, &metas).or_else(|| first("title")),
            authors: authors(&statements, &metas),
            language: first("language"),
            publisher: first("publisher"),
            rights: first("rights"),
            identifier: identifier.or_else(|| first("identifier")),
            items: items(package, &metas, path),
        })
    }
}

fn items(package: &Element, metas: &Metas<'_>, path: &EntryPath) -> Vec<Item> {
    let toc = children(package, "spine").find_map(|spine| spine.attribute("toc"));
    let cover_meta = metas.cover;
    let items = children(package, "manifest").flat_map(|manifest| children(manifest, "item"));
    items
        .filter_map(|item| {
            let href = item.attribute("href")?;
            let media_type = item.attribute("media-type").unwrap_or_default();
            let has = |property: &str| {
                let properties = item.attribute("properties").unwrap_or_default();
                properties
                    .split_ascii_whitespace()
                    .any(|has| has == property)
            };
            let is = |id: Option<&str>| id.is_some() && item.attribute("id") == id;
            // Some books name the cover by its file instead of its id.
            let named_cover = is(cover_meta) || cover_meta == Some(href);
            Some(Item {
                path: resolve(path, href),
                is_navigation: has("nav") || media_type == NCX || is(toc),
                is_cover: media_type.starts_with("image/") && (has("cover-image") || named_cover),
                href: href.to_owned(),
            })
        })
        .collect()
}

/// The title that EPUB 3 refines as the main one.
fn main_title(statements: &[Statement<'_>], metas: &Metas<'_>) -> Option<String> {
    let titles = statements
        .iter()
        .filter(|statement| statement.kind == "title");
    let mut main = titles.filter(|statement| {
        metas.refinement(statement.element, "title-type").as_deref() == Some("main")
    });
    main.next().map(|statement| statement.text.clone())
}

/// The creators whose role is author or not stated; all of them if none is an author.
fn authors(statements: &[Statement<'_>], metas: &Metas<'_>) -> Vec<String> {
    let creators = || {
        statements
            .iter()
            .filter(|statement| statement.kind == "creator")
    };
    let names = |creators: &mut dyn Iterator<Item = &Statement<'_>>| -> Vec<String> {
        creators.map(|statement| statement.text.clone()).collect()
    };
    let authors = names(&mut creators().filter(|statement| {
        let stated = statement
            .element
            .attributes
            .iter()
            .find(|attribute| attribute.name.local == "role")
            .map(|attribute| attribute.value.clone());
        let role = stated.or_else(|| metas.refinement(statement.element, "role"));
        role.is_none_or(|role| role == "aut")
    }));
    if authors.is_empty() {
        names(&mut creators())
    } else {
        authors
    }
}

/// What `meta` elements say of the publication and of other elements.
#[derive(Default)]
struct Metas<'e> {
    /// The id of the cover image, as EPUB 2 has it.
    cover: Option<&'e str>,
    /// By id and property: what EPUB 3 says of an element.
    refinements: BTreeMap<(&'e str, &'e str), &'e Element>,
}

impl<'e> Metas<'e> {
    fn of(metadata: &[&'e Element]) -> Metas<'e> {
        let mut metas = Metas::default();
        let all = metadata.iter().flat_map(|metadata| descendants(metadata));
        for meta in all.filter(|element| element.name.local == "meta") {
            if meta.attribute("name") == Some("cover") && metas.cover.is_none() {
                metas.cover = meta.attribute("content");
            }
            let target = meta
                .attribute("refines")
                .and_then(|target| target.strip_prefix('#'));
            if let (Some(target), Some(property)) = (target, meta.attribute("property")) {
                metas.refinements.entry((target, property)).or_insert(meta);
            }
        }
        metas
    }

    fn refinement(&self, element: &Element, property: &str) -> Option<String> {
        let id = element.attribute("id")?;
        self.refinements.get(&(id, property)).map(|meta| text(meta))
    }
}

fn statements(metadata: &Element) -> Vec<Statement<'_>> {
    descendants(metadata)
        .filter(|element| element.name.namespace.starts_with(DUBLIN_CORE))
        .map(|element| Statement {
            kind: element.name.local.to_ascii_lowercase(),
            text: text(element),
            element,
        })
        .filter(|statement| !statement.text.is_empty())
        .collect()
}

/// The elements inside, and those inside of them.
fn descendants(element: &Element) -> impl Iterator<Item = &Element> {
    element
        .elements()
        .flat_map(|child| std::iter::once(child).chain(child.elements()))
}

fn children<'e>(element: &'e Element, local: &str) -> impl Iterator<Item = &'e Element> {
    element
        .elements()
        .filter(move |child| child.name.local == local)
}

/// All text inside, white space collapsed.
fn text(element: &Element) -> String {
    let mut all = String::new();
    collect_text(element, &mut all);
    all.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn collect_text(element: &Element, all: &mut String) {
    for node in &element.children {
        match node {
            Node::Text(text) => all.push_str(text),
            Node::Element(child) => collect_text(child, all),
        }
    }
}

/// The entry that a reference in the document at `base` leads to.
pub(super) fn resolve(base: &EntryPath, href: &str) -> Option<EntryPath> {
    let path = href.split(['#', '?']).next()?;
    if path.is_empty() || path.starts_with('/') || has_scheme(path) {
        return None;
    }
    let decoded = percent_decoded(path)?;
    let mut segments: Vec<&str> = base.as_str().split('/').collect();
    segments.pop();
    for segment in decoded.split('/') {
        match segment {
            "." => {}
            ".." => drop(segments.pop()?),
            segment => segments.push(segment),
        }
    }
    EntryPath::parse(&segments.join("/")).ok()
}

fn has_scheme(reference: &str) -> bool {
    let Some((scheme, _)) = reference.split_once(':') else {
        return false;
    };
    !scheme.contains('/')
}

/// Reverses percent encoding; nothing if the result is not UTF-8. A stray percent sign stays.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if let (b'%', [high, low, after @ ..]) = (*first, after)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(*first);
        }
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Caps, read};

    fn package(document: &str) -> Package {
        let root = read(document.as_bytes(), &Caps::DOCUMENT).unwrap();
        Package::read(&root, &EntryPath::parse("OEBPS/book.opf").unwrap()).unwrap()
    }

    #[test]
    fn epub_3_says_which_title_and_creator_it_means() {
        let package = package(
            "<package xmlns='http://www.idpf.org/2007/opf' unique-identifier='u'>\
             <metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>\
             <dc:identifier>isbn</dc:identifier><dc:identifier id='u'>urn:uuid:1</dc:identifier>\
             <dc:title id='s'>A Novel</dc:title><dc:title id='m'>On \n Books</dc:title>\
             <meta refines='#m' property='title-type'>main</meta>\
             <dc:creator id='e'>Editor</dc:creator><dc:creator id='a'>Author</dc:creator>\
             <meta refines='#e' property='role'>edt</meta>\
             <dc:language>en</dc:language><dc:rights>(c)</dc:rights></metadata>\
             <manifest><item id='n' href='nav.xhtml' properties='scripted nav'/>\
             <item id='c' href='../c%20c.jpg' media-type='image/jpeg' properties='cover-image'/>\
             <item id='r' href='https://example.com/a.mp4'/></manifest></package>",
        );
        assert_eq!(package.title.as_deref(), Some("On Books"));
        assert_eq!(package.authors, ["Author"]);
        assert_eq!(package.identifier.as_deref(), Some("urn:uuid:1"));
        assert_eq!(package.rights.as_deref(), Some("(c)"));
        let paths: Vec<_> = package
            .items
            .iter()
            .map(|item| item.path.as_ref().map(EntryPath::as_str))
            .collect();
        assert_eq!(paths, [Some("OEBPS/nav.xhtml"), Some("c c.jpg"), None]);
        assert!(package.items[0].is_navigation && package.items[1].is_cover);
    }

    #[test]
    fn oeb_nests_and_capitalizes() {
        let package = package(
            "<package><metadata><dc-metadata xmlns:dc='http://purl.org/dc/elements/1.0/'>\
             <dc:Title>On Books</dc:Title><dc:Creator role='ill'>Painter</dc:Creator>\
             </dc-metadata><x-metadata><meta name='cover' content='c'/></x-metadata></metadata>\
             <manifest><item id='c' href='c.png' media-type='image/png'/>\
             <item id='t' href='t.ncx'/></manifest><spine toc='t'/></package>",
        );
        assert_eq!(package.title.as_deref(), Some("On Books"));
        assert_eq!(package.authors, ["Painter"]);
        assert!(package.items[0].is_cover && package.items[1].is_navigation);
    }

    #[test]
    fn references_stay_inside_the_archive() {
        let base = EntryPath::parse("a/b/book.opf").unwrap();
        let check = |href: &str, expected: Option<&str>| {
            assert_eq!(
                resolve(&base, href).as_ref().map(EntryPath::as_str),
                expected,
                "{href}"
            );
        };
        check("c.xhtml#d", Some("a/b/c.xhtml"));
        check("./../c.xhtml", Some("a/c.xhtml"));
        check("%C3%BC%zz", Some("a/b/ü%zz"));
        check("../../../c", None);
        check("%2e%2e/%2e%2e/%2e%2e/c", None);
        check("/etc/passwd", None);
        check("file:c", None);
        check("%ff", None);
        check("", None);
    }
}
