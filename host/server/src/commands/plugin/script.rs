//! The host that an author has written down: what its catalog, settings, values, statements and
//! services answer.

mod held;
#[cfg(test)]
mod tests;
mod values;
mod written;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use colophon_plugin_host::Capability;
use colophon_plugin_host::bench::ScriptedHost;
use colophon_plugin_host::manifest::Manifest;
use serde_json::{Value, json};

use self::values::{bytes, plain, shown, typed};
pub(super) use self::written::Host;
use self::written::OrError;

/// The lines that a plug-in writes for the operator.
pub(super) type Lines = Arc<Mutex<Vec<String>>>;

/// A host at work for one call.
pub(super) struct Script {
    host: Host,
    /// What the plug-in asks for; without it, everything is allowed.
    manifest: Option<Arc<Manifest>>,
    values: BTreeMap<String, Vec<u8>>,
    lines: Lines,
    /// While a plug-in is loaded nobody answers.
    away: bool,
}

impl Script {
    pub(super) fn new(host: Host, manifest: Option<Arc<Manifest>>, lines: &Lines) -> Self {
        let values = match &host.kv {
            Some(OrError::Holds(values)) => {
                let values = values.iter();
                values
                    .map(|(key, value)| (key.clone(), bytes(value)))
                    .collect()
            }
            Some(OrError::Fails(_)) | None => BTreeMap::new(),
        };
        Self {
            host,
            manifest,
            values,
            lines: Arc::clone(lines),
            away: false,
        }
    }

    /// The host while a plug-in is loaded: nothing is set, and every service is unavailable.
    pub(super) fn unavailable(lines: &Lines) -> Self {
        Self {
            away: true,
            ..Self::new(Host::default(), None, lines)
        }
    }

    /// The same with these settings.
    pub(super) fn set_and_unavailable(config: BTreeMap<String, String>) -> Self {
        let host = Host {
            config: Some(config),
            ..Host::default()
        };
        Self {
            away: true,
            ..Self::new(host, None, &Lines::default())
        }
    }

    fn find(&self, book: &Value) -> Value {
        match &self.host.catalog {
            Some(OrError::Fails(fails)) => json!({ "err": fails.error }),
            Some(OrError::Holds(entries)) => {
                let found = entries.iter().find(|entry| entry.book == *book);
                json!({ "ok": found.map(|entry| &entry.location) })
            }
            None => json!({ "ok": null }),
        }
    }

    fn config(&self, key: &str) -> Value {
        let manifest = self.manifest.as_deref();
        if manifest.is_some_and(|manifest| !manifest.config.iter().any(|name| name.as_str() == key))
        {
            return Value::Null;
        }
        let values = self.host.config.as_ref();
        json!(values.and_then(|values| values.get(key)))
    }

    fn kv(&mut self, function: &str, key: &str, arguments: &[Value]) -> Result<Value, String> {
        let terms = self.manifest.as_deref().and_then(|manifest| manifest.kv);
        let changes = !matches!(function, "get" | "list-keys");
        if let Some(refused) = held::value(function, key, arguments) {
            return Ok(json!({ "err": refused }));
        }
        if terms.is_some_and(|terms| changes && !terms.write) {
            return Ok(json!({ "err": "read-only" }));
        }
        if let Some(OrError::Fails(fails)) = &self.host.kv {
            return Ok(json!({ "err": fails.error }));
        }
        let here = self.values.get(key);
        let answer = match (function, arguments) {
            ("get", []) => json!({ "ok": here.map(|bytes| shown(bytes)) }),
            ("put", [value]) => match self.keep(key, bytes(value)) {
                Ok(()) => json!({ "ok": null }),
                Err(refused) => json!({ "err": refused }),
            },
            ("delete", []) => json!({ "ok": self.values.remove(key).is_some() }),
            ("swap", [expected, value]) => {
                let expected = (!expected.is_null()).then(|| bytes(expected));
                if here != expected.as_ref() {
                    return Ok(json!({ "ok": false }));
                }
                match self.keep(key, bytes(value)) {
                    Ok(()) => json!({ "ok": true }),
                    Err(refused) => json!({ "err": refused }),
                }
            }
            ("list-keys", [after]) => {
                let after = after.as_str();
                let own = self.values.keys().filter(|own| {
                    own.starts_with(key) && after.is_none_or(|after| own.as_str() > after)
                });
                json!({ "ok": own.take(held::KEYS_LISTED_MAX).collect::<Vec<_>>() })
            }
            _ => return Err(format!("kv has no function {function}")),
        };
        Ok(answer)
    }

    /// Keeps a value, if it fits the manifest's quota.
    fn keep(&mut self, key: &str, value: Vec<u8>) -> Result<(), Value> {
        let terms = self.manifest.as_deref().and_then(|manifest| manifest.kv);
        let others = self.values.iter().filter(|(other, _)| *other != key);
        let others: usize = others.map(|(key, value)| key.len() + value.len()).sum();
        let total = (others + key.len() + value.len()) as u64;
        if terms.is_some_and(|terms| total > terms.quota_bytes) {
            return Err(json!("quota"));
        }
        self.values.insert(key.to_owned(), value);
        Ok(())
    }

    fn sql(&self, statement: &str, parameters: &Value) -> Result<Value, String> {
        if let Some(refused) = held::statement(self.manifest.as_deref(), statement, parameters) {
            return Ok(json!({ "err": refused }));
        }
        let wanted = plain(parameters);
        let answers = self.host.sql.as_deref().unwrap_or_default();
        let answer = answers.iter().find(|answer| {
            let given = answer.parameters.as_ref();
            answer.statement == statement
                && given.is_none_or(|given| plain(&Value::Array(given.clone())) == wanted)
        });
        let answer = answer.ok_or_else(|| {
            format!(
                "the plug-in runs the statement {statement} with {parameters}, and host.sql of this case \
                 has no answer to that"
            )
        })?;
        if let Some(error) = &answer.error {
            return Ok(json!({ "err": error }));
        }
        let rows_max = held::rows_max(self.manifest.as_deref(), statement);
        let rows = answer.rows.iter().take(rows_max);
        let rows: Vec<Vec<Value>> = rows.map(|row| row.iter().map(typed).collect()).collect();
        if let Some(refused) = held::rows(&rows) {
            return Ok(json!({ "err": refused }));
        }
        Ok(json!({ "ok": {
            "columns": answer.columns,
            "truncated": answer.truncated || rows.len() < answer.rows.len(),
            "rows": rows,
        } }))
    }

    fn http(&self, request: &Value) -> Result<Value, String> {
        let part = |name: &str| request.get(name).cloned().unwrap_or(Value::Null);
        if let Some(refused) = held::request(self.manifest.as_deref(), request) {
            return Ok(json!({ "err": refused }));
        }
        let answers = self.host.http.as_deref().unwrap_or_default();
        let answer = answers.iter().find(|answer| {
            let body = answer.request_body.as_ref();
            part("url") == answer.url
                && part("method") == answer.method
                && body.is_none_or(|body| bytes(body) == bytes(&part("body")))
        });
        let answer = answer.ok_or_else(|| {
            format!(
                "the plug-in asks {} for {}, and host.http of this case has no answer to that",
                part("method"),
                part("url")
            )
        })?;
        if let Some(error) = &answer.error {
            return Ok(json!({ "err": error }));
        }
        let empty = json!("");
        let body = if answer.body.is_null() {
            &empty
        } else {
            &answer.body
        };
        if bytes(body).len() > held::BODY_BYTES_MAX {
            return Ok(json!({ "err": "too-large" }));
        }
        Ok(json!({ "ok": { "status": answer.status, "fields": answer.fields, "body": body } }))
    }

    fn log(&self, level: &str, message: &str, fields: &Value) {
        let mut line = format!("{level}: {message}");
        for (name, value) in fields.as_object().into_iter().flatten() {
            line.push_str(&format!(" {name}={value}"));
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.replace(char::is_control, " "));
    }
}

impl ScriptedHost for Script {
    fn answer(
        &mut self,
        capability: Capability,
        function: &str,
        arguments: &[Value],
    ) -> Result<Value, String> {
        if self.away && !matches!(capability, Capability::Config | Capability::Log) {
            let nothing = "there is no host while a plug-in is loaded";
            return Ok(json!({ "err": { "unavailable": nothing } }));
        }
        let first = arguments.first().unwrap_or(&Value::Null);
        let text = first.as_str().unwrap_or_default();
        let second = arguments.get(1).unwrap_or(&Value::Null);
        match capability {
            Capability::Catalog => Ok(self.find(first)),
            Capability::Config => Ok(self.config(text)),
            Capability::Kv => self.kv(function, text, arguments.get(1..).unwrap_or_default()),
            Capability::Sql => self.sql(text, second),
            Capability::Http => self.http(first),
            Capability::Log => {
                let fields = arguments.get(2).unwrap_or(&Value::Null);
                self.log(text, second.as_str().unwrap_or_default(), fields);
                Ok(Value::Null)
            }
        }
    }
}
