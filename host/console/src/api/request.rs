//! The JSON in which a reader describes itself and its machine.

use std::fmt;

use colophon_activation::MachineFacts;
use colophon_core::activation::text::{DeviceName, ReaderProduct};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};

/// What a reader sends.
pub(super) struct ReaderRequest {
    pub(super) facts: MachineFacts,
    pub(super) reader: ReaderProduct,
}

/// Why it was not understood, for the one who writes a reader.
pub(super) type Illegible = String;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u8,
    facts: Members,
    reader_product: String,
    device_name: Option<String>,
}

impl ReaderRequest {
    pub(super) fn parse(json: &[u8]) -> Result<Self, Illegible> {
        let wire: Wire = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if wire.v != 1 {
            return Err("the request is not of version 1".to_owned());
        }
        let facts = MachineFacts::parse(wire.facts.0.as_bytes());
        let reader = wire.reader_product.parse();
        // The person has named the device already; a name that could not be shown is refused all
        // the same, so that no reader comes to rely on it.
        let name = wire.device_name.map(|name| name.parse::<DeviceName>());
        if name.is_some_and(|name| name.is_err()) {
            return Err("device_name is no name".to_owned());
        }
        Ok(Self {
            facts: facts.map_err(|error| error.to_string())?,
            reader: reader.map_err(|_| "reader_product is no name".to_owned())?,
        })
    }
}

/// A JSON object as it was sent, members that are there twice included: the facts have a reader of
/// their own, which refuses those.
struct Members(String);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
            let name = serde_json::Value::String(name);
            members.push(format!("{name}:{value}"));
        }
        Ok(Members(format!("{{{}}}", members.join(","))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn facts() -> String {
        format!(r#"{{"v":1,"board":"{DIGEST}","system":"{DIGEST}","disk":"{DIGEST}"}}"#)
    }

    #[track_caller]
    fn check(json: &str, good: bool) {
        let read = ReaderRequest::parse(json.as_bytes());
        assert_eq!(read.is_ok(), good, "{json}: {:?}", read.err());
    }

    #[test]
    fn a_request_is_what_the_specification_says() {
        let facts = facts();
        let with =
            |more: &str| format!(r#"{{"v":1,"facts":{facts},"reader_product":"r 1"{more}}}"#);
        check(&with(""), true);
        check(&with(r#","device_name":"Desk""#), true);
        check(&with(r#","device_name":"two\nlines""#), false);
        check(&with(r#","v":1"#), false);
        check(&with(r#","more":1"#), false);
        check(
            &with("").replace(r#"{"v":1,"facts"#, r#"{"v":2,"facts"#),
            false,
        );
        check(&with("").replace("r 1", ""), false);
        check(&format!(r#"{{"v":1,"facts":{facts}}}"#), false);
        check("[]", false);
        check("", false);
        check(&"[".repeat(10_000), false);
    }

    #[test]
    fn the_facts_are_read_by_their_own_rules() {
        let with = |facts: &str| format!(r#"{{"v":1,"facts":{facts},"reader_product":"r 1"}}"#);
        check(&with(&facts()), true);
        check(&with(&facts().replace("board", "serial")), false);
        check(&with(&facts().replace("board", "disk")), false);
        check(&with(r#"{"v":1}"#), false);
        check(&with("{}"), false);
        check(&with("[]"), false);
        check(&with("null"), false);
    }
}
