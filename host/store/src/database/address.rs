//! Where a database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

/// The address of a database: `sqlite://PATH` or `postgres://USER@HOST/NAME`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseAddress {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server, with everything its connection address may say.
    Postgres(String),
}

/// A text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MalformedAddress {
    /// The scheme is neither of the two.
    #[error("a database address begins with sqlite:// or postgres://")]
    Scheme,
    /// There is no file behind a SQLite address.
    #[error("a SQLite address names a file: sqlite://PATH, without a query")]
    File,
    /// The rest of a PostgreSQL address cannot be used.
    #[error("a PostgreSQL address has the form postgres://USER:PASSWORD@HOST:PORT/NAME")]
    Server,
}

impl FromStr for DatabaseAddress {
    type Err = MalformedAddress;

    fn from_str(text: &str) -> Result<Self, MalformedAddress> {
        if let Some(path) = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"))
        {
            // Every connection to a database in memory would have one of its own.
            let unusable = path.is_empty() || path.starts_with(':') || path.contains(['?', '\0']);
            return if unusable {
                Err(MalformedAddress::File)
            } else {
                Ok(Self::Sqlite(path.into()))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let options = text.parse::<sqlx::postgres::PgConnectOptions>();
            options.map_err(|_| MalformedAddress::Server)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(MalformedAddress::Scheme)
    }
}

/// Without the password that a server's address may hold.
impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let place = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = place.split_once('?').map_or(place, |(place, _)| place);
                let place = place.rsplit_once('@').map_or(place, |(_, host)| host);
                write!(f, "postgres://{place}")
            }
        }
    }
}

impl fmt::Debug for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseAddress({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: Result<&str, MalformedAddress>) {
        let address = text
            .parse::<DatabaseAddress>()
            .map(|address| address.to_string());
        assert_eq!(address, shown.map(str::to_owned), "{text}");
    }

    #[test]
    fn the_scheme_chooses_the_engine() {
        check("sqlite://colophon.db", Ok("sqlite://colophon.db"));
        check(
            "sqlite:///var/lib/colophon.db",
            Ok("sqlite:///var/lib/colophon.db"),
        );
        check("sqlite:x.db", Ok("sqlite://x.db"));
        check("postgres://db/colophon", Ok("postgres://db/colophon"));
        check("mysql://db/colophon", Err(MalformedAddress::Scheme));
        check("colophon.db", Err(MalformedAddress::Scheme));
    }

    #[test]
    fn a_database_in_memory_is_refused() {
        check("sqlite::memory:", Err(MalformedAddress::File));
        check("sqlite://", Err(MalformedAddress::File));
        check("sqlite://x?mode=memory", Err(MalformedAddress::File));
    }

    #[test]
    fn a_password_is_never_shown() {
        check(
            "postgres://u:p%40ss@db:5433/x?password=again",
            Ok("postgres://db:5433/x"),
        );
    }
}
