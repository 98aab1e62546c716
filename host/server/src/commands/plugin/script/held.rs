//! How a host refuses what the contract or the manifest does not allow: a plug-in that passes its
//! cases is not to fail at that.

use colophon_core::capability::{FieldName, SecretUse, SqlType, SqlValue, WebAddress, WebMethod};
use colophon_plugin_host::manifest::Manifest;
use serde_json::{Value, json};

use super::bytes;

/// As the contract states them.
pub(super) const BODY_BYTES_MAX: usize = 256 << 10;
pub(super) const KEYS_LISTED_MAX: usize = 128;
const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 << 10;
const ROWS_BYTES_MAX: usize = 256 << 10;
const FIELDS_MAX: usize = 32;
const FIELD_BYTES_MAX: usize = 4096;

fn invalid(problem: impl std::fmt::Display) -> Option<Value> {
    Some(json!({ "invalid": problem.to_string() }))
}

fn denied(problem: &str) -> Option<Value> {
    Some(json!({ "denied": problem }))
}

/// A key with the value that is put under it, or what keys begin with.
pub(super) fn value(function: &str, key: &str, arguments: &[Value]) -> Option<Value> {
    let least = usize::from(function != "list-keys");
    if !(least..=KEY_BYTES_MAX).contains(&key.len()) || key.contains('\0') {
        return invalid("a key has 1 to 256 bytes, none of them zero");
    }
    let put = match (function, arguments) {
        ("put", [value]) | ("swap", [_, value]) => bytes(value).len(),
        _ => 0,
    };
    if put > VALUE_BYTES_MAX {
        return invalid("the value has more than 64 KiB");
    }
    None
}

/// A statement and its parameters, as far as there is a manifest to say of them.
pub(super) fn statement(
    manifest: Option<&Manifest>,
    statement: &str,
    parameters: &Value,
) -> Option<Value> {
    let mut statements = manifest?.statements.iter();
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

/// How many rows of a statement are handed over.
pub(super) fn rows_max(manifest: Option<&Manifest>, statement: &str) -> usize {
    let known = manifest.and_then(|manifest| {
        let mut statements = manifest.statements.iter();
        statements.find(|(name, _)| name.as_str() == statement)
    });
    let rows_max = known.and_then(|(_, known)| usize::try_from(known.rows_max).ok());
    rows_max.unwrap_or(usize::MAX)
}

/// What rows hold together.
pub(super) fn rows(rows: &[Vec<Value>]) -> Option<Value> {
    let held = |value: &Value| match value.as_object().and_then(|value| value.iter().next()) {
        Some((kind, held)) if kind == "bytes" => bytes(held).len(),
        Some((_, held)) => held.as_str().map_or(0, str::len),
        None => 0,
    };
    let values = rows.iter().flatten();
    let total: usize = values.map(|value| SqlValue::BYTES_MIN + held(value)).sum();
    (total > ROWS_BYTES_MAX).then(|| json!("too-large"))
}

/// A request to a service.
pub(super) fn request(manifest: Option<&Manifest>, request: &Value) -> Option<Value> {
    let part = |name: &str| request.get(name).unwrap_or(&Value::Null);
    if WebMethod::parse(part("method").as_str().unwrap_or_default()).is_none() {
        let known = WebMethod::ALL.map(WebMethod::as_str).join(", ");
        return invalid(format!("the method is none of {known}"));
    }
    let address = match WebAddress::parse(part("url").as_str().unwrap_or_default()) {
        Ok(address) => address,
        Err(refused) => return invalid(refused),
    };
    if let Some(manifest) = manifest
        && !manifest.http.iter().any(|allowed| allowed.allows(&address))
    {
        return denied("http.allow in plugin.toml does not name it");
    }
    let fields = pairs(part("fields"));
    let secrets: Vec<&str> = part("secrets")
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if fields.len() + secrets.len() > FIELDS_MAX {
        return invalid(format!("more than {FIELDS_MAX} fields"));
    }
    let mut taken = Vec::new();
    for (name, value) in fields {
        match FieldName::parse(name) {
            Ok(name) => taken.push(name),
            Err(refused) => return invalid(refused),
        }
        if value.len() > FIELD_BYTES_MAX || value.contains(char::is_control) {
            return invalid("a field's value is too long, or has control characters");
        }
    }
    for name in secrets {
        let Some(manifest) = manifest else {
            continue;
        };
        let mut known = manifest.secrets.iter();
        let Some((_, bound)) = known.find(|(known, _)| known.as_str() == name) else {
            return denied("plugin.toml names no such secret");
        };
        let SecretUse {
            address: own,
            field,
            ..
        } = bound;
        if !own.allows(&address) {
            return denied("plugin.toml binds the secret to another address");
        }
        if taken.contains(field) {
            return invalid(format!("field {field} has a secret and another value"));
        }
        taken.push(field.clone());
    }
    let body = part("body");
    (bytes(body).len() > BODY_BYTES_MAX).then(|| json!("too-large"))
}

/// Names and values, however they are shown.
fn pairs(fields: &Value) -> Vec<(&str, &str)> {
    let text = |value: &Value| value.as_str().is_some();
    if let Some(named) = fields.as_object() {
        let named = named.iter().filter(|(_, value)| text(value));
        return named
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
            .collect();
    }
    let listed = fields.as_array().into_iter().flatten();
    listed
        .filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)))
        .collect()
}
