//! Decisions about a buyer, which go when the buyer is erased.
//!
//! Only what a policy was asked names the buyer. What a resolver, a naming or a lookup of retailers was
//! asked for the same download does not, and may tell of the buyer all the same, by what a service
//! answered. All of them have the id of the request, under which the log knows whose it was: that is
//! the key, and nothing that leads to a person has to be kept beside the decisions for it.

use std::collections::BTreeSet;

use colophon_core::id::EventId;
use colophon_receipt::{CenterId, RetailerId};

use super::{RECORD, TABLE};
use crate::database::arguments;
use crate::failure::Fault;
use crate::parse::sized;
use crate::store::Store;

/// The moment of the first decision: ids of later ones are greater.
const FIRST: &str = "SELECT at FROM plugin_decisions WHERE center = $1 ORDER BY id LIMIT 1";

/// In the log: what a person has asked for since a moment.
const REQUESTS: &str = "SELECT event FROM downloads WHERE center = $1 AND at >= $2 \
    AND person = (SELECT id FROM persons WHERE pseudonym = $3)";

const OF_RETAILER: &str = "SELECT id, request, record FROM plugin_decisions \
    WHERE center = $1 AND retailer = $2 AND id > $3 ORDER BY id LIMIT $4";

const FORGET: &str = "DELETE FROM plugin_decisions WHERE center = $1 AND id = $2";

const FORGET_REQUEST: &str = "DELETE FROM plugin_decisions WHERE center = $1 AND request = $2";

/// Records read at once: each may have megabytes.
const PAGE: i64 = 32;

/// How far a host's moment of a request may lie from that of its decision, in milliseconds.
const APART_MS: i64 = 60_000;

impl Store {
    /// Lets every decision go that was made for a request of this person's, as far as the log knows it,
    /// or for one of whose decisions a record holds this text, which tells who the buyer is. A short
    /// text stands in many: better too many than one too few.
    pub(crate) async fn forget_decisions_about(
        &self,
        center: &CenterId,
        retailer: &RetailerId,
        pseudonym: &[u8; 32],
        text: &str,
    ) -> Result<u64, Fault> {
        let values = arguments![center.as_str()];
        let first: Option<(i64,)> = self.fulfillment.optional(FIRST, values).await?;
        let Some((first,)) = first else {
            return Ok(0);
        };
        let mut requests = self.requests_of(center, pseudonym, first).await?;
        let mut forgotten = 0;
        let forms = written_forms(text);
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
                    Ok(record) if forms.iter().any(|form| contains(&record, form)) => {
                        requests.insert(request);
                    }
                    Ok(_) => {}
                    // What nobody can read may be about anybody, and is of no use.
                    Err(_) => {
                        let values = arguments![center.as_str(), &id];
                        forgotten += self.fulfillment.execute(FORGET, values).await?;
                    }
                }
            }
        }
        for request in &requests {
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

/// How a text stands in a record: as JSON, or as JSON in a text of JSON.
fn written_forms(text: &str) -> [Vec<u8>; 2] {
    let within = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        let inner = quoted
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        inner.unwrap_or_default().to_owned()
    };
    let once = within(text);
    [within(&once).into_bytes(), once.into_bytes()]
}

fn contains(record: &[u8], text: &[u8]) -> bool {
    text.is_empty() || record.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_deep_it_stands() {
        for name in ["Ada", "Zoë \"Q\" 李\\", "a\nb"] {
            let question = serde_json::json!([["user-name", name]]).to_string();
            let record = serde_json::json!({ "question": question }).to_string();
            let forms = written_forms(name);
            let found = |text: &str| forms.iter().any(|form| contains(text.as_bytes(), form));
            assert!(found(&question) && found(&record), "{name}");
            assert!(!found("nobody"), "{name}");
        }
    }
}
