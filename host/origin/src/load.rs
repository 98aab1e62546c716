//! Opening a stored form that is not in the cache: check it against the catalog, parse it, and
//! take it into memory or keep it open.

mod error;
mod reading;

use std::io::{BufReader, Cursor};
use std::sync::Arc;

use bytes::Bytes;
use colophon_core::catalog::{ObjectPath, StoreRoot, StoredForm};
use colophon_core::event::NamedEvent;
use colophon_core::ports::{FormContent, OpenedForm};
use colophon_crypto::Engine;
use colophon_title::{StoredTitle, VersionId};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::content::{InMemory, OnDisk, report_damaged};
use crate::counts::Counters;
use crate::directory::DirectoryStore;
use crate::reachability::Reachability;
use crate::resident::{Held, Resident};
use crate::stored_file::{ReadError, StoredFile};
use crate::verdicts::{Verdict, Verdicts};
use crate::workers::Workers;

pub(crate) use error::LoadError;
use reading::{Reading, STEP_BYTES};

/// What a stored form is cached by. The digest names the bytes, so an entry can be unwanted but
/// never out of date.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) root: StoreRoot,
    pub(crate) object: ObjectPath,
    pub(crate) sha256: [u8; 32],
    pub(crate) version: VersionId,
    pub(crate) content: FormContent,
}

impl Key {
    pub(crate) fn of(root: &StoreRoot, form: &StoredForm, content: FormContent) -> Self {
        Self {
            root: root.clone(),
            object: form.object.clone(),
            sha256: form.sha256,
            version: form.version,
            content,
        }
    }
}

/// A loaded form as the cache keeps it.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) form: Arc<OpenedForm>,
    /// What it takes of the memory, in bytes.
    pub(crate) bytes: u64,
    /// The object, if it is read from disk.
    pub(crate) on_disk: Option<Arc<OnDisk>>,
}

/// Loads forms; knows nothing of who else wants them.
pub(crate) struct Loader {
    pub(crate) store: Arc<DirectoryStore>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) workers: Workers,
    pub(crate) resident: Arc<Resident>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) reachability: Arc<Reachability>,
    pub(crate) verdicts: Verdicts,
    /// Large objects are read through one at a time, so that downloads keep the disk.
    pub(crate) one_reading: Arc<Semaphore>,
}

impl Loader {
    /// Takes a whole object into memory.
    pub(crate) async fn whole(&self, key: &Key, size: u64) -> Result<Loaded, LoadError> {
        let loaded = self.load_whole(key, size).await;
        self.report(key, loaded.as_ref().err());
        loaded
    }

    /// Opens an object to be read from disk as it is asked for.
    pub(crate) async fn open(self: &Arc<Self>, key: &Key, size: u64) -> Result<Loaded, LoadError> {
        let opened = self.open_on_disk(key, size).await;
        self.report(key, opened.as_ref().err());
        opened
    }

    async fn load_whole(&self, key: &Key, size: u64) -> Result<Loaded, LoadError> {
        let room = self.resident.reserve(size).ok_or(LoadError::NoRoom)?;
        let file = self.open_file(key, size).await?;
        let mut reading = Reading::begin(self.engine.as_ref(), file, size)?;
        while reading.bytes_left() > 0 {
            reading = self.workers.run(move || reading.step()).await??;
            self.counters.read_bytes.add(reading.stepped);
        }
        let Reading {
            file,
            bytes,
            digest,
            ..
        } = reading;
        if digest.finish() != key.sha256 {
            return Err(self.damaged(key, &file, OTHER_BYTES).await);
        }
        let bytes = Bytes::from_owner(Held::new(bytes, room));
        let title = self.parse(key, &file, Cursor::new(bytes.clone())).await?;
        let title_bytes = title
            .as_ref()
            .map_or(0, |title| title.memory_bytes() as u64);
        let content = Arc::new(InMemory { bytes });
        let form = Arc::new(OpenedForm { title, content });
        Ok(Loaded {
            form,
            bytes: size.saturating_add(title_bytes),
            on_disk: None,
        })
    }

    async fn open_on_disk(self: &Arc<Self>, key: &Key, size: u64) -> Result<Loaded, LoadError> {
        let file = self.open_file(key, size).await?;
        let again = file.file().try_clone().map_err(ReadError::Io)?;
        let title = self.parse(key, &file, BufReader::new(again)).await?;
        file.check_unchanged()?;
        let bytes = title
            .as_ref()
            .map_or(0, |title| title.memory_bytes() as u64);
        let on_disk = Arc::new(OnDisk::new(
            key.clone(),
            Arc::clone(&file),
            self.workers.clone(),
            Arc::clone(&self.counters),
            Arc::clone(&self.reachability),
        ));
        if self.verdicts.of(key, file.stamp()).await.is_none() {
            tokio::spawn(Arc::clone(self).read_through(Arc::clone(&on_disk)));
        }
        let form = Arc::new(OpenedForm {
            title,
            content: Arc::clone(&on_disk) as _,
        });
        Ok(Loaded {
            form,
            bytes,
            on_disk: Some(on_disk),
        })
    }

    /// Opens the file and holds against the catalog what can be held without reading it.
    async fn open_file(&self, key: &Key, size: u64) -> Result<Arc<StoredFile>, LoadError> {
        self.counters.loads.add(1);
        let (store, root, object) = (
            Arc::clone(&self.store),
            key.root.clone(),
            key.object.clone(),
        );
        let file = Arc::new(
            self.workers
                .run(move || store.open(&root, &object))
                .await??,
        );
        if file.size() != size {
            let found = file.size();
            return Err(LoadError::Damaged(format!(
                "it has {found} bytes instead of {size}"
            )));
        }
        match self.verdicts.of(key, file.stamp()).await {
            Some(Verdict::Damaged(problem)) => Err(LoadError::Damaged(problem)),
            Some(Verdict::Sound) | None => Ok(file),
        }
    }

    /// Parses a title file; a source is not looked into.
    async fn parse(
        &self,
        key: &Key,
        file: &StoredFile,
        reader: impl std::io::Read + std::io::Seek + Send + 'static,
    ) -> Result<Option<StoredTitle>, LoadError> {
        match key.content {
            FormContent::Source => return Ok(None),
            FormContent::TitleFile => {}
        }
        let engine = Arc::clone(&self.engine);
        let title = self
            .workers
            .run(move || StoredTitle::read(engine.as_ref(), reader))
            .await?;
        match title {
            Ok(title) if *title.version() == key.version => Ok(Some(title)),
            Ok(_) => Err(self
                .damaged(key, file, "it holds another title version")
                .await),
            Err(refused) => {
                let problem = format!("{}: {refused}", refused.reason());
                Err(self.damaged(key, file, &problem).await)
            }
        }
    }

    /// Notes that the file as it is now is of no use.
    async fn damaged(&self, key: &Key, file: &StoredFile, problem: &str) -> LoadError {
        let verdict = Verdict::Damaged(problem.to_owned());
        self.verdicts.set(key.clone(), file.stamp(), verdict).await;
        LoadError::Damaged(problem.to_owned())
    }

    /// Checks the digest of a large object behind the back of its downloads: to check it before
    /// the first byte would take seconds for each gigabyte.
    async fn read_through(self: Arc<Self>, object: Arc<OnDisk>) {
        let Ok(_turn) = self.one_reading.acquire().await else {
            return;
        };
        let mut digest = self.engine.sha256();
        let mut offset = 0;
        let mut buffer = vec![0; STEP_BYTES];
        while offset < object.file.size() {
            let begun = Instant::now();
            let file = Arc::clone(&object.file);
            let read = self.workers.run(move || {
                let length = file.read_at(&mut buffer, offset);
                length.map(|length| {
                    digest.update(buffer.get(..length).unwrap_or_default());
                    (digest, buffer, length)
                })
            });
            // Whoever reads a file that was changed or a store that is gone finds out himself.
            let Ok(Ok((digest_so_far, buffer_again, length))) = read.await else {
                return;
            };
            (digest, buffer) = (digest_so_far, buffer_again);
            offset = offset.saturating_add(length as u64);
            self.counters.read_bytes.add(length as u64);
            // Three quarters of the disk and of a core stay with the downloads.
            sleep(begun.elapsed().saturating_mul(3)).await;
        }
        let (key, stamp) = (object.key.clone(), object.file.stamp());
        if digest.finish() == key.sha256 {
            self.verdicts.set(key, stamp, Verdict::Sound).await;
        } else {
            self.verdicts
                .set(key, stamp, Verdict::Damaged(OTHER_BYTES.to_owned()))
                .await;
            object.condemn(OTHER_BYTES);
        }
    }

    /// Tells the operator, once for each load and not for each request that waited for it.
    fn report(&self, key: &Key, error: Option<&LoadError>) {
        let event = match error {
            Some(LoadError::Unreachable(source)) => {
                return self.reachability.fell_silent(&key.root, source.as_ref());
            }
            Some(LoadError::NoRoom) => return,
            None => return self.reachability.answered(&key.root),
            Some(LoadError::Damaged(problem)) => {
                report_damaged(key, problem);
                return self.reachability.answered(&key.root);
            }
            Some(LoadError::NotFound) => NamedEvent::TitleFileMissing,
            Some(LoadError::InvalidPath(_)) => NamedEvent::ContentPathInvalid,
        };
        self.reachability.answered(&key.root);
        tracing::error!(
            event.code = event.code(),
            event.name = event.slug(),
            store.root = key.root.as_str(),
            store.object = key.object.as_str(),
            "the catalog names an object that the content store does not have"
        );
    }
}

const OTHER_BYTES: &str = "its SHA-256 is not the catalog's";
