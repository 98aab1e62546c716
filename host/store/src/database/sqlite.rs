//! A SQLite file: one connection that writes, several that read.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};

use super::ACQUIRE_TIME_MAX;

/// How long a write waits for another process's write.
const BUSY_TIME_MAX: Duration = Duration::from_secs(5);

const READERS: u32 = 4;

/// The connections to a file.
#[derive(Clone)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteFile {
    /// Opens the file, and makes it if there is none, readable for its owner only.
    pub(crate) async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIME_MAX)
            // Both are left to SQLite's compiled-in choice otherwise, which loses committed rows
            // at a power cut.
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A read error of a mapped file would be a signal, not an error.
            .pragma("mmap_size", "0")
            // Deleted secrets and data keys are overwritten, not only forgotten.
            .pragma("secure_delete", "ON")
            .pragma("trusted_schema", "OFF")
            .statement_cache_capacity(256)
            .disable_statement_logging();
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = pool(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The one connection that writes.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIME_MAX)
        // A file does not hang up: connections need neither tests nor replacement.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

/// SQLite gives its side files the permissions of the file itself.
fn make_private(path: &Path) -> Result<(), sqlx::Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map(drop).map_err(sqlx::Error::Io)
}
