//! What a content administrator hands in, inspected before anything is made of it.
//!
//! A source is hostile until inspected: it may be a ZIP bomb, escape its folder, hide entries
//! under twin names, or not be what its name claims. [`Source::inspect`] reads the structure
//! and the package documents only, never all content; what an entry inflates to is held to
//! its declared size and checksum when it is read.
//!
//! Real books are not clean, so what does no harm is let pass, with a [`SourceWarning`].
//!
//! What is left to others: sealing, and a publisher's already sealed title file (refused
//! here by [`SourceRefused::AlreadyProtected`]).

use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::{EntryPath, MediaType};

mod archive;
mod archive_end;
mod content;
mod document;
mod file_name;
mod font_encryption;
mod magic;
mod package;
mod publication;
mod refused;

use content::{Content, Expected};
pub use font_encryption::ObfuscatedFont;
pub use refused::{ArchiveRefused, DocumentRefused, PublicationRefused, SourceRefused};

/// Upper bounds for what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries of an archive, directories included.
    pub entries_max: usize,
    /// Size of one entry after inflation, in bytes.
    pub entry_bytes_max: u64,
    /// Size of all entries after inflation, and of a source that is one file, in bytes.
    pub total_bytes_max: u64,
    /// How many times larger an entry of more than 1 MiB may be inflated than deflated, and
    /// all entries together, if they are more than 64 MiB, than the archive.
    pub ratio_max: u64,
    /// Length of an entry's path, in bytes of UTF-8.
    pub path_bytes_max: usize,
    /// Size of a package document (container, OPF, encryption), in bytes.
    pub xml_bytes_max: u64,
    /// Nesting of elements in a package document.
    pub xml_depth_max: usize,
    /// Attributes of one element in a package document.
    pub xml_attributes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            entries_max: 16_384,
            entry_bytes_max: 64 << 30,
            total_bytes_max: 256 << 30,
            ratio_max: 200,
            path_bytes_max: EntryPath::BYTES_MAX,
            xml_bytes_max: 4 << 20,
            xml_depth_max: 64,
            xml_attributes_max: 256,
        }
    }
}

/// An inspected source.
#[derive(Debug)]
pub struct Source<R> {
    reader: BufReader<R>,
    media_type: MediaType,
    description: SourceDescription,
    entries: Vec<SourceEntry>,
    /// Where the content of each entry is, by index.
    expected: Vec<Expected>,
    obfuscated_fonts: Vec<ObfuscatedFont>,
    warnings: Vec<SourceWarning>,
}

/// What a source says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceDescription {
    /// The title; from the file name where the source states none.
    pub title: String,
    /// The creators, in the order stated.
    pub authors: Vec<String>,
    /// The language, as stated (BCP 47 in clean books).
    pub language: Option<String>,
    /// The publisher.
    pub publisher: Option<String>,
    /// The copyright notice.
    pub rights: Option<String>,
    /// The unique identifier of the publication.
    pub identifier: Option<String>,
    /// The cover image.
    pub cover: Option<EntryPath>,
}

/// What an entry is for in its publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryRole {
    /// `META-INF/container.xml`.
    Container,
    /// `META-INF/encryption.xml`; in a source it only lists obfuscated fonts.
    Encryption,
    /// Any other file in `META-INF`.
    Meta,
    /// A package document (OPF).
    Package,
    /// The navigation document or NCX.
    Navigation,
    /// The cover image.
    Cover,
    /// A font under IDPF or Adobe obfuscation.
    ObfuscatedFont,
    /// Everything else: what the reader reads.
    Content,
}

/// One file of a source. Directories and `mimetype` are not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceEntry {
    /// Its path; of a source that is one file, a file name made safe.
    pub path: EntryPath,
    /// Its size after inflation, in bytes; reading refuses what turns out larger or smaller.
    pub size: u64,
    /// Whether it is deflated in the source.
    pub deflated: bool,
    /// What it is for.
    pub role: EntryRole,
}

/// Something that real books get wrong and that does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceWarning {
    /// `mimetype` is deflated, is not the first entry, or ends in white space.
    Mimetype,
    /// The package document lists a file that is not there.
    MissingItem {
        /// As the package document writes it.
        href: String,
    },
    /// `encryption.xml` lists a font that is not there.
    MissingFont {
        /// As `encryption.xml` writes it.
        uri: String,
    },
    /// The package document states no title; the file name is taken.
    NoTitle,
    /// There is neither a navigation document nor an NCX.
    NoNavigation,
}

impl<R: Read + Seek> Source<R> {
    /// Inspects a source that claims to be `claimed` (say, by its file name).
    /// `application/octet-stream` claims nothing: what the bytes show is taken.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use colophon_title::MediaType;
    /// use colophon_title::source::{Limits, Source};
    ///
    /// let pdf = MediaType::parse("application/pdf")?;
    /// let file = Cursor::new(b"%PDF-1.7 ...");
    /// let source = Source::inspect(file, &pdf, "On Books.pdf", &Limits::default())?;
    /// assert_eq!(source.description().title, "On Books");
    ///
    /// let file = Cursor::new(b"\x7fELF ...");
    /// let refused = Source::inspect(file, &pdf, "On Books.pdf", &Limits::default());
    /// assert_eq!(refused.unwrap_err().reason(), "not-what-it-claims");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SourceRefused`], named by cause.
    pub fn inspect(
        reader: R,
        claimed: &MediaType,
        file_name: &str,
        limits: &Limits,
    ) -> Result<Source<R>, SourceRefused> {
        let mut reader = BufReader::new(reader);
        let length = reader.seek(SeekFrom::End(0))?;
        let head = magic::head(&mut reader, length)?;
        let media_type = magic::media_type(&head, claimed)?;
        if media_type.is_epub() {
            return publication::inspect(reader, length, file_name, limits);
        }
        if media_type == MediaType::container() {
            return Err(SourceRefused::AlreadyProtected {
                path: file_name.to_owned(),
            });
        }
        if length > limits.total_bytes_max {
            return Err(SourceRefused::TooLarge {
                bytes_max: limits.total_bytes_max,
            });
        }
        let entry = SourceEntry {
            path: file_name::safe(file_name)?,
            size: length,
            deflated: false,
            role: EntryRole::Content,
        };
        let title = file_name::title(file_name);
        Ok(Source {
            reader,
            media_type,
            description: SourceDescription {
                title,
                ..SourceDescription::default()
            },
            entries: vec![entry],
            expected: vec![Expected::whole_file(length)],
            obfuscated_fonts: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// The source itself, byte for byte as handed in; positioned anywhere.
    pub fn original(&mut self) -> impl Read + Seek + '_ {
        &mut self.reader
    }

    /// What the source is.
    #[must_use]
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// What the source says of itself.
    #[must_use]
    pub fn description(&self) -> &SourceDescription {
        &self.description
    }

    /// The files, in the order of the archive.
    #[must_use]
    pub fn entries(&self) -> &[SourceEntry] {
        &self.entries
    }

    /// The fonts that the source's `encryption.xml` lists as obfuscated; they stay so.
    #[must_use]
    pub fn obfuscated_fonts(&self) -> &[ObfuscatedFont] {
        &self.obfuscated_fonts
    }

    /// What was found wrong and let pass.
    #[must_use]
    pub fn warnings(&self) -> &[SourceWarning] {
        &self.warnings
    }

    /// Opens the file at `index` of [`Source::entries`] for reading, from its beginning.
    ///
    /// # Errors
    ///
    /// [`SourceRefused::Read`], also if there is no such index. The reader itself fails with
    /// [`std::io::ErrorKind::InvalidData`] where content and declared size or checksum differ.
    pub fn open_entry(&mut self, index: usize) -> Result<impl Read + '_, SourceRefused> {
        let no_entry = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let expected = *self.expected.get(index).ok_or_else(no_entry)?;
        Ok(Content::open(&mut self.reader, expected)?)
    }

    /// The file at `index` as it is stored, with the checksum its content is declared to have,
    /// if it is deflated in the source and takes at most `bytes_max` bytes there. Neither the
    /// bytes nor the checksum are checked.
    ///
    /// # Errors
    ///
    /// [`SourceRefused::Read`].
    pub(crate) fn deflated(
        &mut self,
        index: usize,
        bytes_max: u64,
    ) -> Result<Option<(Vec<u8>, u32)>, SourceRefused> {
        let wanted = self
            .expected
            .get(index)
            .filter(|expected| expected.deflated && expected.stored <= bytes_max);
        let Some((expected, checksum)) = wanted.and_then(|wanted| Some((wanted, wanted.checksum?)))
        else {
            return Ok(None);
        };
        let mut bytes = vec![0; usize::try_from(expected.stored).unwrap_or(usize::MAX)];
        self.reader.seek(SeekFrom::Start(expected.start))?;
        self.reader.read_exact(&mut bytes)?;
        Ok(Some((bytes, checksum)))
    }
}
