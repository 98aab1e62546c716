//! The structure of a title file, checked as far as that needs no key: the container, the
//! documents, and that they all say the same of every entry.

mod places;

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use colophon_crypto::Engine;

use self::places::{Place, PublicationIndex};
use crate::container::{Directory, EntryRecord, Method};
use crate::container_xml::container_xml;
use crate::content::{ContentReader, GroupMemory, PrefixEntry, read_stored, unpack};
use crate::encryption::Encryption;
use crate::protection::Protection;
use crate::segment::Segments;
use crate::source::ObfuscatedFont;
use crate::tail::TailEntries;
use crate::validation::{ListedEntry, Validation};
use crate::xml::Caps;
use crate::{EntryPath, Metadata, TitleRefused, names};

/// A title file whose structure was checked. The content of its entries was not.
pub(crate) struct Structure {
    /// The entries of the prefix, `validation.xml` the last.
    pub(crate) prefix: Vec<EntryRecord>,
    pub(crate) validation: Validation,
    pub(crate) metadata: Metadata,
    pub(crate) fonts: Vec<ObfuscatedFont>,
    /// SHA-256 of `metadata.xml` as stored.
    pub(crate) metadata_sha256: [u8; 32],
    /// SHA-256 of `validation.xml` as stored.
    pub(crate) validation_sha256: [u8; 32],
    /// SHA-256 of `validation.xml` before it was stored, which is what signatures are over.
    pub(crate) validation_xml_sha256: [u8; 32],
    pub(crate) tail: TailEntries,
    index: PublicationIndex,
}

/// A document of ours, read whole.
struct Document {
    content: Vec<u8>,
    stored_sha256: [u8; 32],
}

impl Document {
    fn unpack(
        engine: &dyn Engine,
        record: &EntryRecord,
        stored: Vec<u8>,
        caps: &Caps,
    ) -> Result<Document, TitleRefused> {
        Ok(Document {
            stored_sha256: engine.digest(&[&stored]),
            content: unpack(record, stored, caps.bytes_max as u64)?,
        })
    }
}

impl Structure {
    pub(crate) fn read<R: Read + Seek>(
        engine: &dyn Engine,
        reader: &mut R,
    ) -> Result<Structure, TitleRefused> {
        let mut prefix = Directory::read(reader)?.entries;
        let at = prefix
            .iter()
            .position(|entry| entry.path.as_str() == names::VALIDATION);
        let tail = prefix.split_off(at.ok_or(TitleRefused::NoValidation)? + 1);
        let (last, listed) = prefix.split_last().ok_or(TitleRefused::NoValidation)?;
        let stored = read_stored(reader, last, Caps::LIST.bytes_max as u64)?;
        let document = Document::unpack(engine, last, stored, &Caps::LIST)?;
        let validation = Validation::from_xml(&document.content)?;
        compare(listed, &validation.entries)?;
        check_layout(&validation.entries)?;
        let mut content = ContentReader {
            engine,
            reader: &mut *reader,
            memory: &mut GroupMemory::default(),
        };
        let mut read_listed = |name: &'static str, caps: &Caps| {
            let entry = Place::all(&validation)
                .filter_map(|place| place.entry(&prefix, &validation))
                .find(|entry| entry.listed.path.as_str() == name);
            let path = EntryPath::fixed(name);
            let entry = entry.ok_or(TitleRefused::Missing { path })?;
            let stored = content.stored(entry, caps.bytes_max as u64)?;
            Document::unpack(engine, entry.record, stored, caps)
        };
        let Document {
            content: metadata,
            stored_sha256: metadata_sha256,
        } = read_listed(names::METADATA, &Caps::DOCUMENT)?;
        let metadata = Metadata::from_xml(&metadata)?;
        let media_type = metadata.media_type.of_title_file();
        let mimetype = read_listed(names::MIMETYPE, &Caps::DOCUMENT)?;
        if mimetype.content != media_type.as_bytes() {
            return Err(TitleRefused::MediaType {
                path: EntryPath::fixed(names::MIMETYPE),
            });
        }
        if !metadata.media_type.is_epub() {
            let stray =
                publication_paths(&validation.entries).find(|path| !names::is_content(path));
            if let Some(path) = stray {
                return Err(TitleRefused::Order { path: path.clone() });
            }
            let content = publication_paths(&validation.entries);
            let expected = container_xml(content, &metadata.media_type);
            if read_listed(names::CONTAINER, &Caps::LIST)?.content != expected {
                return Err(TitleRefused::MediaType {
                    path: EntryPath::fixed(names::CONTAINER),
                });
            }
        }
        let encryption = read_listed(names::ENCRYPTION, &Caps::LIST)?;
        let encryption = Encryption::from_xml(&encryption.content)?;
        encryption.check(&validation.entries)?;
        let tail = TailEntries::read(reader, &tail, validation.form)?;
        Ok(Structure {
            index: PublicationIndex::new(&validation, &metadata.media_type),
            metadata_sha256,
            validation_sha256: document.stored_sha256,
            validation_xml_sha256: engine.digest(&[&document.content]),
            fonts: encryption.fonts,
            prefix,
            validation,
            metadata,
            tail,
        })
    }

    /// The listed entries, in the order of the file.
    pub(crate) fn listed(&self) -> impl Iterator<Item = PrefixEntry<'_>> {
        Place::all(&self.validation).filter_map(|place| self.entry(&place))
    }

    /// The entries of the publication, all that came out of the source, in the order of the file.
    pub(crate) fn publication(&self) -> impl Iterator<Item = PrefixEntry<'_>> {
        let places = self.index.places().iter();
        places.filter_map(|place| self.entry(place))
    }

    /// The entry of the publication at a path.
    pub(crate) fn find(&self, path: &EntryPath) -> Result<PrefixEntry<'_>, TitleRefused> {
        let place = self.index.find(&self.validation, path);
        let found = place.and_then(|place| self.entry(place));
        found.ok_or_else(|| TitleRefused::NoSuchEntry { path: path.clone() })
    }

    /// The records are known to be those of the list, so that there is an entry at each place.
    fn entry(&self, place: &Place) -> Option<PrefixEntry<'_>> {
        place.entry(&self.prefix, &self.validation)
    }
}

/// The paths of the content entries, without `container.xml`.
fn publication_paths(listed: &[ListedEntry]) -> impl Iterator<Item = &EntryPath> {
    let paths = listed.iter().map(|entry| &entry.path);
    paths.filter(|path| !names::is_reserved(path) && path.as_str() != names::CONTAINER)
}

/// Holds the directory against the list: the same entries in the same order, of the same
/// lengths.
fn compare(records: &[EntryRecord], listed: &[ListedEntry]) -> Result<(), TitleRefused> {
    let same = records
        .iter()
        .map(|record| &record.path)
        .eq(listed.iter().map(|entry| &entry.path));
    if !same {
        return Err(difference(records, listed));
    }
    for (record, listed) in records.iter().zip(listed) {
        let agree = record.method == listed.container_method()
            && record.stored == listed.stored
            && record.size == listed.container_size();
        if !agree {
            return Err(TitleRefused::Facts {
                path: listed.path.clone(),
            });
        }
    }
    Ok(())
}

/// Names what is different between two lists that are.
fn difference(records: &[EntryRecord], listed: &[ListedEntry]) -> TitleRefused {
    let found: BTreeSet<&EntryPath> = records.iter().map(|record| &record.path).collect();
    let expected: BTreeSet<&EntryPath> = listed.iter().map(|entry| &entry.path).collect();
    if let Some(record) = records
        .iter()
        .find(|record| !expected.contains(&record.path))
    {
        return TitleRefused::Unlisted {
            path: record.path.clone(),
        };
    }
    if let Some(entry) = listed.iter().find(|entry| !found.contains(&entry.path)) {
        return TitleRefused::Missing {
            path: entry.path.clone(),
        };
    }
    let mut pairs = records.iter().zip(listed);
    match pairs.find(|(record, entry)| record.path != entry.path) {
        Some((record, _)) => TitleRefused::Order {
            path: record.path.clone(),
        },
        None => TitleRefused::Document {
            entry: names::VALIDATION,
        },
    }
}

/// Whether the list has the layout every title file has.
fn check_layout(listed: &[ListedEntry]) -> Result<(), TitleRefused> {
    let order = |entry: &ListedEntry| TitleRefused::Order {
        path: entry.path.clone(),
    };
    let malformed = TitleRefused::Document {
        entry: names::VALIDATION,
    };
    let [mimetype, container, content @ .., encryption, metadata] = listed else {
        return Err(malformed);
    };
    let fixed = [
        (mimetype, names::MIMETYPE),
        (container, names::CONTAINER),
        (encryption, names::ENCRYPTION),
        (metadata, names::METADATA),
    ];
    for (entry, name) in fixed {
        if entry.path.as_str() != name {
            return Err(order(entry));
        }
        if entry.protection != Protection::Clear {
            return Err(TitleRefused::Facts {
                path: entry.path.clone(),
            });
        }
    }
    if mimetype.method != Method::Stored {
        return Err(TitleRefused::Facts {
            path: mimetype.path.clone(),
        });
    }
    let mut rest = content.iter();
    let mut segmented = 0;
    while let Some(entry) = rest.next() {
        if names::is_reserved(&entry.path) {
            return Err(order(entry));
        }
        let encrypted = entry.protection != Protection::Clear;
        if encrypted && names::is_meta(&entry.path) {
            return Err(TitleRefused::Facts {
                path: entry.path.clone(),
            });
        }
        if entry.protection == Protection::Segments {
            segmented += 1;
            let list = rest.next().ok_or_else(|| order(entry))?;
            if !is_digest_list(list, entry, segmented) {
                return Err(TitleRefused::Facts {
                    path: list.path.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Whether `list` is the list of digests of the `number`th segmented entry.
fn is_digest_list(list: &ListedEntry, entry: &ListedEntry, number: usize) -> bool {
    let length = Segments::of(entry.size).map(|segments| segments.count().saturating_mul(32));
    Some(&list.path) == names::digests(number).as_ref()
        && (list.protection, list.method) == (Protection::Clear, Method::Stored)
        && Some(list.stored) == length
}
