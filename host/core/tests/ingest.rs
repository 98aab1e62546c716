//! What is taken in is whole, or nothing is published.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use colophon_core::catalog::{Book, ObjectPath, StoreRoot};
use colophon_core::ingest::{IngestError, IngestOrder, IngestedTitle, Workshop, ingest};
use colophon_core::ports::{ContentWriter, OriginError, StagedObject};
use colophon_core::time::Timestamp;
use colophon_crypto::{Portable, Randomness};
use colophon_title::source::Limits;
use colophon_title::{Level, SignerRoles};

/// Every byte another.
struct Counting(u8);

impl Randomness for Counting {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

/// A content store that writes only when it is flushed, and cannot write some objects.
struct Store {
    /// The ending of the names of objects that cannot be written.
    full_for: Option<&'static str>,
    published: Arc<Mutex<Vec<String>>>,
}

struct Staged {
    content: Cursor<Vec<u8>>,
    name: String,
    full: bool,
    published: Arc<Mutex<Vec<String>>>,
}

impl ContentWriter for Store {
    fn create(
        &self,
        _root: &StoreRoot,
        object: &ObjectPath,
    ) -> Result<Box<dyn StagedObject>, OriginError> {
        let name = object.as_str().to_owned();
        Ok(Box::new(Staged {
            content: Cursor::default(),
            full: self.full_for.is_some_and(|ending| name.ends_with(ending)),
            name,
            published: Arc::clone(&self.published),
        }))
    }

    fn remove(&self, _root: &StoreRoot, _object: &ObjectPath) -> Result<(), OriginError> {
        Ok(())
    }
}

impl StagedObject for Staged {
    fn publish(self: Box<Self>) -> Result<(), OriginError> {
        self.published.lock().unwrap().push(self.name);
        Ok(())
    }
}

impl Read for Staged {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.content.read(out)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.content.flush()
    }
}

impl Seek for Staged {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

/// What comes of taking in a title that is kept clear and sealed, and what was published.
fn take_in(full_for: Option<&'static str>) -> (Result<IngestedTitle, IngestError>, Vec<String>) {
    let store = Store {
        full_for,
        published: Arc::default(),
    };
    let order = IngestOrder {
        center: "main".parse().unwrap(),
        book: Book {
            id_type: "ISBN".parse().unwrap(),
            id: "978-3-16-148410-0".parse().unwrap(),
        },
        root: StoreRoot::parse("books").unwrap(),
        file_name: "noise.bin".to_owned(),
        claimed: "application/octet-stream".parse().unwrap(),
        min_level: Level::Clear,
        licensed: false,
        signatures: SignerRoles::default(),
        title: Some("Noise".to_owned()),
        authors: vec!["Nobody".to_owned()],
        copyright: None,
        price: None,
        attributes: Vec::new(),
        at: Timestamp::from_unix_ms(0),
    };
    let mut workshop = Workshop {
        engine: &Portable,
        random: &mut Counting(0),
        signers: &[],
        writer: &store,
        limits: &Limits::default(),
    };
    let noise = Cursor::new(vec![7; 1000]);
    let taken_in = ingest(&mut workshop, &order, noise, &mut |_| ());
    let published = store.published.lock().unwrap().clone();
    (taken_in, published)
}

#[test]
fn a_title_is_published_in_all_its_forms() {
    let (taken_in, published) = take_in(None);
    let forms = taken_in.unwrap().forms;
    let expected = [forms.clear.unwrap(), forms.sealed.unwrap()];
    let expected = expected.map(|form| form.object.as_str().to_owned());
    assert_eq!(published, expected);
}

#[test]
fn a_form_that_cannot_be_flushed_is_not_published_and_no_other_either() {
    for ending in [".bin", ".colophon"] {
        let (taken_in, published) = take_in(Some(ending));
        let failed = matches!(
            taken_in.err().unwrap(),
            IngestError::Write(_) | IngestError::Seal(_)
        );
        assert!(failed, "{ending}");
        assert_eq!(published, [""; 0], "{ending}");
    }
}
