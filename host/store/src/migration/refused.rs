//! Why a database cannot be used as it is, and what to do about it.

use std::path::PathBuf;

use sqlx::migrate::MigrateError;
use thiserror::Error;

use super::Schema;

/// Why a database cannot be used with this program as it is.
#[derive(Debug, Error)]
pub enum SchemaRefused {
    /// A newer program has migrated it.
    #[error(
        "the {schema} database is at version {found}, newer than this program knows ({known}): \
         start the Colophon release that migrated it, or a later one; to go back, stop every host \
         and restore {restore}",
        schema = schema.name(),
        restore = copies(copy)
    )]
    Newer {
        /// Which database.
        schema: Schema,
        /// Its newest migration.
        found: i64,
        /// The newest migration of this program.
        known: i64,
        /// The copy made before the migration, where one lies next to the file.
        copy: Option<PathBuf>,
    },
    /// Migrations are still to be applied.
    #[error(
        "the {schema} database lacks {count} migrations: run `colophon migrate`",
        schema = schema.name()
    )]
    Older {
        /// Which database.
        schema: Schema,
        /// How many it lacks.
        count: usize,
    },
    /// A migration was applied that had another content.
    #[error(
        "migration {version} of the {schema} database is not the one of this program: \
         start the Colophon release that made the database",
        schema = schema.name()
    )]
    Altered {
        /// Which database.
        schema: Schema,
        /// The migration.
        version: i64,
    },
    /// The copy that comes before a migration could not be made; nothing was migrated.
    #[error("the {schema} database could not be copied to {copy}, so it was not migrated", schema = schema.name())]
    NotCopied {
        /// Which database.
        schema: Schema,
        /// Where the copy was to be.
        copy: PathBuf,
        /// What went wrong.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed; those before it in the same run are undone with it on SQLite.
    #[error("the {schema} database could not be migrated", schema = schema.name())]
    Failed {
        /// Which database.
        schema: Schema,
        /// What went wrong.
        #[source]
        source: MigrateError,
    },
    /// The database does not answer.
    #[error("the {schema} database at {address} does not answer", schema = schema.name())]
    Unreachable {
        /// Which database.
        schema: Schema,
        /// Where it should be, without its password.
        address: String,
        /// What went wrong.
        #[source]
        source: sqlx::Error,
    },
}

fn copies(copy: &Option<PathBuf>) -> String {
    match copy {
        Some(path) => format!("the copy {}", path.display()),
        None => "a backup made before".to_owned(),
    }
}
