//! Bringing a database to the schema this program is written for.
//!
//! The migrations are part of the program. Each database has a table of those applied to it, under
//! a name of its own, so that several databases can share one file.

mod embedded;
mod refused;

use std::path::PathBuf;
use std::time::Duration;

use colophon_core::ports::Service;
use colophon_core::time::Timestamp;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{PgConnection, SqliteConnection};

use self::embedded::{Dialect, migrations};
pub use self::refused::SchemaRefused;
use crate::database::{Argument, Database, DatabaseAddress, Engine, SqliteFile};
use crate::failure::Fault;

const TABLE_IN_SQLITE: &str =
    "SELECT CAST(1 AS BIGINT) FROM sqlite_master WHERE type = 'table' AND name = $1";

const TABLE_IN_POSTGRES: &str =
    "SELECT CAST(1 AS BIGINT) WHERE to_regclass(quote_ident($1)) IS NOT NULL";

/// How often, and how long apart, a program whose copy could not be made looks whether another
/// program has migrated the file: two seconds in all.
const LOOKS_MAX: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// One of the databases, as far as migrations differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schema {
    /// Centers, retailers, titles and keys.
    Fulfillment,
    /// The download log.
    Logging,
    /// Personas and what they have activated.
    Activation,
    /// A node's own database.
    Node,
}

impl Schema {
    /// The database's name in messages and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fulfillment => "fulfillment",
            Self::Logging => "logging",
            Self::Activation => "activation",
            Self::Node => "node",
        }
    }

    pub(crate) fn service(self) -> Service {
        match self {
            Self::Fulfillment => Service::FulfillmentDatabase,
            Self::Logging => Service::LoggingDatabase,
            Self::Activation => Service::ActivationDatabase,
            Self::Node => Service::NodeDatabase,
        }
    }

    fn table(self) -> &'static str {
        match self {
            Self::Fulfillment => "fulfillment_migrations",
            Self::Logging => "logging_migrations",
            Self::Activation => "activation_migrations",
            Self::Node => "node_migrations",
        }
    }

    fn migrator(self, dialect: Dialect) -> Migrator {
        let mut migrator = Migrator::with_migrations(migrations(self, dialect));
        migrator.dangerous_set_table_name(self.table());
        migrator
    }
}

/// How a database stands to this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStatus {
    /// Which database.
    pub schema: Schema,
    /// Numbers of the migrations applied, in order.
    pub applied: Vec<i64>,
    /// Numbers and names of the migrations that are still to be applied, in order.
    pub pending: Vec<(i64, String)>,
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Which database.
    pub schema: Schema,
    /// Numbers and names of the migrations applied now, in order; none if there was nothing to do.
    pub applied: Vec<(i64, String)>,
    /// The copy made of the file before, if it held anything.
    pub copy: Option<PathBuf>,
}

/// A database that answers, with a schema that may not be this program's.
pub(crate) struct Opened {
    schema: Schema,
    address: DatabaseAddress,
    database: Database,
}

impl Opened {
    pub(crate) async fn open(
        schema: Schema,
        address: &DatabaseAddress,
    ) -> Result<Self, SchemaRefused> {
        let database = Database::open(schema.service(), address).await;
        let database = database.map_err(|source| unreachable(schema, address, source))?;
        Ok(Self {
            schema,
            address: address.clone(),
            database,
        })
    }

    /// The same for a database that nothing is written to.
    pub(crate) async fn open_to_read(
        schema: Schema,
        address: &DatabaseAddress,
    ) -> Result<Self, SchemaRefused> {
        let database = Database::open_to_read(schema.service(), address).await;
        let database = database.map_err(|source| unreachable(schema, address, source))?;
        Ok(Self {
            schema,
            address: address.clone(),
            database,
        })
    }

    /// The same connections, for another schema in the same place.
    pub(crate) fn beside(&self, schema: Schema) -> Self {
        let database = self.database.shared_as(schema.service());
        Self {
            schema,
            address: self.address.clone(),
            database,
        }
    }

    pub(crate) async fn status(&self) -> Result<SchemaStatus, SchemaRefused> {
        let migrator = self.migrator();
        let applied = self.applied(&migrator).await?;
        let known = migrator
            .iter()
            .map(|migration| migration.version)
            .max()
            .unwrap_or(0);
        if let Some(found) = applied.iter().copied().max().filter(|found| *found > known) {
            let copy = self.newest_copy();
            return Err(SchemaRefused::Newer {
                schema: self.schema,
                found,
                known,
                copy,
            });
        }
        let pending = migrator
            .iter()
            .filter(|migration| !applied.contains(&migration.version));
        let pending = pending
            .map(|one| (one.version, one.description.to_string()))
            .collect();
        Ok(SchemaStatus {
            schema: self.schema,
            applied,
            pending,
        })
    }

    /// The database, if its schema is this program's.
    pub(crate) async fn current(self) -> Result<Database, SchemaRefused> {
        let status = self.status().await?;
        match status.pending.len() {
            0 => Ok(self.database),
            count => Err(SchemaRefused::Older {
                schema: self.schema,
                count,
            }),
        }
    }

    /// Applies what is missing, a file being copied before if `copying` says so.
    pub(crate) async fn migrate(&self, copying: Copying) -> Result<Migrated, SchemaRefused> {
        let SchemaStatus {
            schema,
            applied,
            pending,
        } = self.status().await?;
        if pending.is_empty() {
            return Ok(Migrated {
                schema,
                applied: pending,
                copy: None,
            });
        }
        let migrator = self.migrator();
        let copy = match self.database.engine() {
            Engine::Sqlite(file) => {
                let copy = match copying {
                    Copying::At(now) => match self.copy_before(file, &applied, now).await {
                        Ok(copy) => Some(copy),
                        Err(_) if self.is_migrated_meanwhile().await? => {
                            return Ok(Migrated {
                                schema,
                                applied: Vec::new(),
                                copy: None,
                            });
                        }
                        Err(refused) => return Err(refused),
                    },
                    Copying::NotNeeded => None,
                };
                self.migrate_sqlite(file, &migrator).await?;
                copy
            }
            Engine::Postgres(pool) => {
                let mut connection = pool.acquire().await.map_err(|error| self.lost(error))?;
                let done = migrate_postgres(&mut connection, &migrator).await;
                done.map_err(|error| self.failed(error))?;
                None
            }
        };
        Ok(Migrated {
            schema,
            applied: pending,
            copy,
        })
    }

    fn migrator(&self) -> Migrator {
        match self.database.engine() {
            Engine::Sqlite(_) => self.schema.migrator(Dialect::Sqlite),
            Engine::Postgres(_) => self.schema.migrator(Dialect::Postgres),
        }
    }

    async fn applied(&self, migrator: &Migrator) -> Result<Vec<i64>, SchemaRefused> {
        // Asking must not leave a table behind in what may be somebody else's database.
        let table = &[Argument::from(self.schema.table())];
        let found: Result<Option<(i64,)>, Fault> = match self.database.engine() {
            Engine::Sqlite(_) => self.database.optional(TABLE_IN_SQLITE, table).await,
            Engine::Postgres(_) => self.database.optional(TABLE_IN_POSTGRES, table).await,
        };
        match found {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Vec::new()),
            Err(fault) => {
                return Err(self.lost(sqlx::Error::Configuration(Box::new(
                    fault.unavailable(self.schema.service()),
                ))));
            }
        }
        let listed = match self.database.engine() {
            Engine::Sqlite(file) => {
                let connection = file.readers().acquire().await;
                list(
                    &mut *connection.map_err(|error| self.lost(error))?,
                    migrator,
                )
                .await
            }
            Engine::Postgres(pool) => {
                let connection = pool.acquire().await;
                list(
                    &mut *connection.map_err(|error| self.lost(error))?,
                    migrator,
                )
                .await
            }
        };
        listed.map_err(|error| self.failed(error))
    }

    /// All migrations together and alone: a second process waits and then finds nothing to do.
    async fn migrate_sqlite(
        &self,
        file: &SqliteFile,
        migrator: &Migrator,
    ) -> Result<(), SchemaRefused> {
        let write = file.writer().begin_with("BEGIN IMMEDIATE").await;
        let mut write = write.map_err(|error| self.lost(error))?;
        let connection: &mut SqliteConnection = &mut write;
        let done = migrator.run_direct(None, connection, false).await;
        done.map_err(|error| self.failed(error))?;
        write.commit().await.map_err(|error| self.lost(error))
    }

    /// Whether another program migrates the file within a moment. Of two that begin in the same
    /// millisecond one finds the other's copy in the way of its own.
    async fn is_migrated_meanwhile(&self) -> Result<bool, SchemaRefused> {
        for _ in 0..LOOKS_MAX {
            if self.status().await?.pending.is_empty() {
                return Ok(true);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(false)
    }

    async fn copy_before(
        &self,
        file: &SqliteFile,
        applied: &[i64],
        now: Timestamp,
    ) -> Result<PathBuf, SchemaRefused> {
        let version = applied.iter().copied().max().unwrap_or(0);
        let name = format!("{}{version}-{}", self.copy_prefix(), now.unix_ms());
        let copy = file.path().with_file_name(name);
        let path = copy.to_string_lossy().into_owned();
        let made = sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(file.writer())
            .await;
        let made = made.and_then(|_| make_private(&copy).map_err(sqlx::Error::Io));
        match made {
            Ok(()) => Ok(copy),
            Err(source) => Err(SchemaRefused::NotCopied {
                schema: self.schema,
                copy,
                source,
            }),
        }
    }

    /// `FILE.before-fulfillment-`, to which version and time are added.
    fn copy_prefix(&self) -> String {
        let name = self.database.file().and_then(|path| path.file_name());
        let name = name
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        format!("{name}.before-{}-", self.schema.name())
    }

    fn newest_copy(&self) -> Option<PathBuf> {
        let folder = self.database.file()?.parent()?;
        let folder = if folder.as_os_str().is_empty() {
            ".".as_ref()
        } else {
            folder
        };
        let prefix = self.copy_prefix();
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let copies =
            entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
        let dated =
            copies.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry)));
        dated
            .max_by_key(|(at, _)| *at)
            .map(|(_, entry)| entry.path())
    }

    fn failed(&self, source: MigrateError) -> SchemaRefused {
        let schema = self.schema;
        if let MigrateError::VersionMismatch(version) = source {
            return SchemaRefused::Altered { schema, version };
        }
        if let MigrateError::Execute(source) = source {
            return self.lost(source);
        }
        SchemaRefused::Failed { schema, source }
    }

    fn lost(&self, source: sqlx::Error) -> SchemaRefused {
        unreachable(self.schema, &self.address, source)
    }
}

fn unreachable(schema: Schema, address: &DatabaseAddress, source: sqlx::Error) -> SchemaRefused {
    SchemaRefused::Unreachable {
        schema,
        address: address.to_string(),
        source,
    }
}

/// Whether a file is copied before it is migrated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Copying {
    /// It holds something; the moment names the copy.
    At(Timestamp),
    /// There is nothing in it, or it has just been copied.
    NotNeeded,
}

async fn list<C: Migrate>(
    connection: &mut C,
    migrator: &Migrator,
) -> Result<Vec<i64>, MigrateError> {
    let applied = connection
        .list_applied_migrations(&migrator.table_name)
        .await?;
    for one in &applied {
        let known = migrator
            .iter()
            .find(|migration| migration.version == one.version);
        if known.is_some_and(|migration| migration.checksum != one.checksum) {
            return Err(MigrateError::VersionMismatch(one.version));
        }
    }
    Ok(applied.iter().map(|one| one.version).collect())
}

/// The migrator takes a lock of its own, so a second process waits and then finds nothing to do.
async fn migrate_postgres(
    connection: &mut PgConnection,
    migrator: &Migrator,
) -> Result<(), MigrateError> {
    // A migration may take as long as it needs.
    sqlx::query("SET statement_timeout = 0")
        .execute(&mut *connection)
        .await?;
    let done = migrator.run_direct(None, &mut *connection, false).await;
    let reset = sqlx::query("RESET statement_timeout")
        .execute(&mut *connection)
        .await;
    done?;
    reset.map(drop).map_err(MigrateError::Execute)
}

fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}
