//! What a host would say of an answer.

use colophon_core::plugin::PluginFailure;
use colophon_receipt::RetailerId;
use serde_json::Value;

use crate::bindings::{common, policy, resolver};
use crate::call::answer;
use crate::contract::Role;

/// Holds an answer against the contract, as the host does with every answer.
pub(super) fn refused(role: Role, answer: &Value) -> Option<PluginFailure> {
    let judged = match role {
        Role::Resolver => {
            answer::resolved(resolved(answer)).and_then(|found| answer::usable(&found))
        }
        Role::Policy => answer::verdict(verdict(answer)).map(drop),
        Role::Naming => answer::file_name(answer.as_str().unwrap_or_default().to_owned()).map(drop),
        Role::Retailers => identified(answer),
    };
    judged.err()
}

fn resolved(answer: &Value) -> resolver::Answer {
    if let Some(location) = answer.get("found") {
        return resolver::Answer::Found(common::Location {
            root: text(location, "root"),
            path: text(location, "path"),
            sha256: bytes(location.get("sha256")),
            size: number(location, "size"),
            extra: attributes(location, "extra"),
        });
    }
    match answer.as_str() {
        Some("not-mine") => resolver::Answer::NotMine,
        _ => resolver::Answer::Other(text(answer, "other")),
    }
}

fn verdict(verdict: &Value) -> policy::Verdict {
    let outcome = verdict.get("outcome").unwrap_or(&Value::Null);
    let outcome = if let Some(terms) = outcome.get("allow") {
        policy::Outcome::Allow(policy::Terms {
            min_protection: text(terms, "min-protection"),
            max_downloads: number(terms, "max-downloads")
                .and_then(|count| u32::try_from(count).ok()),
            receipt_lifetime_s: number(terms, "receipt-lifetime-s"),
            expires_at_ms: number(terms, "expires-at-ms"),
            obligations: attributes(terms, "obligations"),
        })
    } else if let Some(denied) = outcome.get("deny") {
        policy::Outcome::Deny(reason(denied))
    } else {
        policy::Outcome::Other(text(outcome, "other"))
    };
    let because = verdict.get("because").and_then(Value::as_array);
    policy::Verdict {
        outcome,
        because: because.map_or_else(Vec::new, |because| because.iter().map(reason).collect()),
    }
}

/// A record that a center could have.
fn identified(answer: &Value) -> Result<(), PluginFailure> {
    let unusable = |problem| Err(PluginFailure::Unusable { problem });
    if let Some(entry) = answer.get("known") {
        return match RetailerId::try_from(text(entry, "retailer").as_str()) {
            Ok(_) => Ok(()),
            Err(_) => unusable("retailer is no id of a retailer record"),
        };
    }
    match answer.as_str() {
        Some("not-mine") => Ok(()),
        _ => unusable("retailers answer of an unknown kind"),
    }
}

fn reason(reason: &Value) -> common::Reason {
    common::Reason {
        code: text(reason, "code"),
        text: text(reason, "text"),
    }
}

fn text(holder: &Value, name: &str) -> String {
    let text = holder.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn number(holder: &Value, name: &str) -> Option<u64> {
    holder.get(name).and_then(Value::as_u64)
}

/// As many bytes as there are; only their number is judged.
fn bytes(value: Option<&Value>) -> Option<Vec<u8>> {
    let value = value.filter(|value| !value.is_null())?;
    let hex = value.get("hex").and_then(Value::as_str);
    let length = hex.map(|digits| digits.len() / 2);
    let length = length.or_else(|| value.as_str().map(str::len));
    Some(vec![0; length.unwrap_or(0)])
}

fn attributes(holder: &Value, name: &str) -> common::Attributes {
    let value = holder.get(name).unwrap_or(&Value::Null);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(pairs) = value.as_object() {
        let pairs = pairs.iter();
        return pairs
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
    }
    let pairs = value.as_array().into_iter().flatten();
    let part = |pair: &Value, at| pair.get(at).map(text).unwrap_or_default();
    pairs.map(|pair| (part(pair, 0), part(pair, 1))).collect()
}
