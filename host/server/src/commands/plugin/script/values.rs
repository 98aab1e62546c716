//! Values as people write them, and as the contract has them.

use serde_json::{Value, json};

use crate::output::hex;

/// A value of a database, from what people write: texts, whole numbers, true and false are
/// themselves, null is `{ null = true }` in TOML, everything else is named: `{ decimal = "1.50" }`.
pub(super) fn typed(value: &Value) -> Value {
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
pub(super) fn plain(parameters: &Value) -> Vec<Value> {
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
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.as_bytes().to_vec();
    }
    let hex = value.get("hex").and_then(Value::as_str).unwrap_or_default();
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.chunks_exact(2);
    let bytes = pairs.map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
    bytes.filter_map(|byte| u8::try_from(byte).ok()).collect()
}

pub(super) fn shown(bytes: &[u8]) -> Value {
    json!({ "hex": hex(bytes) })
}
