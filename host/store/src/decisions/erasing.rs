//! Decisions about a buyer, which go when the buyer is erased.
//!
//! Only what a policy was asked names the buyer. What a resolver, a naming or a lookup of retailers was
//! asked for the same download does not, and may tell of the buyer all the same, by what a service
//! answered. All of them have the id of the request, under which the log knows whose it was: that is
//! the key, and nothing that leads to a person has to be kept beside the decisions for it.
//!
//! A buyer is known by one thing, as in the log: by the retailer's id of the customer, or else by name,
//! or else by the sale. Decisions that were made for another buyer stay, though the text stands in
//! them, unless whoever erases wants these as well.

mod named;

use std::collections::{BTreeMap, BTreeSet};

use colophon_core::id::EventId;
use colophon_receipt::{CenterId, RetailerId};

use self::named::Told;
pub(crate) use self::named::{KnownBy, Named};
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

/// Whether the log has a request of somebody else's, who was not erased.
const OF_OTHERS: &str = "SELECT COUNT(*) FROM downloads d JOIN persons p ON p.id = d.person \
    WHERE d.center = $1 AND d.event = $2 AND p.pseudonym <> $3";

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
    /// Requests of others in whose records the person stands.
    requests_of_others: BTreeSet<String>,
    /// How many decisions those have.
    pub(crate) of_others: u64,
    /// How many could not be read, of which nobody can say whom they are about.
    pub(crate) unreadable: u64,
}

/// What becomes of decisions that were made for other buyers, and in whose records the erased one
/// stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mentions {
    /// They stay.
    Stay,
    /// They go as well.
    Go,
}

impl Store {
    /// The decisions that were made for a request of this person's: as the log knows it, or as a record
    /// of it tells, or one in whose records the person stands and whose buyer nobody knows.
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
        let mut requests: BTreeMap<String, Told> = BTreeMap::new();
        let mut after = [0; 16];
        loop {
            let values = arguments![center.as_str(), retailer.as_str(), &after, PAGE];
            let rows: Vec<(Vec<u8>, String, Vec<u8>)> =
                self.fulfillment.all(OF_RETAILER, values).await?;
            let Some((last, ..)) = rows.last() else { break };
            after = sized(TABLE, "id", last)?;
            for (id, request, sealed) in rows {
                let place = [center.as_str().as_bytes(), id.as_slice()];
                let Ok(record) = self.secrets.open(RECORD, &place, &sealed) else {
                    concerned.unreadable += 1;
                    continue;
                };
                let told = requests.entry(request).or_default();
                *told = told.and(named.told_in(&record));
            }
        }
        for (request, told) in requests {
            let is_of_others = match told.is_buyer() {
                Some(is_buyer) => !is_buyer,
                None if told.mentioned => self.is_of_others(center, &request, pseudonym).await?,
                None => continue,
            };
            if !is_of_others {
                concerned.requests.insert(request);
            } else if told.mentioned && !concerned.requests.contains(&request) {
                concerned.requests_of_others.insert(request);
            }
        }
        concerned.decisions = self.count_requests(center, &concerned.requests).await?;
        concerned.of_others = self
            .count_requests(center, &concerned.requests_of_others)
            .await?;
        Ok(concerned)
    }

    async fn count_requests(
        &self,
        center: &CenterId,
        requests: &BTreeSet<String>,
    ) -> Result<u64, Fault> {
        let mut all = 0;
        for request in requests {
            let values = arguments![center.as_str(), request.as_str()];
            let (count,): (i64,) = self.fulfillment.one(COUNT_REQUEST, values).await?;
            let count: u64 = counted(TABLE, "id", count)?;
            all += count;
        }
        Ok(all)
    }

    /// Whether the log knows that a request was somebody else's.
    async fn is_of_others(
        &self,
        center: &CenterId,
        request: &str,
        pseudonym: &[u8; 32],
    ) -> Result<bool, Fault> {
        // What is not 32 digits is no request of a host's.
        let number = (request.len() == 32).then(|| u128::from_str_radix(request, 16));
        let Some(Ok(number)) = number else {
            return Ok(false);
        };
        let event = EventId::from_bytes(number.to_be_bytes());
        let values = arguments![center.as_str(), event.as_bytes(), pseudonym];
        let (count,): (i64,) = self.logging.one(OF_OTHERS, values).await?;
        Ok(count > 0)
    }

    /// Lets decisions go, and says how many went.
    pub(crate) async fn forget_decisions(
        &self,
        center: &CenterId,
        concerned: &Concerned,
        mentions: Mentions,
    ) -> Result<u64, Fault> {
        let mut forgotten = 0;
        let others = match mentions {
            Mentions::Stay => None,
            Mentions::Go => Some(&concerned.requests_of_others),
        };
        for request in concerned
            .requests
            .iter()
            .chain(others.into_iter().flatten())
        {
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
