//! A SQLite file: one connection that writes, several that read.

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, SqlitePool};
use tokio::time::{Instant, sleep};

use super::ACQUIRE_TIME_MAX;

/// How long a write waits for another process's write.
const BUSY_TIME_MAX: Duration = Duration::from_secs(5);

/// How soon a file is tried again that another program is just making.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

const READERS: u32 = 4;

/// How long the write-ahead log grows before it is carried into the file, in pages of 4 KiB. What
/// is written again and again in between, such as rows that wait and are gone, is carried once. What
/// was deleted stands in the log until then, and until the log is written from its beginning again:
/// where it matters when a secret is gone, [`Database::overwrite_deleted`] empties the log at once.
///
/// [`Database::overwrite_deleted`]: super::Database::overwrite_deleted
const WAL_PAGES: &str = "4000";

/// As many as the longest answers asked for while a host serves.
const ROWS_BUFFERED: usize = 1024;

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
            .pragma("wal_autocheckpoint", WAL_PAGES)
            // Deleted secrets and data keys are overwritten in the file, not only forgotten, when
            // the log is carried into it.
            .pragma("secure_delete", "ON")
            .pragma("trusted_schema", "OFF")
            .statement_cache_capacity(256)
            // Rows come from a thread of the connection's own. Where its buffer is full it goes to
            // sleep, and has to be woken for every row from then on.
            .row_buffer_size(ROWS_BUFFERED)
            .disable_statement_logging();
        let writer = connected(1, options.clone()).await?;
        let readers = connected(READERS, options.pragma("query_only", "ON")).await?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            readers,
        })
    }

    /// Opens a file that is there, perhaps on a disk that cannot be written to.
    pub(crate) async fn open_to_read(path: &Path) -> Result<Self, sqlx::Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIME_MAX)
            .pragma("mmap_size", "0")
            .pragma("trusted_schema", "OFF")
            .row_buffer_size(ROWS_BUFFERED)
            .disable_statement_logging();
        let readers = match readable(options.clone()).await {
            Ok(readers) => readers,
            // Where nothing may be written, not even beside the file, nothing can change either.
            Err(_) if !side_file(path).exists() => readable(options.immutable(true)).await?,
            Err(error) => return Err(error),
        };
        Ok(Self {
            path: path.to_owned(),
            writer: readers.clone(),
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

/// Connects to a file that other programs may open at this moment. SQLite does not wait for the
/// lock under which a new file is switched to its write-ahead log, so this does.
async fn connected(
    connections: u32,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, sqlx::Error> {
    let until = Instant::now() + BUSY_TIME_MAX;
    loop {
        match pool(connections).connect_with(options.clone()).await {
            Err(error) if is_busy(&error) && Instant::now() < until => sleep(BUSY_PAUSE).await,
            done => return done,
        }
    }
}

/// Whether another connection has the file locked. Extended codes keep the plain one in their
/// lowest byte.
fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == SQLITE_BUSY)
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

/// Connections through which something has been read.
async fn readable(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let readers = pool(READERS).connect_with(options).await?;
    sqlx::query("SELECT COUNT(*) FROM sqlite_master")
        .execute(&readers)
        .await?;
    Ok(readers)
}

/// The write-ahead log, which may hold what is not in the file yet.
fn side_file(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// SQLite gives its side files the permissions of the file itself.
fn make_private(path: &Path) -> Result<(), sqlx::Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map(drop).map_err(sqlx::Error::Io)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    async fn setting(pool: &SqlitePool, sql: &'static str) -> String {
        let mut connection = pool.acquire().await.unwrap();
        let values = sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&mut *connection)
            .await;
        match values {
            Ok(number) => number.to_string(),
            Err(_) => sqlx::query_scalar(sql)
                .fetch_one(&mut *connection)
                .await
                .unwrap(),
        }
    }

    #[tokio::test]
    async fn every_connection_is_durable_and_checks_references() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let file = SqliteFile::open(&path).await.unwrap();
        for pool in [file.writer(), file.readers()] {
            for (sql, expected) in [
                ("PRAGMA journal_mode", "wal"),
                ("PRAGMA synchronous", "2"),
                ("PRAGMA foreign_keys", "1"),
                ("PRAGMA busy_timeout", "5000"),
                ("PRAGMA mmap_size", "0"),
                ("PRAGMA secure_delete", "1"),
                ("PRAGMA wal_autocheckpoint", WAL_PAGES),
            ] {
                assert_eq!(setting(pool, sql).await, expected, "{sql}");
            }
        }
        sqlx::query("CREATE TABLE t (a INTEGER)")
            .execute(file.writer())
            .await
            .unwrap();
        let written = sqlx::query("INSERT INTO t VALUES (1)")
            .execute(file.readers())
            .await;
        assert!(written.is_err(), "readers do not write");
        for name in ["x.db", "x.db-wal", "x.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn several_programs_open_a_new_file_at_once() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("x.db");
            let programs: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { SqliteFile::open(&path).await })
                })
                .collect();
            for program in programs {
                let file = program.await.unwrap().unwrap();
                assert_eq!(setting(file.readers(), "PRAGMA journal_mode").await, "wal");
            }
        }
    }

    /// Earlier releases can corrupt a file when the write-ahead log is reset.
    #[tokio::test]
    async fn the_library_is_the_bundled_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile::open(&folder.path().join("x.db")).await.unwrap();
        let version = setting(file.readers(), "SELECT sqlite_version()").await;
        let parts: Vec<u32> = version
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        assert!(parts >= vec![3, 51, 3], "{version}");
    }
}
