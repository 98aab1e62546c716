//! A publication in an OCF container: EPUB 3, EPUB 2, or OEB in the same container.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Seek};

use super::archive::{self, ArchivedFile};
use super::content::Content;
use super::font_encryption::{ObfuscatedFont, fonts};
use super::package::{Package, percent_decoded};
use super::{
    EntryRole, Limits, PublicationRefused, Source, SourceDescription, SourceEntry, SourceRefused,
    SourceWarning, document, file_name,
};
use crate::xml::Element;
use crate::{EntryPath, MediaType};

const MIMETYPE: &str = "mimetype";
const CONTAINER: &str = "META-INF/container.xml";
const ENCRYPTION: &str = "META-INF/encryption.xml";
const META_FOLDER: &str = "META-INF/";
const PACKAGE_TYPE: &str = "application/oebps-package+xml";

/// In `META-INF`, in lower case: what shows that a publication is protected already.
const PROTECTED: [&str; 4] = [
    "meta-inf/rights.xml",
    "meta-inf/signatures.xml",
    "meta-inf/license.lcpl",
    "meta-inf/colophon",
];

/// Renditions of one publication that are read.
const PACKAGES_MAX: usize = 8;

/// As many warnings are kept as somebody might read.
const WARNINGS_MAX: usize = 100;

/// A publication being inspected.
struct Inspection<'l, R> {
    reader: BufReader<R>,
    limits: &'l Limits,
    files: Vec<ArchivedFile>,
    /// Where in `files` each path is.
    places: BTreeMap<EntryPath, usize>,
    roles: BTreeMap<EntryPath, EntryRole>,
    warnings: Vec<SourceWarning>,
}

pub(super) fn inspect<R: Read + Seek>(
    mut reader: BufReader<R>,
    length: u64,
    file_name: &str,
    limits: &Limits,
) -> Result<Source<R>, SourceRefused> {
    let files = archive::files(&mut reader, length, limits)?;
    check_unprotected(&files)?;
    let places = files
        .iter()
        .enumerate()
        .map(|(at, file)| (file.path.clone(), at))
        .collect();
    let mut inspection = Inspection {
        reader,
        limits,
        files,
        places,
        roles: BTreeMap::new(),
        warnings: Vec::new(),
    };
    inspection.check_mimetype()?;
    let obfuscated_fonts = inspection.obfuscated_fonts()?;
    let description = inspection.description(file_name)?;
    Ok(inspection.finish(description, obfuscated_fonts))
}

fn check_unprotected(files: &[ArchivedFile]) -> Result<(), SourceRefused> {
    let protected = |file: &&ArchivedFile| {
        let folded = file.path.folded();
        PROTECTED.iter().any(|name| {
            folded
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    match files.iter().find(protected) {
        Some(file) => Err(SourceRefused::AlreadyProtected {
            path: file.path.to_string(),
        }),
        None => Ok(()),
    }
}

impl<R: Read + Seek> Inspection<'_, R> {
    fn file(&self, path: &str) -> Option<&ArchivedFile> {
        let path = EntryPath::parse(path).ok()?;
        self.files.get(*self.places.get(&path)?)
    }

    fn warn(&mut self, warning: SourceWarning) {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(warning);
        }
    }

    /// The container written later has its own `mimetype`, so it may be misplaced here.
    fn check_mimetype(&mut self) -> Result<(), SourceRefused> {
        let file = self
            .file(MIMETYPE)
            .cloned()
            .ok_or(PublicationRefused::NoMimetype)?;
        let mut text = Vec::new();
        if file.content.size <= 64 {
            Content::open(&mut self.reader, file.content)?.read_to_end(&mut text)?;
        }
        if text.trim_ascii() != MediaType::EPUB.as_bytes() {
            return Err(PublicationRefused::WrongMimetype.into());
        }
        let first = self
            .files
            .first()
            .is_some_and(|first| first.path == file.path);
        if !first || file.content.deflated || text.len() != MediaType::EPUB.len() {
            self.warn(SourceWarning::Mimetype);
        }
        Ok(())
    }

    fn document(&mut self, file: &ArchivedFile) -> Result<Element, SourceRefused> {
        document::read(&mut self.reader, file, self.limits)
    }

    fn obfuscated_fonts(&mut self) -> Result<Vec<ObfuscatedFont>, SourceRefused> {
        let Some(file) = self.file(ENCRYPTION).cloned() else {
            return Ok(Vec::new());
        };
        let encryption = self.document(&file)?;
        if encryption.name.local != "encryption" {
            return Err(PublicationRefused::OtherDocument { path: file.path }.into());
        }
        let mut obfuscated = Vec::new();
        for font in fonts(&encryption)? {
            match font.path.filter(|path| self.places.contains_key(path)) {
                Some(path) => {
                    self.roles.insert(path.clone(), EntryRole::ObfuscatedFont);
                    obfuscated.push(ObfuscatedFont {
                        path,
                        algorithm: font.algorithm,
                    });
                }
                None => self.warn(SourceWarning::MissingFont { uri: font.uri }),
            }
        }
        Ok(obfuscated)
    }

    /// The package documents that `container.xml` names, the default rendition first.
    fn package_files(&mut self) -> Result<Vec<ArchivedFile>, SourceRefused> {
        let file = self
            .file(CONTAINER)
            .cloned()
            .ok_or(PublicationRefused::NoContainer)?;
        let container = self.document(&file)?;
        if container.name.local != "container" {
            return Err(PublicationRefused::OtherDocument { path: file.path }.into());
        }
        let named = container
            .elements()
            .filter(|element| element.name.local == "rootfiles")
            .flat_map(Element::elements)
            .filter(|element| element.name.local == "rootfile")
            .filter(|element| {
                element
                    .attribute("media-type")
                    .is_none_or(|kind| kind == PACKAGE_TYPE)
            })
            .filter_map(|element| element.attribute("full-path"));
        let files: Result<Vec<_>, _> = named
            .map(|path| {
                let exact = self.file(path);
                let decoded = || percent_decoded(path).and_then(|path| self.file(&path));
                exact
                    .or_else(decoded)
                    .cloned()
                    .ok_or_else(|| PublicationRefused::NoPackage {
                        path: path.to_owned(),
                    })
            })
            .collect();
        let mut files = files?;
        let mut seen = BTreeSet::new();
        files.retain(|file| seen.insert(file.path.clone()));
        if files.len() > PACKAGES_MAX {
            let packages_max = PACKAGES_MAX;
            return Err(PublicationRefused::TooManyPackages { packages_max }.into());
        }
        if files.is_empty() {
            Err(PublicationRefused::NoPackageNamed.into())
        } else {
            Ok(files)
        }
    }

    /// Reads the package documents; the first one describes the publication.
    fn description(&mut self, file_name: &str) -> Result<SourceDescription, SourceRefused> {
        let mut description = None;
        let mut has_navigation = false;
        for file in self.package_files()? {
            self.roles.insert(file.path.clone(), EntryRole::Package);
            let root = self.document(&file)?;
            let package = Package::read(&root, &file.path)
                .ok_or(PublicationRefused::OtherDocument { path: file.path })?;
            let mut cover = None;
            for item in &package.items {
                let Some(path) = &item.path else { continue };
                if !self.places.contains_key(path) {
                    self.warn(SourceWarning::MissingItem {
                        href: item.href.clone(),
                    });
                } else if item.is_navigation {
                    has_navigation = true;
                    self.roles
                        .entry(path.clone())
                        .or_insert(EntryRole::Navigation);
                } else if item.is_cover {
                    self.roles.entry(path.clone()).or_insert(EntryRole::Cover);
                    cover.get_or_insert_with(|| path.clone());
                }
            }
            if description.is_none() {
                description = Some(self.describe(package, cover, file_name));
            }
        }
        if !has_navigation {
            self.warn(SourceWarning::NoNavigation);
        }
        Ok(description.ok_or(PublicationRefused::NoPackageNamed)?)
    }

    fn describe(
        &mut self,
        package: Package,
        cover: Option<EntryPath>,
        file_name: &str,
    ) -> SourceDescription {
        if package.title.is_none() {
            self.warn(SourceWarning::NoTitle);
        }
        SourceDescription {
            title: package.title.unwrap_or_else(|| file_name::title(file_name)),
            authors: package.authors,
            language: package.language,
            publisher: package.publisher,
            rights: package.rights,
            identifier: package.identifier,
            cover,
        }
    }

    fn role(&self, path: &EntryPath) -> EntryRole {
        match path.as_str() {
            CONTAINER => EntryRole::Container,
            ENCRYPTION => EntryRole::Encryption,
            text if text.starts_with(META_FOLDER) => EntryRole::Meta,
            _ => self.roles.get(path).copied().unwrap_or(EntryRole::Content),
        }
    }

    fn finish(
        self,
        description: SourceDescription,
        obfuscated_fonts: Vec<ObfuscatedFont>,
    ) -> Source<R> {
        let files = self
            .files
            .iter()
            .filter(|file| file.path.as_str() != MIMETYPE);
        let (entries, expected) = files
            .map(|file| {
                let entry = SourceEntry {
                    path: file.path.clone(),
                    size: file.content.size,
                    deflated: file.content.deflated,
                    role: self.role(&file.path),
                };
                (entry, file.content)
            })
            .unzip();
        Source {
            media_type: MediaType::epub(),
            description,
            entries,
            expected,
            obfuscated_fonts,
            warnings: self.warnings,
            reader: self.reader,
        }
    }
}
