//! What an author writes of a host into a file of cases.

use std::collections::BTreeMap;

use colophon_plugin_host::manifest::Manifest;
use serde::Deserialize;
use serde_json::Value;

/// What a host has, as it stands in a file of cases. What is left out is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Host {
    pub(super) config: Option<BTreeMap<String, String>>,
    pub(super) catalog: Option<OrError<Vec<CatalogEntry>>>,
    pub(super) kv: Option<OrError<BTreeMap<String, Value>>>,
    pub(super) sql: Option<Vec<Statement>>,
    pub(super) http: Option<Vec<Exchange>>,
}

impl Host {
    /// Settings that a plug-in with this manifest would never be told.
    pub(in super::super) fn settings_not_asked_for(&self, manifest: &Manifest) -> Vec<&str> {
        let set = self.config.iter().flat_map(BTreeMap::keys);
        let set = set.map(String::as_str);
        set.filter(|key| !manifest.config.iter().any(|name| name.as_str() == *key))
            .collect()
    }
}

/// What a service holds, or how it fails: `{ error = … }` with the error as the contract has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OrError<Held> {
    Fails(Fails),
    Holds(Held),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub(super) struct Fails {
    pub(super) error: Value,
}

/// A table of this one name; derived, a list of one item would do as well.
impl TryFrom<BTreeMap<String, Value>> for Fails {
    type Error = &'static str;

    fn try_from(mut members: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        match (members.remove("error"), members.is_empty()) {
            (Some(error), true) => Ok(Self { error }),
            _ => Err("not an error"),
        }
    }
}

/// A title in the center's catalog.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CatalogEntry {
    pub(super) book: Value,
    pub(super) location: Value,
}

/// An answer of the mapping database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Statement {
    pub(super) statement: String,
    /// The parameters that this is the answer to; to all if left out.
    pub(super) parameters: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) columns: Vec<String>,
    #[serde(default)]
    pub(super) rows: Vec<Vec<Value>>,
    #[serde(default)]
    pub(super) truncated: bool,
    pub(super) error: Option<Value>,
}

/// An answer of a service on the web.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Exchange {
    #[serde(default = "get")]
    pub(super) method: String,
    pub(super) url: String,
    /// The body that this is the answer to; to any if left out.
    pub(super) request_body: Option<Value>,
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) fields: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: Value,
    pub(super) error: Option<Value>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

impl Host {
    /// This host with what another says differently.
    pub(in super::super) fn with(&self, other: &Self) -> Self {
        let Self {
            config,
            catalog,
            kv,
            sql,
            http,
        } = other.clone();
        Self {
            config: config.or_else(|| self.config.clone()),
            catalog: catalog.or_else(|| self.catalog.clone()),
            kv: kv.or_else(|| self.kv.clone()),
            sql: sql.or_else(|| self.sql.clone()),
            http: http.or_else(|| self.http.clone()),
        }
    }
}
