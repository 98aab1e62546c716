//! `container.xml` for content other than EPUB, in the form OCF gives it.

use crate::xml::{Element, Namespace};
use crate::{EntryPath, MediaType};

/// Names the content entries as root files, each of the content's media type.
pub(crate) fn container_xml<'p>(
    content: impl Iterator<Item = &'p EntryPath>,
    media_type: &MediaType,
) -> Vec<u8> {
    let root_file = |path: &EntryPath| {
        Element::new(Namespace::CONTAINER, "rootfile")
            .with_attribute("full-path", path.as_str())
            .with_attribute("media-type", media_type.as_str())
    };
    let root_files = Element::new(Namespace::CONTAINER, "rootfiles");
    let root_files = content.map(root_file).fold(root_files, Element::with_child);
    Element::new(Namespace::CONTAINER, "container")
        .with_attribute("version", "1.0")
        .with_child(root_files)
        .canonical()
}
