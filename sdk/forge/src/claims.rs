//! Claims as any JSON.

use std::collections::BTreeMap;

use serde_json::Value;

/// The members of a JSON object. They are sorted, whatever order `serde_json` keeps.
pub type Members = BTreeMap<String, Value>;

/// The members of an object written with `json!`.
///
/// # Panics
///
/// If it is no object.
#[must_use]
pub fn members(object: Value) -> Members {
    let Value::Object(object) = object else {
        panic!("{object} is no object")
    };
    object.into_iter().collect()
}

/// Claims with some of them changed; `null` takes a claim away.
#[must_use]
pub fn changed(mut claims: Members, changes: Value) -> Members {
    claims.extend(members(changes));
    claims.retain(|_, value| !value.is_null());
    claims
}

/// Compact JSON.
///
/// # Panics
///
/// Never: members can always be written.
#[must_use]
pub fn json_of(members: &Members) -> String {
    serde_json::to_string(members).expect("members in JSON")
}
