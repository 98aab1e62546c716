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
    /// The grant says something else of what the manifest asks for, or allows less of it.
    #[error("the grant says '{granted}', and the manifest asks for '{asked}'")]
    Otherwise {
        /// As it stands in the grant.
        granted: String,
        /// As it would have to stand there.
        asked: String,
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
    /// [`NotPermitted`] names the first line that is missing from the grant, that says something else
    /// there, or that is too much in it.
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
            let SecretUse { address, field, .. } = bound;
            let granted = grant.secrets.get(name).ok_or_else(|| {
                lacking(format!(
                    "secrets.{name} = {{ file = \"/FILE\", address = \"{address}\", field = \"{field}\" }}"
                ))
            })?;
            if granted.field != bound.field {
                let line = |field| format!("secrets.{name}.field = \"{field}\"");
                return Err(otherwise(line(&granted.field), line(field)));
            }
            if !granted.address.covers(address) {
                let line = |address| format!("secrets.{name}.address = \"{address}\"");
                return Err(otherwise(line(&granted.address), line(address)));
            }
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
        let SomeLimits {
            memory_bytes,
            time_ms,
            host_call_ms,
            fuel,
            host_calls,
        } = *ceilings;
        let bytes = |bytes: usize| format!("\"{}\"", shown(bytes as u64));
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let usual_ms = (ms(usual.deadline), ms(usual.host_call_timeout));
        let memory = (memory_bytes, usual.memory_bytes);
        within("memory", asked.memory_bytes, memory, bytes)?;
        within("time_ms", asked.time_ms, (time_ms, usual_ms.0), number)?;
        let host_call = (host_call_ms, usual_ms.1);
        within("host_call_ms", asked.host_call_ms, host_call, number)?;
        within("fuel", asked.fuel, (fuel, usual.fuel), number)?;
        let calls = (host_calls, usual.host_calls);
        within("host_calls", asked.host_calls, calls, number)?;
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

fn otherwise(granted: String, asked: String) -> NotPermitted {
    NotPermitted::Otherwise { granted, asked }
}

fn kv(asked: KvTerms, grant: &Grant) -> Result<KvTerms, NotPermitted> {
    let line = |bytes| format!("kv.quota = \"{}\"", shown(bytes));
    let granted = grant.kv.ok_or_else(|| lacking(line(asked.quota_bytes)))?;
    if granted.quota_bytes < asked.quota_bytes {
        return Err(otherwise(
            line(granted.quota_bytes),
            line(asked.quota_bytes),
        ));
    }
    if asked.write && !granted.write {
        let line = |write| format!("kv.write = {write}");
        return Err(otherwise(line(false), line(true)));
    }
    Ok(asked)
}

/// Holds a limit against the grant's, and where that says nothing against the usual one.
fn within<T: PartialOrd + Copy>(
    key: &str,
    asked: Option<T>,
    (granted, usual): (Option<T>, T),
    shown: impl Fn(T) -> String,
) -> Result<(), NotPermitted> {
    let Some(asked) = asked else { return Ok(()) };
    let line = |value| format!("limits.{key} = {}", shown(value));
    match granted {
        Some(granted) if asked > granted => Err(otherwise(line(granted), line(asked))),
        None if asked > usual => Err(lacking(line(asked))),
        Some(_) | None => Ok(()),
    }
}

fn number(value: impl ToString) -> String {
    value.to_string()
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
