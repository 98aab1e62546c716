//! The grant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use colophon_core::capability::{AllowedAddress, Network, PrivateNetworks};
use serde::Deserialize;

use super::reading::{
    ENTRIES_MAX, Keys, KvShape, LimitsShape, PaperRefused, address, counted, field, name, named,
    names, parsed, read, refused,
};
use super::warming::WarmShape;
use super::{DatabaseText, Grant, SecretGrant, SqlGrant};

/// As the contract allows it to a configured value.
const VALUE_BYTES_MAX: usize = 4096;

/// The keys of the grant itself.
const KEYS: Keys = Keys {
    plain: &["plugin", "catalog", "log"],
    tables: &["config", "secrets", "sql", "http", "kv", "limits", "warm"],
};

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
    secrets: BTreeMap<String, SecretShape>,
    sql: Option<SqlShape>,
    #[serde(default)]
    http: HttpShape,
    kv: Option<KvShape>,
    #[serde(default)]
    limits: LimitsShape,
    warm: Option<WarmShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretShape {
    file: PathBuf,
    address: String,
    field: String,
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
    private: BTreeMap<String, Vec<String>>,
}

impl Grant {
    /// Reads a grant.
    ///
    /// # Errors
    /// [`PaperRefused`] names the key that is wrong, or the line.
    pub fn parse(text: &str) -> Result<Self, PaperRefused> {
        let shape: Shape = read(text, &KEYS)?;
        let grant = Self {
            plugin: name("plugin", &shape.plugin)?,
            catalog: shape.catalog,
            log: shape.log,
            config: named("config", shape.config, value)?,
            secrets: named("secrets", shape.secrets, secret)?,
            sql: shape.sql.map(sql).transpose()?,
            http: parsed("http.allow", &shape.http.allow, AllowedAddress::parse)?,
            private: private(shape.http.private)?,
            kv: shape.kv.map(KvShape::read).transpose()?,
            limits: shape.limits.read()?,
            warm: shape.warm.map(WarmShape::read).transpose()?,
        };
        // Either would be a line that looks like more than it says.
        let named = |address| grant.http.iter().any(|entry| entry.covers(address));
        let private = grant.private.iter().find(|own| !named(&own.address));
        if let Some(PrivateNetworks { address, .. }) = private {
            let place = format!("http.private.\"{address}\"");
            return Err(refused(place, "no entry of http.allow names this address"));
        }
        let mut secrets = grant.secrets.iter();
        if let Some((name, _)) = secrets.find(|(_, secret)| !named(&secret.address)) {
            let place = format!("secrets.{name}.address");
            return Err(refused(place, "no entry of http.allow names this address"));
        }
        Ok(grant)
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
fn secret(place: String, shape: SecretShape) -> Result<SecretGrant, PaperRefused> {
    if !shape.file.is_absolute() {
        return Err(refused(
            format!("{place}.file"),
            "name the file that holds the secret, by its absolute path",
        ));
    }
    Ok(SecretGrant {
        file: shape.file,
        address: address(format!("{place}.address"), &shape.address)?,
        field: field(format!("{place}.field"), &shape.field)?,
    })
}

fn private(table: BTreeMap<String, Vec<String>>) -> Result<Vec<PrivateNetworks>, PaperRefused> {
    counted("http.private", table.len(), ENTRIES_MAX)?;
    let entries = table.into_iter().map(|(own, networks)| {
        let place = format!("http.private.\"{own}\"");
        Ok(PrivateNetworks {
            address: address(&place, &own)?,
            networks: parsed(&place, &networks, Network::parse)?,
        })
    });
    entries.collect()
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
