//! Decisions about a buyer, which go when the buyer is erased.
//!
//! Only what a policy was asked names the buyer. What a resolver, a naming or a lookup of retailers was
//! asked for the same download does not, and may tell of the buyer all the same, by what a service
//! answered. All of them have the id of the request, under which the log knows whose it was: that is
//! the key, and nothing that leads to a person has to be kept beside the decisions for it.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use colophon_core::id::EventId;
use colophon_receipt::{CenterId, RetailerId};
use serde_json::Value;

use super::{RECORD, TABLE};
use crate::database::arguments;
use crate::failure::Fault;
use crate::parse::{counted, sized};
use crate::store::Store;

/// The moment of the first decision: ids of later ones are greater.
const FIRST: &str = "SELECT at FROM plugin_decisions WHERE center = $1 ORDER BY id LIMIT 1";

/// In the log: what a person has asked for since a moment.
const REQUESTS: &str = "SELECT event FROM downloads WHERE center = $1 AND at >= $2 \
    AND person = (SELECT id FROM persons WHERE pseudonym = $3)";

const OF_RETAILER: &str = "SELECT id, request, record FROM plugin_decisions \
    WHERE center = $1 AND retailer = $2 AND id > $3 ORDER BY id LIMIT $4";

const COUNT_REQUEST: &str =
    "SELECT COUNT(*) FROM plugin_decisions WHERE center = $1 AND request = $2";

const FORGET_REQUEST: &str = "DELETE FROM plugin_decisions WHERE center = $1 AND request = $2";

/// Records read at once: each may have megabytes.
const PAGE: i64 = 32;

/// How far a host's moment of a request may lie from that of its decision, in milliseconds.
const APART_MS: i64 = 60_000;

/// Decisions that go with a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Concerned {
    requests: BTreeSet<String>,
    /// How many there are.
    pub(crate) decisions: u64,
    /// How many could not be read, of which nobody can say whom they are about.
    pub(crate) unreadable: u64,
}

impl Store {
    /// The decisions that were made for a request of this person's, as far as the log knows it, or for
    /// one of whose decisions a record names the person.
    pub(crate) async fn decisions_about(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        pseudonym: &[u8; 32],
        named: Named<'_>,
    ) -> Result<Concerned, Fault> {
        let values = arguments![center.as_str()];
        let first: Option<(i64,)> = self.fulfillment.optional(FIRST, values).await?;
        let Some((first,)) = first else {
            return Ok(Concerned::default());
        };
        let mut concerned = Concerned {
            requests: self.requests_of(center, pseudonym, first).await?,
            ..Concerned::default()
        };
        let mut after = [0; 16];
        loop {
            let values = arguments![center.as_str(), retailer.as_str(), &after, PAGE];
            let rows: Vec<(Vec<u8>, String, Vec<u8>)> =
                self.fulfillment.all(OF_RETAILER, values).await?;
            let Some((last, ..)) = rows.last() else { break };
            after = sized(TABLE, "id", last)?;
            for (id, request, sealed) in rows {
                let place = [center.as_str().as_bytes(), id.as_slice()];
                match self.secrets.open(RECORD, &place, &sealed) {
                    Ok(record) if named.stands_in(&record) => {
                        concerned.requests.insert(request);
                    }
                    Ok(_) => {}
                    Err(_) => concerned.unreadable += 1,
                }
            }
        }
        for request in &concerned.requests {
            let values = arguments![center.as_str(), request.as_str()];
            let (count,): (i64,) = self.fulfillment.one(COUNT_REQUEST, values).await?;
            let count: u64 = counted(TABLE, "id", count)?;
            concerned.decisions += count;
        }
        Ok(concerned)
    }

    /// Lets decisions go, and says how many went.
    pub(crate) async fn forget_decisions(
        &self,
        center: &CenterId,
        concerned: &Concerned,
    ) -> Result<u64, Fault> {
        let mut forgotten = 0;
        for request in &concerned.requests {
            let values = arguments![center.as_str(), request.as_str()];
            forgotten += self.fulfillment.execute(FORGET_REQUEST, values).await?;
        }
        if forgotten > 0 {
            self.fulfillment.overwrite_deleted(&[TABLE]).await;
        }
        Ok(forgotten)
    }

    /// Ids of a person's requests since a moment, as decisions hold them.
    async fn requests_of(
        &self,
        center: &CenterId,
        pseudonym: &[u8; 32],
        since: i64,
    ) -> Result<BTreeSet<String>, Fault> {
        let values = arguments![center.as_str(), since.saturating_sub(APART_MS), pseudonym];
        let events: Vec<(Vec<u8>,)> = self.logging.all(REQUESTS, values).await?;
        let events = events.iter().map(|(event,)| {
            let event = sized("downloads", "event", event)?;
            Ok(EventId::from_bytes(event).to_string())
        });
        events.collect()
    }
}

/// What a person is called, by the name under which plug-ins are told it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) told_as: &'static str,
    pub(crate) text: &'a str,
}

/// Shorter texts are ids of other things as well: they count only where plug-ins are told the person.
const TELLING: usize = 5;

impl Named<'_> {
    /// Whether a record names the person: where plug-ins are told it, or in any other text, as all of
    /// it or as words of their own. Bodies of requests and answers are kept in base64, and a name may
    /// stand in an address or a form with its letters escaped.
    fn stands_in(self, record: &[u8]) -> bool {
        let record: Result<Value, _> = serde_json::from_slice(record);
        record.is_ok_and(|record| self.is_in(&record))
    }

    fn is_in(self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.is_text(text),
            Value::Array(items) => {
                let told = match items.as_slice() {
                    [Value::String(name), Value::String(text)] => {
                        name == self.told_as && text == self.text
                    }
                    _ => false,
                };
                told || items.iter().any(|item| self.is_in(item))
            }
            Value::Object(members) => members.values().any(|item| self.is_in(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn is_text(self, text: &str) -> bool {
        let decoded = Base64::decode_vec(text).ok();
        let decoded = decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.is_plain(text) || decoded.is_some_and(|decoded| self.is_plain(&decoded))
    }

    fn is_plain(self, text: &str) -> bool {
        let begins_json = text.starts_with(['{', '[', '"']);
        let inner = begins_json.then(|| serde_json::from_str::<Value>(text).ok());
        if inner.flatten().is_some_and(|inner| self.is_in(&inner)) {
            return true;
        }
        if self.text.chars().count() < TELLING {
            return false;
        }
        self.is_word_of(text) || text.contains(['%', '+']) && self.is_word_of(&unescaped(text))
    }

    fn is_word_of(self, text: &str) -> bool {
        text.match_indices(self.text).any(|(at, found)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + found.len()..);
            let after = after.and_then(|text| text.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
    }
}

/// A text as it stands in an address or a form, without its escapes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.as_bytes();
    while let Some((first, rest)) = left.split_first() {
        let escaped = rest.get(..2).and_then(|digits| {
            let [high, low] = *digits else { return None };
            let [high, low] = [high, low].map(|digit| char::from(digit).to_digit(16));
            u8::try_from(high? * 16 + low?).ok()
        });
        let (byte, after) = match (first, escaped) {
            (b'%', Some(byte)) => (byte, rest.get(2..).unwrap_or_default()),
            (b'+', _) => (b' ', rest),
            (other, _) => (*other, rest),
        };
        bytes.push(byte);
        left = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finds(text: &str, record: &Value) -> bool {
        let named = Named {
            told_as: "customer-id",
            text,
        };
        named.stands_in(record.to_string().as_bytes())
    }

    #[test]
    fn a_name_is_found_however_deep_it_stands() {
        for name in ["Ada Lovelace", "Zoë \"Q\" 李\\", "anna\nb"] {
            let question = json!([["user-name", name]]).to_string();
            assert!(finds(name, &json!({ "question": question })), "{name}");
            assert!(
                finds(name, &json!({ "path": format!("for/{name}.epub") })),
                "{name}"
            );
            assert!(!finds("nobody at all", &json!({ "question": question })));
        }
    }

    #[test]
    fn a_name_is_found_in_bodies_and_addresses() {
        let name = "Zoë Lovelace";
        let plain = json!({ "buyer": { "name": name } }).to_string();
        let form = "id=7&buyer=Zo%C3%AB+Lovelace&x=%zz%";
        for body in [plain.as_str(), form, name] {
            let call = json!({ "body": Base64::encode_string(body.as_bytes()) });
            assert!(finds(name, &call), "{body}");
            assert!(!finds("nobody at all", &call), "{body}");
        }
        let asked = json!({ "url": "https://a.example/v1/Zo%C3%AB%20Lovelace?x=1" });
        assert!(finds(name, &asked));
        assert!(!finds("Zoë Love", &asked));
        // What happens to read as base64 is a text all the same.
        assert!(finds("Lovelace", &json!({ "name": "Lovelace" })));
    }

    #[test]
    fn others_are_not_meant() {
        let told = json!({ "sale": [["customer-id", "7"], ["edition", "12"]] });
        assert!(finds("7", &told));
        assert!(
            !finds("12", &told),
            "a short text that is told as something else"
        );
        assert!(!finds(
            "1",
            &json!({ "limits": { "fuel": 1 }, "id": "978-1" })
        ));
        assert!(!finds(
            "order-1",
            &json!({ "sale": [["customer-id", "order-17"]] })
        ));
        assert!(!finds("Jane D", &json!({ "name": "Jane Doe" })));
    }
}
