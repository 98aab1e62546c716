//! The grant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use colophon_core::capability::{AllowedAddress, Network};
use serde::Deserialize;

use super::reading::{
    KvShape, LimitsShape, PaperRefused, name, named, names, parsed, read, refused,
};
use super::{DatabaseText, Grant, SqlGrant};

/// As the contract allows it to a configured value.
const VALUE_BYTES_MAX: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    plugin: String,
    #[serde(default)]
    catalog: bool,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    config: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, PathBuf>,
    sql: Option<SqlShape>,
    #[serde(default)]
    http: HttpShape,
    kv: Option<KvShape>,
    #[serde(default)]
    limits: LimitsShape,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlShape {
    database: String,
    statements: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct HttpShape {
    allow: Vec<String>,
    #[serde(default)]
    private: Vec<String>,
}

impl Grant {
    /// Reads a grant.
    ///
    /// # Errors
    /// [`PaperRefused`] names the key that is wrong, or the line.
    pub fn parse(text: &str) -> Result<Self, PaperRefused> {
        let shape: Shape = read(text)?;
        Ok(Self {
            plugin: name("plugin", &shape.plugin)?,
            catalog: shape.catalog,
            log: shape.log,
            config: named("config", shape.config, value)?,
            secrets: named("secrets", shape.secrets, file)?,
            sql: shape.sql.map(sql).transpose()?,
            http: parsed("http.allow", &shape.http.allow, AllowedAddress::parse)?,
            private: parsed("http.private", &shape.http.private, Network::parse)?,
            kv: shape.kv.map(KvShape::read).transpose()?,
            limits: shape.limits.read()?,
        })
    }
}

fn value(place: String, text: String) -> Result<String, PaperRefused> {
    if text.len() > VALUE_BYTES_MAX || text.contains('\0') {
        let problem = format!("a value has at most {VALUE_BYTES_MAX} bytes, none of them zero");
        return Err(refused(place, problem));
    }
    Ok(text)
}

/// Of a secret only its file is named, so that a grant can be shown and kept anywhere.
fn file(place: String, path: PathBuf) -> Result<PathBuf, PaperRefused> {
    if path.is_absolute() {
        Ok(path)
    } else {
        Err(refused(
            place,
            "name the file that holds the secret, by its absolute path",
        ))
    }
}

fn sql(shape: SqlShape) -> Result<SqlGrant, PaperRefused> {
    if shape.database.is_empty() || shape.database.len() > 2048 {
        return Err(refused("sql.database", "an address has 1 to 2048 bytes"));
    }
    Ok(SqlGrant {
        database: DatabaseText(shape.database),
        statements: names("sql.statements", &shape.statements)?,
    })
}
