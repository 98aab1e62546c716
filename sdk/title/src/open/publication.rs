//! Giving the publication back as it was before it was sealed.

use std::io::{self, Read, Seek, Write};

use crate::container::{ContainerWriter, Method};
use crate::content::{ContentReader, PrefixEntry, VersionKey};
use crate::encryption::Encryption;
use crate::protection::{MESSAGE_BYTES_MAX, Protection};
use crate::structure::Structure;
use crate::{EntryPath, MediaType, TitleRefused, names};

/// Why the publication could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublicationError {
    /// The title file is damaged.
    #[error("the title file is damaged")]
    Title(#[source] TitleRefused),
    /// The publication could not be written.
    #[error("the publication could not be written")]
    Write(#[source] io::Error),
    /// The title holds several files and is no EPUB: there is no one file it could be given
    /// back as.
    #[error("the title holds {files} files, which are to be read one by one")]
    SeveralFiles {
        /// How many.
        files: usize,
    },
}

impl From<TitleRefused> for PublicationError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "all others mean damage, those to come included"
    )]
    fn from(refused: TitleRefused) -> PublicationError {
        match refused {
            TitleRefused::Write(error) => PublicationError::Write(error),
            refused => PublicationError::Title(refused),
        }
    }
}

/// Writes an OCF archive. What was deflated is copied as it is.
pub(super) fn write_epub<R: Read + Seek, W: Write + Seek>(
    mut content: ContentReader<'_, R>,
    structure: &Structure,
    key: VersionKey<'_>,
    out: W,
) -> Result<(), PublicationError> {
    let mut archive = ContainerWriter::new(out);
    let mimetype = EntryPath::fixed(names::MIMETYPE);
    archive
        .stored(&mimetype, MediaType::EPUB.as_bytes())
        .map_err(PublicationError::Write)?;
    for entry in structure.publication() {
        let small = entry.listed.protection == Protection::Message
            || (entry.listed.protection == Protection::Clear
                && entry.listed.stored <= MESSAGE_BYTES_MAX);
        if small {
            write_small(&mut content, &mut archive, entry, key)?;
        } else {
            write_large(&mut content, &mut archive, entry, key)?;
        }
    }
    if let Some(fonts) = font_encryption_xml(structure) {
        let path = EntryPath::fixed(names::ENCRYPTION);
        archive
            .stored(&path, &fonts)
            .map_err(PublicationError::Write)?;
    }
    archive
        .finish()
        .map(|_| ())
        .map_err(PublicationError::Write)
}

/// What the publication says of its obfuscated fonts, if it has any.
pub(super) fn font_encryption_xml(structure: &Structure) -> Option<Vec<u8>> {
    let fonts = || Encryption {
        resources: Vec::new(),
        fonts: structure.fonts.clone(),
    };
    (!structure.fonts.is_empty()).then(|| fonts().to_xml())
}

/// Writes the one file there is.
pub(super) fn write_file<R: Read + Seek, W: Write + Seek>(
    mut content: ContentReader<'_, R>,
    structure: &Structure,
    key: VersionKey<'_>,
    mut out: W,
) -> Result<(), PublicationError> {
    let mut entries = structure.publication();
    match (entries.next(), entries.count()) {
        (Some(entry), 0) => {
            content.pour(entry, key, &mut |bytes| out.write_all(bytes))?;
            out.flush().map_err(PublicationError::Write)
        }
        (first, more) => Err(PublicationError::SeveralFiles {
            files: more + usize::from(first.is_some()),
        }),
    }
}

fn write_small<R: Read + Seek, W: Write>(
    content: &mut ContentReader<'_, R>,
    archive: &mut ContainerWriter<W>,
    entry: PrefixEntry<'_>,
    key: VersionKey<'_>,
) -> Result<(), PublicationError> {
    let packed = match entry.listed.protection {
        Protection::Clear => content.small(entry)?,
        Protection::Message | Protection::Segments => content.message(entry, key)?,
    };
    let mut crc32 = crc32fast::Hasher::new();
    crate::content::pour_small(entry, &packed, &mut |bytes| {
        crc32.update(bytes);
        Ok(())
    })?;
    let path = &entry.listed.path;
    let written = match entry.listed.method {
        Method::Stored => archive.stored(path, &packed),
        Method::Deflated => {
            let size = entry.listed.size;
            archive.entry(path, Method::Deflated, crc32.finalize(), size, &packed)
        }
    };
    written.map_err(PublicationError::Write)
}

fn write_large<R: Read + Seek, W: Write + Seek>(
    content: &mut ContentReader<'_, R>,
    archive: &mut ContainerWriter<W>,
    entry: PrefixEntry<'_>,
    key: VersionKey<'_>,
) -> Result<(), PublicationError> {
    let listed = entry.listed;
    let mut out = archive
        .begin(&listed.path, listed.size)
        .map_err(PublicationError::Write)?;
    content.pour(entry, key, &mut |bytes| out.write(bytes))?;
    out.finish().map_err(PublicationError::Write)
}
