//! A grant as an operator would write it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use thiserror::Error;

use super::reading::shown;
use super::{Grant, KvTerms, SecretGrant, SomeLimits, SqlGrant, WarmGrant};

/// A grant that TOML has no words for. One that was read has.
#[derive(Debug, Error)]
#[error("the grant cannot be written")]
pub struct NotWritten(#[source] toml::ser::Error);

/// Plain values first: TOML takes them for a part of the table above otherwise. What is not granted is
/// not written.
#[derive(Serialize)]
struct Written<'a> {
    plugin: &'a str,
    catalog: Option<bool>,
    log: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    secrets: BTreeMap<&'a str, WrittenSecret<'a>>,
    sql: Option<WrittenSql<'a>>,
    http: Option<WrittenHttp>,
    kv: Option<WrittenKv>,
    limits: Option<WrittenLimits>,
    warm: Option<WrittenWarm>,
}

#[derive(Serialize)]
struct WrittenSecret<'a> {
    file: &'a Path,
    address: String,
    field: &'a str,
}

#[derive(Serialize)]
struct WrittenSql<'a> {
    database: &'a str,
    statements: Vec<&'a str>,
}

#[derive(Serialize)]
struct WrittenHttp {
    allow: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    private: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize)]
struct WrittenKv {
    quota: String,
    write: bool,
}

#[derive(Serialize)]
struct WrittenLimits {
    memory: Option<String>,
    time_ms: Option<u64>,
    host_call_ms: Option<u64>,
    fuel: Option<u64>,
    host_calls: Option<u32>,
}

#[derive(Serialize)]
struct WrittenWarm {
    requests: u32,
    idle_s: u64,
    memory: Option<String>,
    instances: usize,
}

impl Grant {
    /// The grant as text. Whoever reads it back has the same grant. It holds the database's address,
    /// perhaps with a password, and the values that are set.
    ///
    /// # Errors
    /// [`NotWritten`].
    pub fn to_text(&self) -> Result<String, NotWritten> {
        let written = Written {
            plugin: self.plugin.as_str(),
            catalog: self.catalog.then_some(true),
            log: self.log.then_some(true),
            config: self
                .config
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            secrets: self
                .secrets
                .iter()
                .map(|(name, secret)| (name.as_str(), secret.into()))
                .collect(),
            sql: self.sql.as_ref().map(WrittenSql::from),
            http: self.written_http(),
            kv: self.kv.map(WrittenKv::from),
            limits: written_limits(self.limits),
            warm: self.warm.map(WrittenWarm::from),
        };
        toml::to_string(&written).map_err(NotWritten)
    }

    fn written_http(&self) -> Option<WrittenHttp> {
        let mut private: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for own in &self.private {
            let networks = private.entry(own.address.to_string()).or_default();
            networks.extend(own.networks.iter().map(ToString::to_string));
        }
        let allow: Vec<String> = self.http.iter().map(ToString::to_string).collect();
        (!allow.is_empty()).then_some(WrittenHttp { allow, private })
    }
}

impl<'a> From<&'a SecretGrant> for WrittenSecret<'a> {
    fn from(secret: &'a SecretGrant) -> Self {
        Self {
            file: &secret.file,
            address: secret.address.to_string(),
            field: secret.field.as_str(),
        }
    }
}

impl<'a> From<&'a SqlGrant> for WrittenSql<'a> {
    fn from(sql: &'a SqlGrant) -> Self {
        Self {
            database: sql.database.expose(),
            statements: sql.statements.iter().map(|name| name.as_str()).collect(),
        }
    }
}

impl From<KvTerms> for WrittenKv {
    fn from(terms: KvTerms) -> Self {
        Self {
            quota: shown(terms.quota_bytes),
            write: terms.write,
        }
    }
}

impl From<WarmGrant> for WrittenWarm {
    fn from(warm: WarmGrant) -> Self {
        Self {
            requests: warm.requests,
            idle_s: warm.idle.as_secs(),
            memory: warm.memory_bytes.map(|bytes| shown(bytes as u64)),
            instances: warm.instances,
        }
    }
}

fn written_limits(limits: SomeLimits) -> Option<WrittenLimits> {
    let SomeLimits {
        memory_bytes,
        time_ms,
        host_call_ms,
        fuel,
        host_calls,
    } = limits;
    (limits != SomeLimits::default()).then_some(WrittenLimits {
        memory: memory_bytes.map(|bytes| shown(bytes as u64)),
        time_ms,
        host_call_ms,
        fuel,
        host_calls,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_read_as_it_was_written() {
        for text in [
            "plugin = \"acme\"",
            "plugin = \"acme\"\nlog = true\n[limits]\nfuel = 10000\n[warm]\nrequests = 2",
            concat!(
                "plugin = \"acme\"\ncatalog = true\nlog = true\n[config]\nzone = \"E\\\"U\\n\"\n",
                "[secrets.token]\nfile = \"/etc/a b\"\naddress = \"https://a.example/v1\"\n",
                "field = \"Authorization\"\n[sql]\ndatabase = \"postgres://u:p@db/x\"\n",
                "statements = [\"one\", \"two\"]\n[http]\n",
                "allow = [\"https://a.example/v1/\", \"https://a.example/v1\", \"http://[::1]:81/\"]\n",
                "[http.private]\n\"https://a.example/v1/\" = [\"10.0.0.0/8\", \"fd00::/8\"]\n",
                "[kv]\nquota = \"3B\"\nwrite = false\n[limits]\nmemory = \"65KiB\"\ntime_ms = 10\n",
                "host_call_ms = 1\nhost_calls = 0\n[warm]\nrequests = 9\nidle_s = 3\n",
                "memory = \"1MiB\"\ninstances = 2\n",
            ),
        ] {
            let grant = Grant::parse(text).unwrap();
            let written = grant.to_text().unwrap();
            assert_eq!(Grant::parse(&written).unwrap(), grant, "{written}");
        }
    }
}
