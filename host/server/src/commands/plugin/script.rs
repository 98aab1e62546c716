//! The host that an author has written down: what its catalog, settings, values, statements and
//! services answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use colophon_core::capability::{SqlType, WebAddress};
use colophon_plugin_host::Capability;
use colophon_plugin_host::bench::ScriptedHost;
use colophon_plugin_host::manifest::Manifest;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a host has, as it stands in a file of cases. What is left out is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    config: Option<BTreeMap<String, String>>,
    catalog: Option<OrError<Vec<CatalogEntry>>>,
    kv: Option<OrError<BTreeMap<String, Value>>>,
    sql: Option<Vec<Statement>>,
    http: Option<Vec<Exchange>>,
}

/// What a service holds, or how it fails: `{ error = … }` with the error as the contract has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum OrError<Held> {
    Fails(Fails),
    Holds(Held),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
struct Fails {
    error: Value,
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
struct CatalogEntry {
    book: Value,
    location: Value,
}

/// An answer of the mapping database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Statement {
    statement: String,
    /// The parameters that this is the answer to; to all if left out.
    parameters: Option<Vec<Value>>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    rows: Vec<Vec<Value>>,
    #[serde(default)]
    truncated: bool,
    error: Option<Value>,
}

/// An answer of a service on the web.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Exchange {
    #[serde(default = "get")]
    method: String,
    url: String,
    /// The body that this is the answer to; to any if left out.
    request_body: Option<Value>,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    error: Option<Value>,
}

fn get() -> String {
    "get".to_owned()
}

fn ok() -> u16 {
    200
}

impl Host {
    /// This host with what another says differently.
    pub(super) fn with(&self, other: &Self) -> Self {
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

/// The lines that a plug-in writes for the operator.
pub(super) type Lines = Arc<Mutex<Vec<String>>>;

/// A host at work for one call.
pub(super) struct Script {
    host: Host,
    /// What the plug-in asks for; without it, everything is allowed.
    manifest: Option<Arc<Manifest>>,
    values: BTreeMap<String, Vec<u8>>,
    lines: Lines,
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
        }
    }

    /// The host while a plug-in is loaded: nothing is set, and every service is unavailable.
    pub(super) fn unavailable() -> Self {
        let nothing = "there is no host while a plug-in is loaded";
        let fails = || Fails {
            error: json!({ "unavailable": nothing }),
        };
        let host = Host {
            config: None,
            catalog: Some(OrError::Fails(fails())),
            kv: Some(OrError::Fails(fails())),
            sql: None,
            http: None,
        };
        Self::new(host, None, &Lines::default())
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
        if let Some(OrError::Fails(fails)) = &self.host.kv {
            return Ok(json!({ "err": fails.error }));
        }
        let terms = self.manifest.as_deref().and_then(|manifest| manifest.kv);
        if terms.is_some_and(|terms| !terms.write) && function != "get" {
            return Ok(json!({ "err": "read-only" }));
        }
        let here = self.values.get(key);
        let answer = match (function, arguments) {
            ("get", []) => json!({ "ok": here.map(|bytes| shown(bytes)) }),
            ("put", [value]) => {
                self.values.insert(key.to_owned(), bytes(value));
                json!({ "ok": null })
            }
            ("delete", []) => json!({ "ok": self.values.remove(key).is_some() }),
            ("swap", [expected, value]) => {
                let expected = (!expected.is_null()).then(|| bytes(expected));
                let fits = here == expected.as_ref();
                if fits {
                    self.values.insert(key.to_owned(), bytes(value));
                }
                json!({ "ok": fits })
            }
            _ => return Err(format!("kv has no function {function}")),
        };
        Ok(answer)
    }

    fn sql(&self, statement: &str, parameters: &Value) -> Result<Value, String> {
        if let Some(refused) = self.misused(statement, parameters) {
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
        let rows = answer.rows.iter();
        let rows: Vec<Vec<Value>> = rows.map(|row| row.iter().map(typed).collect()).collect();
        Ok(json!({ "ok": {
            "columns": answer.columns,
            "rows": rows,
            "truncated": answer.truncated,
        } }))
    }

    /// How a host refuses what the manifest does not say of a statement.
    fn misused(&self, statement: &str, parameters: &Value) -> Option<Value> {
        let manifest = self.manifest.as_deref()?;
        let mut statements = manifest.statements.iter();
        let Some((_, known)) = statements.find(|(name, _)| name.as_str() == statement) else {
            return Some(json!({ "unknown-statement": statement }));
        };
        let given = parameters.as_array().map_or(&[][..], Vec::as_slice);
        let fits = given.len() == known.parameters.len()
            && given.iter().zip(&known.parameters).all(|(value, kind)| {
                let name = value.as_object().and_then(|value| value.keys().next());
                // Null is of every type.
                name.is_none_or(|name| SqlType::parse(name) == Some(*kind))
            });
        let problem = format!("plugin.toml says {:?}", known.parameters);
        (!fits).then(|| json!({ "bad-parameters": problem }))
    }

    /// How a host refuses an address that the manifest does not name.
    fn not_allowed(&self, url: &Value) -> Option<Value> {
        let manifest = self.manifest.as_deref()?;
        let address = match WebAddress::parse(url.as_str().unwrap_or_default()) {
            Ok(address) => address,
            Err(refused) => return Some(json!({ "invalid": refused.to_string() })),
        };
        let allowed = manifest.http.iter().any(|allowed| allowed.allows(&address));
        (!allowed).then(|| json!({ "denied": "http.allow in plugin.toml does not name it" }))
    }

    fn http(&self, request: &Value) -> Result<Value, String> {
        let part = |name: &str| request.get(name).cloned().unwrap_or(Value::Null);
        if let Some(refused) = self.not_allowed(&part("url")) {
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

/// A value of a database, from what people write: texts, whole numbers, true and false are
/// themselves, null is `{ null = true }` in TOML, everything else is named: `{ decimal = "1.50" }`.
fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "text": text }),
        Value::Bool(value) => json!({ "boolean": value }),
        Value::Number(number) => json!({ "integer": number }),
        Value::Null => json!("null"),
        Value::Object(named) if named.contains_key("null") => json!("null"),
        Value::Object(_) | Value::Array(_) => value.clone(),
    }
}

/// Parameters as they are compared, however they were written.
fn plain(parameters: &Value) -> Vec<Value> {
    let parameters = parameters.as_array().into_iter().flatten();
    parameters
        .map(|value| {
            // As the component model names it, or as people write it.
            if value == "null" {
                json!("null")
            } else {
                typed(value)
            }
        })
        .collect()
}

/// Bytes from a text or from pairs of digits.
fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let hex = value.get("hex").and_then(Value::as_str).unwrap_or_default();
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.chunks_exact(2);
    let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
    bytes.filter_map(|byte| u8::try_from(byte).ok()).collect()
}

fn shown(bytes: &[u8]) -> Value {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "hex": hex })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(host: &str) -> Script {
        Script::new(toml::from_str(host).unwrap(), None, &Lines::default())
    }

    #[test]
    fn a_catalog_knows_what_is_written_down_or_fails_as_written() {
        let book = json!({ "id-type": "ISBN", "id": "1" });
        let place = json!({ "root": "main", "path": "a" });
        let mut full = script(
            "catalog = [{ book = { id-type = 'ISBN', id = '1' }, location = { root = 'main', path = 'a' } }]",
        );
        let mut find =
            |book: &Value| full.answer(Capability::Catalog, "find", std::slice::from_ref(book));
        assert_eq!(find(&book).unwrap(), json!({ "ok": place }));
        assert_eq!(
            find(&json!({ "id-type": "ISBN", "id": "2" })).unwrap(),
            json!({ "ok": null })
        );
        let mut failing = script("catalog = { error = { unavailable = 'down' } }");
        assert_eq!(
            failing
                .answer(Capability::Catalog, "find", &[book])
                .unwrap(),
            json!({ "err": { "unavailable": "down" } })
        );
    }

    #[test]
    fn a_store_remembers_within_a_call() {
        let mut store = script("kv = { seen = '1' }");
        let mut call = |function, arguments: Value| {
            let arguments = arguments.as_array().unwrap();
            store.answer(Capability::Kv, function, arguments).unwrap()
        };
        assert_eq!(
            call("get", json!(["seen"])),
            json!({ "ok": { "hex": "31" } })
        );
        assert_eq!(
            call("swap", json!(["seen", "0", "2"])),
            json!({ "ok": false })
        );
        assert_eq!(
            call("swap", json!(["seen", "1", "2"])),
            json!({ "ok": true })
        );
        assert_eq!(
            call("swap", json!(["new", null, "a"])),
            json!({ "ok": true })
        );
        assert_eq!(call("delete", json!(["new"])), json!({ "ok": true }));
        assert_eq!(call("get", json!(["new"])), json!({ "ok": null }));
    }

    #[test]
    fn statements_are_told_apart_by_their_parameters() {
        let database = script(
            "sql = [{ statement = 'edition', parameters = ['a', 1], columns = ['edition'], rows = [[2, { null = true }]] }]",
        );
        let asked = json!([{ "text": "a" }, { "integer": 1 }]);
        let found = database.sql("edition", &asked).unwrap();
        assert_eq!(found["ok"]["rows"], json!([[{ "integer": 2 }, "null"]]));
        let problem = database
            .sql("edition", &json!([{ "text": "b" }]))
            .unwrap_err();
        assert!(problem.contains("host.sql of this case"), "{problem}");
        assert!(database.sql("other", &asked).is_err());
    }

    #[test]
    fn what_the_manifest_does_not_say_is_refused_as_a_host_refuses_it() {
        let manifest = Manifest::parse(
            r#"
            id = "a"
            version = "1"
            api = "1.0"
            roles = ["naming"]
            config = ["known"]
            http.allow = ["https://a.example/v1/"]
            kv = { quota = "1KiB", write = false }
            [sql.statements.edition]
            text = "select edition from editions where id = $1"
            params = ["text"]
            max_rows = 1
            timeout_ms = 50
            "#,
        );
        let mut script = script("config = { known = 'a', other = 'b' }");
        script.manifest = Some(Arc::new(manifest.unwrap()));
        assert_eq!(script.config("known"), json!("a"));
        assert_eq!(script.config("other"), Value::Null);
        let sql = |name, parameters: Value| script.sql(name, &parameters).unwrap();
        let text = json!([{ "text": "a" }]);
        assert_eq!(
            sql("other", text)["err"],
            json!({ "unknown-statement": "other" })
        );
        assert!(sql("edition", json!([]))["err"]["bad-parameters"].is_string());
        assert!(sql("edition", json!([{ "integer": 1 }]))["err"]["bad-parameters"].is_string());
        let get = |url| {
            script
                .http(&json!({ "method": "get", "url": url }))
                .unwrap()
        };
        assert!(get("https://b.example/v1/")["err"]["denied"].is_string());
        let put = script.kv("put", "a", &[json!("b")]).unwrap();
        assert_eq!(put, json!({ "err": "read-only" }));
    }

    #[test]
    fn a_service_answers_what_it_is_asked_for() {
        let web = script("http = [{ url = 'https://a.example/', status = 404 }]");
        let request = |url| json!({ "method": "get", "url": url, "body": null });
        let found = web.http(&request("https://a.example/")).unwrap();
        assert_eq!(found["ok"]["status"], json!(404));
        assert!(web.http(&request("https://b.example/")).is_err());
    }
}
