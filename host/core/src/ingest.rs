//! The ingest flow: what a content administrator hands in becomes the stored forms of a title.
//!
//! source file → inspect → describe → keep each form → ingested title (for the catalog).
//!
//! The stored forms are staged first and published together at the end, under names that no other
//! title version has; so a failure at any point leaves the content store as it was.

use std::io::{Read, Seek, SeekFrom, Write};

use colophon_crypto::{Engine, Key32, Randomness};
use colophon_receipt::CenterId;
use colophon_title::source::{Limits, Source, SourceRefused};
use colophon_title::{
    ContentKey, Form, Level, MediaType, Metadata, Progress, SealError, SealTerms, Signer,
    SignerRoles, VersionId, VersionSalt, seal,
};
use thiserror::Error;

use crate::catalog::{
    Book, Forms, Location, Money, ObjectPath, PathRefused, StoreRoot, StoredForm,
};
use crate::id::TitleId;
use crate::naming::extension;
use crate::ports::{ContentWriter, OriginError, StagedObject};
use crate::time::Timestamp;

/// What the administrator says about the title.
#[derive(Debug, Clone)]
pub struct IngestOrder {
    /// The center whose catalog the title goes into.
    pub center: CenterId,
    /// What retailers will call it by.
    pub book: Book,
    /// The content-store root it is kept in.
    pub root: StoreRoot,
    /// The name of the file handed in; tells the media type it claims to be.
    pub file_name: String,
    /// The media type it claims to be.
    pub claimed: MediaType,
    /// The least level it is sold with; level 1 keeps a clear form beside the sealed one, level 5
    /// a licensed form alone.
    pub min_level: Level,
    /// Whether it is sold at level 5 too, whatever its least level is.
    pub licensed: bool,
    /// Signatures every sealed copy must carry.
    pub signatures: SignerRoles,
    /// Replaces the title found in the source.
    pub title: Option<String>,
    /// Replaces the authors found in the source, if not empty.
    pub authors: Vec<String>,
    /// Replaces the copyright notice found in the source.
    pub copyright: Option<String>,
    /// The catalog's price.
    pub price: Option<Money>,
    /// Center-defined attributes.
    pub attributes: Vec<(String, String)>,
    /// When it is ingested.
    pub at: Timestamp,
}

/// What ingest works with.
pub struct Workshop<'a> {
    /// The cryptographic engine.
    pub engine: &'a dyn Engine,
    /// Where keys, salts and ids come from.
    pub random: &'a mut dyn Randomness,
    /// Signs the title in the roles asked for.
    pub signers: &'a [&'a dyn Signer],
    /// The content store.
    pub writer: &'a dyn ContentWriter,
    /// Caps on what is read.
    pub limits: &'a Limits,
}

/// A title with its forms in the content store, ready to be entered into the catalog.
pub struct IngestedTitle {
    /// The new title's identity.
    pub title_id: TitleId,
    /// Where its forms are.
    pub location: Location,
    /// Its metadata as sealed into every copy.
    pub metadata: Metadata,
    /// Its forms.
    pub forms: Forms,
    /// The content key of every encrypted form.
    pub keys: Vec<(VersionId, ContentKey)>,
}

/// A form in the content store that the catalog does not know yet.
pub struct EncryptedForm {
    /// The form.
    pub form: StoredForm,
    /// The content key of its title version.
    pub key: ContentKey,
}

/// Why a title was not taken in. The content store is unchanged.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The file is not what it says it is, or is not fit to be read.
    #[error("the file was refused")]
    Source(#[from] SourceRefused),
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] std::io::Error),
    /// The form could not be written.
    #[error("the sealed form could not be made")]
    Seal(#[from] SealError),
    /// The content store refused the form.
    #[error("the content store did not take the form")]
    Store(#[from] OriginError),
    /// The clear form could not be written.
    #[error("the clear form could not be written")]
    Write(#[source] std::io::Error),
    /// A stored form's path is not allowed.
    #[error("the form has no usable path")]
    Path(#[from] PathRefused),
}

/// A form written but not yet published.
struct Staged {
    form: StoredForm,
    object: Box<dyn StagedObject>,
}

/// Takes a title in. `progress` is told of every step of the reading and sealing.
pub fn ingest<R: Read + Seek>(
    workshop: &mut Workshop<'_>,
    order: &IngestOrder,
    reader: R,
    progress: &mut dyn FnMut(Progress),
) -> Result<IngestedTitle, IngestError> {
    let mut source = Source::inspect(reader, &order.claimed, &order.file_name, workshop.limits)?;
    let metadata = describe(order, &source);
    let title_id = TitleId::from_bytes(random16(workshop.random));
    let location = Location {
        root: order.root.clone(),
        path: ObjectPath::parse(&format!("{}/{title_id}", order.center))?,
    };
    let clear = match order.min_level {
        Level::Clear => Some(keep_clear(workshop, &location, &metadata, &mut source)?),
        Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => None,
    };
    let sealed = order.min_level < Level::FullyIndividualized;
    let licensed = order.licensed || !sealed;
    let mut keep = |form| {
        let place = Place {
            location: &location,
            metadata: &metadata,
            at: order.at,
        };
        keep_encrypted(workshop, form, &place, &mut source, progress)
    };
    let sealed = sealed.then(|| keep(Form::Sealed)).transpose()?;
    let licensed = licensed.then(|| keep(Form::Licensed)).transpose()?;
    // Everything is written before anything is published.
    let mut keys = Vec::new();
    let mut published = |kept: Option<(Staged, ContentKey)>| -> Result<_, IngestError> {
        let Some((staged, key)) = kept else {
            return Ok(None);
        };
        let form = publish(staged)?;
        keys.push((form.version, key));
        Ok(Some(form))
    };
    let forms = Forms {
        clear: clear.map(publish).transpose()?,
        sealed: published(sealed)?,
        licensed: published(licensed)?,
    };
    Ok(IngestedTitle {
        title_id,
        location,
        metadata,
        forms,
        keys,
    })
}

/// Makes the licensed form of a title that is in the catalog without one, out of its content. It
/// has a content key of its own: under a shared one, a copy at level 2 would open all others.
pub fn keep_licensed<R: Read + Seek>(
    workshop: &mut Workshop<'_>,
    place: &Place<'_>,
    source: &mut Source<R>,
    progress: &mut dyn FnMut(Progress),
) -> Result<EncryptedForm, IngestError> {
    let (staged, key) = keep_encrypted(workshop, Form::Licensed, place, source, progress)?;
    let form = publish(staged)?;
    Ok(EncryptedForm { form, key })
}

/// Where a title's forms are kept, and what is sealed into them.
pub struct Place<'a> {
    /// The title's folder.
    pub location: &'a Location,
    /// Its metadata.
    pub metadata: &'a Metadata,
    /// When the form is made.
    pub at: Timestamp,
}

/// What is sealed into every copy: the source's own words, where the administrator has no better.
fn describe<R: Read + Seek>(order: &IngestOrder, source: &Source<R>) -> Metadata {
    let found = source.description();
    let authors = if order.authors.is_empty() {
        found.authors.clone()
    } else {
        order.authors.clone()
    };
    Metadata {
        book_id: order.book.id.as_ref().to_owned(),
        book_id_type: order.book.id_type.as_ref().to_owned(),
        title: order.title.clone().unwrap_or_else(|| found.title.clone()),
        authors,
        publisher: found.publisher.clone(),
        language: found.language.clone(),
        copyright: order.copyright.clone().or_else(|| found.rights.clone()),
        media_type: source.media_type().clone(),
        cover: found.cover.clone(),
        required_signatures: order.signatures,
    }
}

/// The clear form is the source itself, byte for byte.
fn keep_clear<R: Read + Seek>(
    workshop: &mut Workshop<'_>,
    location: &Location,
    metadata: &Metadata,
    source: &mut Source<R>,
) -> Result<Staged, IngestError> {
    let version = VersionId::from_bytes(random16(workshop.random));
    let object = object_path(location, &version, extension(&metadata.media_type, false))?;
    let mut staged = workshop.writer.create(&location.root, &object)?;
    let mut reader = source.original();
    reader.seek(SeekFrom::Start(0)).map_err(IngestError::Read)?;
    let (size, sha256) = copy(workshop.engine, &mut reader, staged.as_mut())?;
    Ok(Staged {
        form: StoredForm {
            version,
            object,
            size,
            sha256,
        },
        object: staged,
    })
}

/// A sealed or licensed form is encrypted under a content key of its own and carries no seal: with
/// the key in the database only, the stored file does not open itself.
fn keep_encrypted<R: Read + Seek>(
    workshop: &mut Workshop<'_>,
    form: Form,
    place: &Place<'_>,
    source: &mut Source<R>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Staged, ContentKey), IngestError> {
    let version = VersionId::from_bytes(random16(workshop.random));
    let salt = VersionSalt::from_bytes(random16(workshop.random));
    let key = ContentKey::new(random_key(workshop.random));
    let Place {
        location,
        metadata,
        at,
    } = place;
    let object = object_path(location, &version, extension(&metadata.media_type, true))?;
    let mut staged = workshop.writer.create(&location.root, &object)?;
    let terms = SealTerms {
        version,
        salt,
        key: &key,
        form,
        metadata,
        signers: workshop.signers,
        issued_at_unix_s: at.unix_seconds().get(),
    };
    seal(
        workshop.engine,
        workshop.random,
        source,
        &terms,
        staged.as_mut(),
        progress,
    )?;
    staged.rewind().map_err(IngestError::Write)?;
    let (size, sha256) = copy(workshop.engine, staged.as_mut(), &mut std::io::sink())?;
    let form = StoredForm {
        version,
        object,
        size,
        sha256,
    };
    Ok((
        Staged {
            form,
            object: staged,
        },
        key,
    ))
}

fn publish(staged: Staged) -> Result<StoredForm, IngestError> {
    staged.object.publish()?;
    Ok(staged.form)
}

fn object_path(
    location: &Location,
    version: &VersionId,
    extension: &str,
) -> Result<ObjectPath, PathRefused> {
    ObjectPath::parse(&format!("{}/{version}.{extension}", location.path))
}

fn copy(
    engine: &dyn Engine,
    reader: &mut dyn Read,
    writer: &mut dyn Write,
) -> Result<(u64, [u8; 32]), IngestError> {
    let mut digest = engine.sha256();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0u64;
    loop {
        let read = reader.read(&mut buffer).map_err(IngestError::Read)?;
        let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
            // A write counts only once it is flushed.
            writer.flush().map_err(IngestError::Write)?;
            return Ok((size, digest.finish()));
        };
        digest.update(chunk);
        writer.write_all(chunk).map_err(IngestError::Write)?;
        size = size.saturating_add(chunk.len() as u64);
    }
}

fn random16(random: &mut dyn Randomness) -> [u8; 16] {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    bytes
}

fn random_key(random: &mut dyn Randomness) -> Key32 {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    Key32::new(bytes)
}
