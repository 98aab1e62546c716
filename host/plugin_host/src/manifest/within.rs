//! Whether one allows no more than another: a grant than the one that it is made of, or what a plug-in
//! may use than what it might use by now.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use colophon_core::capability::{
    AllowedAddress, FieldName, Name, PrivateNetworks, SecretUse, SqlStatement,
};
use thiserror::Error;

use super::permitting::limits;
use super::{DatabaseText, Grant, KvTerms, Permitted};
use crate::limits::Limits;
use crate::warm::WarmTerms;

/// One allows something that the other does not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{line}' allows more than the grant that it is held against")]
pub struct Wider {
    /// As it stands in the grant, without values.
    pub line: String,
}

impl Grant {
    /// Holds it against another one, which must allow all that it does. A setting must have the same
    /// value there. How instances are used again is no permission, and not looked at.
    ///
    /// # Errors
    /// [`Wider`] names the first line that allows more.
    pub fn within(&self, wide: &Self) -> Result<(), Wider> {
        Allowed::from(self).within(&wide.into())
    }
}

impl Permitted {
    /// Holds it against another one, which must allow all that it does. The values of settings are no
    /// more and no less than others; a setting that is not there any more is one that was taken away.
    ///
    /// # Errors
    /// [`Wider`] names the first line that allows more.
    pub fn within(&self, wide: &Self) -> Result<(), Wider> {
        Allowed::from(self).within(&wide.into())
    }
}

/// What is allowed, as far as it can be held against what is allowed by another of its kind.
struct Allowed<'a> {
    plugin: &'a Name,
    limits: Limits,
    catalog: bool,
    log: bool,
    /// With the values, where these matter.
    config: BTreeMap<&'a Name, Option<&'a str>>,
    secrets: BTreeMap<&'a Name, AllowedSecret<'a>>,
    sql: Option<AllowedStatements<'a>>,
    http: &'a [AllowedAddress],
    private: &'a [PrivateNetworks],
    kv: Option<KvTerms>,
    warm: Option<WarmTerms>,
}

struct AllowedSecret<'a> {
    file: &'a Path,
    address: &'a AllowedAddress,
    field: &'a FieldName,
    /// What stands before it, where that is known.
    prefix: Option<&'a str>,
}

struct AllowedStatements<'a> {
    database: &'a DatabaseText,
    /// With the statements, where these are known.
    names: BTreeMap<&'a Name, Option<&'a SqlStatement>>,
}

impl<'a> From<&'a Grant> for Allowed<'a> {
    fn from(grant: &'a Grant) -> Self {
        let Grant {
            plugin,
            catalog,
            log,
            config,
            secrets,
            sql,
            http,
            private,
            kv,
            limits: granted,
            warm: _,
        } = grant;
        let config = config.iter();
        let secrets = secrets.iter().map(|(name, secret)| {
            let allowed = AllowedSecret {
                file: &secret.file,
                address: &secret.address,
                field: &secret.field,
                prefix: None,
            };
            (name, allowed)
        });
        let sql = sql.as_ref().map(|sql| AllowedStatements {
            database: &sql.database,
            names: sql.statements.iter().map(|name| (name, None)).collect(),
        });
        Self {
            plugin,
            limits: limits(granted, &Limits::default()),
            catalog: *catalog,
            log: *log,
            config: config
                .map(|(name, value)| (name, Some(value.as_str())))
                .collect(),
            secrets: secrets.collect(),
            sql,
            http,
            private,
            kv: *kv,
            warm: None,
        }
    }
}

impl<'a> From<&'a Permitted> for Allowed<'a> {
    fn from(permitted: &'a Permitted) -> Self {
        let Permitted {
            plugin,
            limits,
            catalog,
            log,
            config,
            kv,
            sql,
            http,
            warm,
        } = permitted;
        let config = config.iter().flatten();
        let sql = sql.as_ref().map(|sql| AllowedStatements {
            database: &sql.database,
            names: sql
                .statements
                .iter()
                .map(|(name, statement)| (name, Some(statement)))
                .collect(),
        });
        let secrets = http.iter().flat_map(|http| &http.secrets);
        let secrets = secrets.map(|(name, secret)| {
            let SecretUse {
                address,
                field,
                prefix,
            } = &secret.bound;
            let allowed = AllowedSecret {
                file: &secret.file,
                address,
                field,
                prefix: Some(prefix),
            };
            (name, allowed)
        });
        Self {
            plugin,
            limits: *limits,
            catalog: *catalog,
            log: *log,
            config: config.map(|(name, _)| (name, None)).collect(),
            secrets: secrets.collect(),
            sql,
            http: http.as_ref().map_or(&[], |http| &http.allow),
            private: http.as_ref().map_or(&[], |http| &http.private),
            kv: *kv,
            warm: *warm,
        }
    }
}

impl Allowed<'_> {
    fn within(&self, wide: &Self) -> Result<(), Wider> {
        holds(self.plugin == wide.plugin, "plugin")?;
        holds(wide.catalog || !self.catalog, "catalog = true")?;
        holds(wide.log || !self.log, "log = true")?;
        for (name, value) in &self.config {
            let same = wide.config.get(name) == Some(value);
            holds(same, format_args!("config.{name}"))?;
        }
        for (name, secret) in &self.secrets {
            let wide = wide.secrets.get(name);
            let granted = wide.is_some_and(|wide| secret.is_within(wide));
            holds(granted, format_args!("secrets.{name}"))?;
        }
        if let Some(sql) = &self.sql {
            let granted = wide.sql.as_ref().is_some_and(|wide| sql.is_within(wide));
            holds(granted, "[sql]")?;
        }
        for address in self.http {
            let granted = wide.http.iter().any(|entry| entry.covers(address));
            holds(granted, format_args!("http.allow \"{address}\""))?;
        }
        for own in self.private {
            let mut networks = own.networks.iter();
            let granted = networks.all(|network| {
                let mut entries = wide.private.iter();
                entries.any(|entry| {
                    entry.address.covers(&own.address) && entry.networks.contains(network)
                })
            });
            holds(granted, private_line(&own.address))?;
        }
        if let Some(kv) = self.kv {
            let granted = wide.kv.is_some_and(|wide| {
                wide.quota_bytes >= kv.quota_bytes && (wide.write || !kv.write)
            });
            holds(granted, "[kv]")?;
        }
        if let Some(warm) = &self.warm {
            let granted = wide
                .warm
                .as_ref()
                .is_some_and(|wide| is_warm_within(warm, wide));
            holds(granted, "[warm]")?;
        }
        limits_within(&self.limits, &wide.limits)
    }
}

impl AllowedSecret<'_> {
    fn is_within(&self, wide: &Self) -> bool {
        let Self {
            file,
            address,
            field,
            prefix,
        } = *self;
        (file, field, prefix) == (wide.file, wide.field, wide.prefix)
            && wide.address.covers(address)
    }
}

impl AllowedStatements<'_> {
    fn is_within(&self, wide: &Self) -> bool {
        let same = |own: &SqlStatement, wide: &SqlStatement| {
            own.text == wide.text
                && own.parameters == wide.parameters
                && own.rows_max <= wide.rows_max
                && own.time_max <= wide.time_max
        };
        let mut names = self.names.iter();
        self.database == wide.database
            && names.all(|(name, own)| match (own, wide.names.get(name)) {
                (Some(own), Some(Some(wide))) => same(own, wide),
                (None, Some(None)) => true,
                (Some(_), Some(None) | None) | (None, Some(Some(_)) | None) => false,
            })
    }
}

fn limits_within(own: &Limits, wide: &Limits) -> Result<(), Wider> {
    let Limits {
        deadline,
        host_call_timeout,
        fuel,
        memory_bytes,
        table_elements,
        host_calls,
        handover_bytes,
    } = *own;
    holds(memory_bytes <= wide.memory_bytes, "limits.memory")?;
    holds(deadline <= wide.deadline, "limits.time_ms")?;
    let host_call = host_call_timeout <= wide.host_call_timeout;
    holds(host_call, "limits.host_call_ms")?;
    holds(fuel <= wide.fuel, "limits.fuel")?;
    holds(host_calls <= wide.host_calls, "limits.host_calls")?;
    // These two are the same for every plug-in.
    holds(table_elements <= wide.table_elements, "limits")?;
    holds(handover_bytes <= wide.handover_bytes, "limits")
}

fn is_warm_within(own: &WarmTerms, wide: &WarmTerms) -> bool {
    let WarmTerms {
        requests,
        idle,
        memory_bytes,
        instances,
    } = *own;
    requests <= wide.requests
        && idle <= wide.idle
        && memory_bytes <= wide.memory_bytes
        && instances <= wide.instances
}

/// The line of networks of one's own.
pub(super) fn private_line(address: &AllowedAddress) -> String {
    format!("http.private \"{address}\"")
}

fn holds(granted: bool, line: impl fmt::Display) -> Result<(), Wider> {
    match granted {
        true => Ok(()),
        false => Err(Wider {
            line: line.to_string(),
        }),
    }
}
