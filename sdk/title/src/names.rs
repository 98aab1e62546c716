//! The entries that make an archive a title file.

use crate::EntryPath;
use crate::path::Extent;

pub(crate) const MIMETYPE: &str = "mimetype";
pub(crate) const CONTAINER: &str = "META-INF/container.xml";
pub(crate) const ENCRYPTION: &str = "META-INF/encryption.xml";
pub(crate) const METADATA: &str = "META-INF/colophon/metadata.xml";
pub(crate) const VALIDATION: &str = "META-INF/colophon/validation.xml";
pub(crate) const SIGNATURES: &str = "META-INF/signatures.xml";
pub(crate) const BOOKPLATE: &str = "META-INF/colophon/bookplate.xml";
pub(crate) const SEAL: &str = "META-INF/colophon/seal";
pub(crate) const RIGHTS: &str = "META-INF/rights.xml";

const META_FOLDER: &str = "META-INF/";
const OWN_FOLDER: &str = "META-INF/colophon/";
const DIGESTS_FOLDER: &str = "META-INF/colophon/digests/";
/// Where content other than EPUB stands.
const CONTENT_FOLDER: &str = "content/";

/// The list of segment digests of the `number`th segmented entry, counted from 1.
pub(crate) fn digests(number: usize) -> Option<EntryPath> {
    EntryPath::parse(&format!("{DIGESTS_FOLDER}{number}")).ok()
}

/// The place of a file that is content other than EPUB.
pub(crate) fn content(source: &EntryPath) -> Option<EntryPath> {
    if is_content(source) {
        return Some(source.clone());
    }
    EntryPath::parse(&format!("{CONTENT_FOLDER}{source}")).ok()
}

/// Whether a path is where content other than EPUB stands.
pub(crate) fn is_content(path: &EntryPath) -> bool {
    path.as_str().starts_with(CONTENT_FOLDER)
}

/// Whether a path is one that only the format itself may use, in any capitalization.
pub(crate) fn is_reserved(path: &EntryPath) -> bool {
    let reserved = [MIMETYPE, ENCRYPTION, SIGNATURES, RIGHTS];
    path.folds_to(OWN_FOLDER, Extent::Start)
        || reserved
            .iter()
            .any(|name| path.folds_to(name, Extent::Whole))
}

/// Whether a path is in `META-INF`, where nothing is encrypted.
pub(crate) fn is_meta(path: &EntryPath) -> bool {
    path.as_str().starts_with(META_FOLDER)
}
