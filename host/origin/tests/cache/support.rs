//! A content store in a temporary directory, and the events that a test causes.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use colophon_core::catalog::{ObjectPath, StoreRoot, StoredForm};
use colophon_core::ports::{Content, FormContent, OpenedForm, Origin, OriginError};
use colophon_crypto::{Engine, Portable};
use colophon_origin::{CacheSettings, CachedOrigin, DirectoryStore};
use colophon_title::VersionId;
use tracing::field::{Field, Visit};
use tracing::span;

pub(crate) struct Shelf {
    around: tempfile::TempDir,
    pub(crate) origin: CachedOrigin,
    pub(crate) root: StoreRoot,
}

impl Shelf {
    pub(crate) fn new(settings: &CacheSettings) -> Self {
        let around = tempfile::tempdir().unwrap();
        let root = StoreRoot::parse("books").unwrap();
        fs::create_dir(around.path().join("books")).unwrap();
        fs::write(around.path().join("books/a-file-that-is-always-there"), "").unwrap();
        let store = DirectoryStore::new([(root.clone(), around.path().join("books"))]);
        let origin = CachedOrigin::new(Arc::new(store), Arc::new(Portable), settings);
        Self {
            around,
            origin,
            root,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.around.path().join("books").join(name)
    }

    /// What the catalog would say of `bytes`, whether they are there or not.
    pub(crate) fn describe(&self, name: &str, bytes: &[u8]) -> StoredForm {
        StoredForm {
            version: VersionId::from_bytes([7; 16]),
            object: ObjectPath::parse(name).unwrap(),
            size: bytes.len() as u64,
            sha256: Portable.digest(&[bytes]),
        }
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> StoredForm {
        fs::write(self.file(name), bytes).unwrap();
        self.describe(name, bytes)
    }

    pub(crate) async fn open(&self, form: &StoredForm) -> Result<Arc<OpenedForm>, OriginError> {
        self.origin
            .open(&self.root, form, FormContent::Source)
            .await
    }

    pub(crate) fn hide(&self) {
        fs::rename(self.file(""), self.around.path().join("hidden")).unwrap();
    }

    pub(crate) fn show(&self) {
        fs::rename(self.around.path().join("hidden"), self.file("")).unwrap();
    }
}

/// Bytes in which no two places look alike.
pub(crate) fn pattern(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) async fn read_all(content: &dyn Content, most: usize) -> Result<Vec<u8>, OriginError> {
    let mut bytes = Vec::new();
    loop {
        let chunk: Bytes = content.read(bytes.len() as u64, most).await?;
        assert!(chunk.len() <= most);
        if chunk.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// The names of the events caused on this thread while this value lives.
pub(crate) struct Events {
    names: Arc<Mutex<Vec<String>>>,
    _listening: tracing::subscriber::DefaultGuard,
}

impl Events {
    pub(crate) fn listen() -> Self {
        let names = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener(Arc::clone(&names));
        Self {
            names,
            _listening: tracing::subscriber::set_default(listener),
        }
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.names.lock().unwrap())
    }
}

struct Listener(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Listener {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut NameOf(&self.0));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

struct NameOf<'a>(&'a Mutex<Vec<String>>);

impl Visit for NameOf<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "event.name" {
            self.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn std::fmt::Debug) {}
}
