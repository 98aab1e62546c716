//! Where a case runs: an engine, a place for the databases, and the keys of a host.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use colophon_core::time::Timestamp;
use colophon_crypto::Key32;
use colophon_keys::{AwsLc, Envelope, MasterKey, MasterKeys, StoredSigners, SystemRandom};
use colophon_store::activation::{ActivationDatabase, ActivationStore};
use colophon_store::database::DatabaseAddress;
use colophon_store::secrets::Secrets;
use colophon_store::store::{Databases, Store};
use colophon_tests::postgres::PostgresServer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// The databases of one case.
pub(crate) struct Place {
    pub(crate) fulfillment: DatabaseAddress,
    pub(crate) logging: DatabaseAddress,
    folder: TempDir,
    server: Option<PathBuf>,
}

/// A connection of some other program.
pub(crate) enum Stranger {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub(crate) fn moment(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

impl Place {
    /// One file for both databases, as a host in an empty folder has it.
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address: DatabaseAddress = address(&folder.path().join("colophon.db"));
        Self {
            fulfillment: address.clone(),
            logging: address,
            folder,
            server: None,
        }
    }

    /// A file for each database.
    pub(crate) fn files() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fulfillment = address(&folder.path().join("fulfillment.db"));
        let logging = address(&folder.path().join("logging.db"));
        Self {
            fulfillment,
            logging,
            folder,
            server: None,
        }
    }

    /// Two databases on a server, named after the case. The server cuts longer names.
    pub(crate) fn server(server: &PostgresServer, case: &str) -> Self {
        let name = case.get(..50).unwrap_or(case);
        let fulfillment = server.create(&format!("{name}_f")).parse().unwrap();
        let logging = server.create(&format!("{name}_l")).parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            fulfillment,
            logging,
            folder,
            server: Some(server.folder()),
        }
    }

    /// The folder that holds every file of the databases.
    pub(crate) fn folder(&self) -> &Path {
        self.server.as_deref().unwrap_or(self.folder.path())
    }

    pub(crate) async fn databases(&self) -> Databases {
        Databases::open(&self.fulfillment, &self.logging)
            .await
            .unwrap()
    }

    /// The records, migrated, under the same master key each time.
    pub(crate) async fn store(&self) -> Arc<Store> {
        self.store_under(7).await
    }

    /// The records under a master key of these bytes.
    pub(crate) async fn store_under(&self, master: u8) -> Arc<Store> {
        let databases = self.databases().await;
        databases.migrate(moment(1)).await.unwrap();
        Arc::new(databases.into_store(secrets(master)).await.unwrap())
    }

    /// The records of personas, in the same place as the fulfillment database.
    pub(crate) async fn activation_store(&self) -> Arc<ActivationStore> {
        self.activation_store_under(7).await
    }

    /// The same under a master key of these bytes.
    pub(crate) async fn activation_store_under(&self, master: u8) -> Arc<ActivationStore> {
        let database = ActivationDatabase::open(&self.fulfillment).await.unwrap();
        database.migrate(moment(1)).await.unwrap();
        Arc::new(database.into_store(secrets(master)).await.unwrap())
    }

    /// Whether the databases are a server's.
    pub(crate) fn is_server(&self) -> bool {
        self.server.is_some()
    }

    /// Brings everything that was committed into the databases' own files.
    pub(crate) async fn settle(&self) {
        for mut stranger in [self.stranger().await, self.log_stranger().await] {
            let sql = match stranger {
                Stranger::Sqlite(_) => "PRAGMA wal_checkpoint(FULL)",
                Stranger::Postgres(_) => "CHECKPOINT",
            };
            stranger.run(sql).await;
        }
    }

    /// Another program's connection to the fulfillment database.
    pub(crate) async fn stranger(&self) -> Stranger {
        Stranger::connect(&self.fulfillment).await
    }

    /// Another program's connection to the logging database.
    pub(crate) async fn log_stranger(&self) -> Stranger {
        Stranger::connect(&self.logging).await
    }
}

impl Stranger {
    /// Connects with no setting of ours, as any tool would.
    pub(crate) async fn connect(address: &DatabaseAddress) -> Self {
        match address {
            DatabaseAddress::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .foreign_keys(false);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
            }
            DatabaseAddress::Postgres(url) => {
                Self::Postgres(PgConnection::connect(url).await.unwrap())
            }
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn run(&mut self, sql: &str) -> u64 {
        self.try_run(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn try_run(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query(sql)
                .execute(connection)
                .await
                .map(|done| done.rows_affected()),
            Self::Postgres(connection) => sqlx::query(sql)
                .execute(connection)
                .await
                .map(|done| done.rows_affected()),
        }
    }

    /// The numbers that a query returns, one a row.
    pub(crate) async fn numbers(&mut self, sql: &str) -> Vec<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => {
                sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
            }
            Self::Postgres(connection) => {
                sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
            }
        }
    }

    /// The texts that a query returns, one a row.
    pub(crate) async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => {
                sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
            }
            Self::Postgres(connection) => {
                sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
            }
        }
    }
}

pub(crate) fn address(path: &Path) -> DatabaseAddress {
    format!("sqlite://{}", path.display()).parse().unwrap()
}

pub(crate) fn secrets(master: u8) -> Secrets {
    let key = MasterKey::new(1.try_into().unwrap(), Key32::new([master; 32]));
    let cipher = Envelope::new(Arc::new(AwsLc), MasterKeys::of(key));
    Secrets::new(
        Arc::new(cipher),
        Arc::new(AwsLc),
        Box::new(SystemRandom),
        Arc::new(StoredSigners),
    )
}
