//! What both papers say.

use std::time::Duration;

use colophon_core::capability::{Name, SecretUse};
use thiserror::Error;

use super::reading::shown;
use super::{Grant, HttpTerms, KvTerms, Manifest, Permitted, SecretTerms, SomeLimits, SqlTerms};
use crate::contract::Role;
use crate::limits::Limits;

/// Why a plug-in cannot have what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotPermitted {
    /// The grant is another plug-in's.
    #[error("the grant is for '{granted}', and the manifest is that of '{asking}'")]
    OtherPlugin {
        /// Whom it is for.
        granted: Name,
        /// Who asks.
        asking: Name,
    },
    /// The grant does not say what the manifest asks for.
    #[error("the grant lacks '{line}', which the manifest asks for")]
    Lacking {
        /// The line, or the entry of a list.
        line: String,
    },
    /// The grant sets or names what the manifest does not ask for, which is most often a slip of
    /// the pen.
    #[error("the grant has {entry}, which the manifest does not ask for")]
    Unasked {
        /// The entry.
        entry: String,
    },
    /// The component plays another set of roles than its manifest says.
    #[error("the component's roles are {exported}; write 'roles = {line}' into its manifest")]
    OtherRoles {
        /// What the component exports.
        exported: String,
        /// What the manifest has to say.
        line: String,
    },
}

impl Manifest {
    /// What the plug-in may use under this grant.
    ///
    /// # Errors
    /// [`NotPermitted`] names the first line that is missing from the grant, or too much in it.
    pub fn permitted(&self, grant: &Grant) -> Result<Permitted, NotPermitted> {
        if grant.plugin != self.id {
            return Err(NotPermitted::OtherPlugin {
                granted: grant.plugin.clone(),
                asking: self.id.clone(),
            });
        }
        if self.catalog && !grant.catalog {
            return Err(lacking("catalog = true"));
        }
        if self.log && !grant.log {
            return Err(lacking("log = true"));
        }
        if let Some(key) = grant.config.keys().find(|key| !self.config.contains(*key)) {
            let entry = format!("config.{key}");
            return Err(NotPermitted::Unasked { entry });
        }
        let limits = self.limits_under(&grant.limits)?;
        Ok(Permitted {
            plugin: self.id.clone(),
            catalog: self.catalog,
            log: self.log,
            config: (!self.config.is_empty()).then(|| grant.config.clone()),
            kv: self.kv.map(|asked| kv(asked, grant)).transpose()?,
            sql: self.sql_under(grant, &limits)?,
            http: self.http_under(grant)?,
            warm: self.warm_under(grant, &limits)?,
            limits,
        })
    }

    /// The limits that it asks for, whatever an operator would say to them.
    pub(crate) fn limits_as_asked(&self) -> Limits {
        limits(&self.limits, &Limits::default())
    }

    /// Holds what the component exports against what the manifest says.
    ///
    /// # Errors
    /// [`NotPermitted::OtherRoles`].
    pub fn agrees_with(&self, exported: impl Iterator<Item = Role>) -> Result<(), NotPermitted> {
        let exported: Vec<Role> = exported.collect();
        if exported.iter().eq(&self.roles) {
            return Ok(());
        }
        let quoted = exported.iter().map(|role| format!("\"{}\"", role.as_str()));
        let line = format!("[{}]", quoted.collect::<Vec<_>>().join(", "));
        let names: Vec<_> = exported.iter().map(|role| role.as_str()).collect();
        Err(NotPermitted::OtherRoles {
            exported: names.join(", "),
            line,
        })
    }

    /// The manifest's statements. None of them runs on after nobody waits for it any more.
    fn sql_under(&self, grant: &Grant, limits: &Limits) -> Result<Option<SqlTerms>, NotPermitted> {
        if self.statements.is_empty() {
            return Ok(None);
        }
        let granted = grant
            .sql
            .as_ref()
            .ok_or_else(|| lacking("sql.database = \"…\""))?;
        let missing = self
            .statements
            .keys()
            .find(|name| !granted.statements.contains(*name));
        if let Some(name) = missing {
            return Err(lacking(format!("\"{name}\" in sql.statements")));
        }
        let unasked = granted
            .statements
            .iter()
            .find(|name| !self.statements.contains_key(*name));
        if let Some(name) = unasked {
            let entry = format!("\"{name}\" in sql.statements");
            return Err(NotPermitted::Unasked { entry });
        }
        let mut statements = self.statements.clone();
        for statement in statements.values_mut() {
            statement.time_max = statement.time_max.min(limits.host_call_timeout);
        }
        Ok(Some(SqlTerms {
            database: granted.database.clone(),
            statements,
        }))
    }

    /// The manifest's addresses, which may be narrower than the operator's.
    fn http_under(&self, grant: &Grant) -> Result<Option<HttpTerms>, NotPermitted> {
        if self.http.is_empty() {
            return Ok(None);
        }
        let covered = |asked| grant.http.iter().any(|granted| granted.covers(asked));
        if let Some(address) = self.http.iter().find(|asked| !covered(asked)) {
            return Err(lacking(format!("\"{address}\" in http.allow")));
        }
        let mut granted = grant.secrets.keys();
        if let Some(name) = granted.find(|name| !self.secrets.contains_key(*name)) {
            let entry = format!("secrets.{name}");
            return Err(NotPermitted::Unasked { entry });
        }
        let secrets = self.secrets.iter().map(|(name, bound)| {
            let granted = grant.secrets.get(name).filter(|granted| {
                granted.field == bound.field && granted.address.covers(&bound.address)
            });
            let SecretUse { address, field, .. } = bound;
            let granted = granted.ok_or_else(|| {
                lacking(format!(
                    "secrets.{name} = {{ file = \"/FILE\", address = \"{address}\", field = \"{field}\" }}"
                ))
            })?;
            let terms = SecretTerms {
                file: granted.file.clone(),
                bound: bound.clone(),
            };
            Ok((name.clone(), terms))
        });
        let secrets = secrets.collect::<Result<_, NotPermitted>>()?;
        Ok(Some(HttpTerms {
            allow: self.http.clone(),
            private: grant.private.clone(),
            secrets,
        }))
    }

    fn limits_under(&self, ceilings: &SomeLimits) -> Result<Limits, NotPermitted> {
        let usual = Limits::default();
        let most = limits(ceilings, &usual);
        let asked = self.limits;
        let bytes = |bytes: usize| format!("\"{}\"", shown(bytes as u64));
        within("memory", asked.memory_bytes, most.memory_bytes, bytes)?;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        within("time_ms", asked.time_ms, ms(most.deadline), |ms| {
            ms.to_string()
        })?;
        let host_call_ms = ms(most.host_call_timeout);
        within("host_call_ms", asked.host_call_ms, host_call_ms, |ms| {
            ms.to_string()
        })?;
        within("fuel", asked.fuel, most.fuel, |fuel| fuel.to_string())?;
        within("host_calls", asked.host_calls, most.host_calls, |calls| {
            calls.to_string()
        })?;
        // Where a manifest says nothing it has what is usual, or less if the operator says so.
        let unsaid = Limits {
            memory_bytes: usual.memory_bytes.min(most.memory_bytes),
            deadline: usual.deadline.min(most.deadline),
            host_call_timeout: usual.host_call_timeout.min(most.host_call_timeout),
            fuel: usual.fuel.min(most.fuel),
            host_calls: usual.host_calls.min(most.host_calls),
            ..usual
        };
        Ok(limits(&asked, &unsaid))
    }
}

fn lacking(line: impl Into<String>) -> NotPermitted {
    NotPermitted::Lacking { line: line.into() }
}

fn kv(asked: KvTerms, grant: &Grant) -> Result<KvTerms, NotPermitted> {
    let line = format!("kv.quota = \"{}\"", shown(asked.quota_bytes));
    let granted = grant.kv.ok_or_else(|| lacking(line.clone()))?;
    if granted.quota_bytes < asked.quota_bytes {
        return Err(lacking(line));
    }
    if asked.write && !granted.write {
        return Err(lacking("kv.write = true"));
    }
    Ok(asked)
}

fn within<T: PartialOrd + Copy>(
    key: &str,
    asked: Option<T>,
    most: T,
    shown: impl Fn(T) -> String,
) -> Result<(), NotPermitted> {
    match asked {
        Some(asked) if asked > most => Err(lacking(format!("limits.{key} = {}", shown(asked)))),
        Some(_) | None => Ok(()),
    }
}

/// Limits with those replaced of which something is said.
pub(super) fn limits(some: &SomeLimits, others: &Limits) -> Limits {
    let SomeLimits {
        memory_bytes,
        time_ms,
        host_call_ms,
        fuel,
        host_calls,
    } = *some;
    Limits {
        memory_bytes: memory_bytes.unwrap_or(others.memory_bytes),
        deadline: time_ms.map_or(others.deadline, Duration::from_millis),
        host_call_timeout: host_call_ms.map_or(others.host_call_timeout, Duration::from_millis),
        fuel: fuel.unwrap_or(others.fuel),
        host_calls: host_calls.unwrap_or(others.host_calls),
        ..*others
    }
}
