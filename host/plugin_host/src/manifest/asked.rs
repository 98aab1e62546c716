//! The manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use colophon_core::capability::{
    AllowedAddress, Name, SecretUse, SqlStatement, SqlType, StatementText,
};
use serde::Deserialize;

use super::Manifest;
use super::reading::{
    Keys, KvShape, LimitsShape, PaperRefused, address, counted, field, name, named, names, parsed,
    read, refused, within,
};
use crate::contract::{CONTRACT, Role};

/// As many as the contract allows a statement.
const PARAMETERS_MAX: usize = 32;
const ROWS_MAX: u32 = 1000;
const STATEMENT_MS_MAX: u64 = 10_000;

/// The keys of the manifest itself.
const KEYS: Keys = Keys {
    plain: &[
        "id", "version", "api", "roles", "catalog", "log", "config", "warm",
    ],
    tables: &["secrets", "sql", "http", "kv", "limits"],
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    id: String,
    version: String,
    api: String,
    roles: Vec<String>,
    #[serde(default)]
    catalog: bool,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    config: Vec<String>,
    #[serde(default)]
    secrets: BTreeMap<String, SecretShape>,
    #[serde(default)]
    sql: SqlShape,
    #[serde(default)]
    http: HttpShape,
    kv: Option<KvShape>,
    #[serde(default)]
    limits: LimitsShape,
    #[serde(default)]
    warm: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretShape {
    address: String,
    field: String,
    #[serde(default)]
    prefix: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SqlShape {
    statements: BTreeMap<String, StatementShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StatementShape {
    text: String,
    #[serde(default)]
    params: Vec<String>,
    max_rows: u32,
    timeout_ms: u64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct HttpShape {
    allow: Vec<String>,
}

impl Manifest {
    /// Reads a `plugin.toml`.
    ///
    /// # Errors
    /// [`PaperRefused`] names the key that is wrong, or the line.
    pub fn parse(text: &str) -> Result<Self, PaperRefused> {
        let shape: Shape = read(text, &KEYS)?;
        if shape.api != CONTRACT {
            return Err(refused(
                "api",
                format!("\"{}\" is not spoken here; write \"{CONTRACT}\"", shape.api),
            ));
        }
        let manifest = Self {
            id: name("id", &shape.id)?,
            version: version(shape.version)?,
            roles: roles(&shape.roles)?,
            catalog: shape.catalog,
            log: shape.log,
            config: names("config", &shape.config)?,
            secrets: named("secrets", shape.secrets, secret)?,
            statements: named("sql.statements", shape.sql.statements, statement)?,
            http: parsed("http.allow", &shape.http.allow, AllowedAddress::parse)?,
            kv: shape.kv.map(KvShape::read).transpose()?,
            limits: shape.limits.read()?,
            warm: shape.warm,
        };
        let asked = |secret: &SecretUse| {
            let mut addresses = manifest.http.iter();
            addresses.any(|address| address.covers(&secret.address))
        };
        let unasked: Option<(&Name, _)> =
            manifest.secrets.iter().find(|(_, secret)| !asked(secret));
        if let Some((name, _)) = unasked {
            let problem = "a secret goes along with requests; name its address in http.allow";
            return Err(refused(format!("secrets.{name}.address"), problem));
        }
        Ok(manifest)
    }
}

fn version(text: String) -> Result<String, PaperRefused> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        return Ok(text);
    }
    let problem = "a version has 1 to 64 letters, digits and '.', '-', '+', '_'";
    Err(refused("version", problem))
}

fn roles(texts: &[String]) -> Result<BTreeSet<Role>, PaperRefused> {
    let known = || Role::ALL.map(Role::as_str).join(", ");
    let mut roles = BTreeSet::new();
    for text in texts {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
        let role = role.ok_or_else(|| {
            refused(
                "roles",
                format!("\"{text}\" is no role; there are {}", known()),
            )
        })?;
        if !roles.insert(role) {
            return Err(refused("roles", format!("\"{text}\" stands there twice")));
        }
    }
    if roles.is_empty() {
        return Err(refused(
            "roles",
            format!("name at least one of {}", known()),
        ));
    }
    Ok(roles)
}

fn secret(place: String, shape: SecretShape) -> Result<SecretUse, PaperRefused> {
    let visible = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if shape.prefix.len() > 64 || !shape.prefix.bytes().all(visible) {
        let problem = "a prefix has at most 64 visible characters of ASCII";
        return Err(refused(format!("{place}.prefix"), problem));
    }
    Ok(SecretUse {
        address: address(format!("{place}.address"), &shape.address)?,
        field: field(format!("{place}.field"), &shape.field)?,
        prefix: shape.prefix,
    })
}

fn statement(place: String, shape: StatementShape) -> Result<SqlStatement, PaperRefused> {
    let text = StatementText::parse(&shape.text);
    let text = text.map_err(|problem| refused(format!("{place}.text"), problem))?;
    let at = |key: &str| format!("{place}.{key}");
    counted(&at("params"), shape.params.len(), PARAMETERS_MAX)?;
    let parameters = parsed(&at("params"), &shape.params, |text| {
        SqlType::parse(text).ok_or("a type is boolean, integer, decimal, text or bytes")
    })?;
    if text.parameters() != parameters.len() {
        let problem = format!(
            "{} types, where the statement has {} parameters",
            parameters.len(),
            text.parameters()
        );
        return Err(refused(at("params"), problem));
    }
    let time_ms = within(&at("timeout_ms"), shape.timeout_ms, 1, STATEMENT_MS_MAX)?;
    Ok(SqlStatement {
        text,
        parameters,
        rows_max: within(&at("max_rows"), shape.max_rows, 1, ROWS_MAX)?,
        time_max: Duration::from_millis(time_ms),
    })
}
