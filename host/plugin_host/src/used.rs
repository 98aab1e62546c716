//! What recorded decisions have asked of the host, to be held against what is granted.
//!
//! Nothing of what was asked is kept here but the names that stand in a grant: what a plug-in looked for
//! may tell who the buyer is.

use std::collections::{BTreeMap, BTreeSet};

use colophon_core::capability::{AllowedAddress, Name, WebAddress};

use crate::record::{Call, Lack, Record};

/// Something that a grant allows, as far as records tell of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// A title was looked up in the catalog.
    Catalog,
    /// A value was read.
    Setting(Name),
    /// A secret was put into a request.
    Secret(Name),
    /// A statement was run.
    Statement(Name),
    /// An address was asked that begins like this one.
    Address(String),
    /// Values were read.
    ValuesRead,
    /// Values were changed.
    ValuesWritten,
}

/// What recorded decisions have used.
#[derive(Debug, Clone, Default)]
pub struct Used {
    addresses: Vec<AllowedAddress>,
    decisions: u64,
    incomplete: u64,
    reused: u64,
    fuel_max: u64,
    host_calls_max: usize,
    counts: BTreeMap<Use, u64>,
}

impl Used {
    /// Nothing yet. Requests are held against these addresses.
    pub fn of_addresses(addresses: impl IntoIterator<Item = AllowedAddress>) -> Self {
        Self {
            addresses: addresses.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds what one decision has used.
    pub fn add(&mut self, record: &Record) {
        let turn = &record.decision;
        self.decisions += 1;
        self.reused += u64::from(record.is_reused());
        self.fuel_max = self.fuel_max.max(record.fuel());
        self.host_calls_max = self.host_calls_max.max(record.host_calls());
        let calls = turn.calls.iter();
        let uses: BTreeSet<Use> = calls.flat_map(|one| self.uses(&one.call)).collect();
        if turn.lacks == Some(Lack::TooLarge) {
            self.incomplete += 1;
        }
        for found in uses {
            *self.counts.entry(found).or_default() += 1;
        }
    }

    /// What a call uses.
    fn uses(&self, call: &Call) -> Vec<Use> {
        match call {
            Call::CatalogFind(_) => vec![Use::Catalog],
            Call::ConfigGet(setting) => named(setting, Use::Setting),
            Call::SqlRun { statement, .. } => named(statement, Use::Statement),
            Call::KvGet(_) | Call::KvListKeys { .. } => vec![Use::ValuesRead],
            Call::KvSwap { .. } | Call::KvPut { .. } | Call::KvDelete(_) => {
                vec![Use::ValuesWritten]
            }
            Call::HttpFetch(request) => {
                let secrets = request.secrets();
                let secrets = secrets.flat_map(|name| named(name, Use::Secret));
                self.addresses(request.url()).chain(secrets).collect()
            }
        }
    }

    /// An address that is none was answered by an error, and nobody was asked.
    fn addresses(&self, url: &str) -> impl Iterator<Item = Use> {
        let address = WebAddress::parse(url).ok();
        let all = self.addresses.iter();
        all.filter(move |begins| address.as_ref().is_some_and(|one| begins.allows(one)))
            .map(|begins| Use::Address(begins.to_string()))
    }

    /// How many decisions were looked at.
    pub fn decisions(&self) -> u64 {
        self.decisions
    }

    /// Of these, those whose records do not hold all that was asked.
    pub fn incomplete(&self) -> u64 {
        self.incomplete
    }

    /// Of these, those of instances that had started for an earlier request: what was asked of the host
    /// while they started is not in the records.
    pub fn reused(&self) -> u64 {
        self.reused
    }

    /// The most fuel that a decision took.
    pub fn fuel_max(&self) -> u64 {
        self.fuel_max
    }

    /// The most calls into the host that one made.
    pub fn host_calls_max(&self) -> usize {
        self.host_calls_max
    }

    /// In how many decisions it was used.
    pub fn count(&self, used: &Use) -> u64 {
        self.counts.get(used).copied().unwrap_or(0)
    }
}

/// A text that is no name names nothing that is granted.
fn named(text: &str, used: impl Fn(Name) -> Use) -> Vec<Use> {
    Name::parse(text).ok().map(used).into_iter().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bindings::common;
    use crate::bindings::http::{HttpError, Request};
    use crate::bindings::kv::KvError;
    use crate::bindings::sql::SqlError;
    use crate::limits::Limits;
    use crate::record::{Bytes, Fetch, Input, RecordedCall, Reply, Turn};

    pub(crate) fn call(call: Call) -> RecordedCall {
        let unavailable = || KvError::Unavailable(String::new());
        let reply = match &call {
            Call::CatalogFind(_) => Reply::Place(Ok(None)),
            Call::ConfigGet(_) => Reply::Setting(None),
            Call::HttpFetch(_) => Reply::Response(Err(HttpError::Timeout)),
            Call::KvGet(_) => Reply::Value(Ok(None)),
            Call::KvSwap { .. } | Call::KvDelete(_) => Reply::Truth(Ok(true)),
            Call::KvPut { .. } => Reply::Done(Ok(())),
            Call::KvListKeys { .. } => Reply::Keys(Err(unavailable())),
            Call::SqlRun { .. } => Reply::Rows(Err(SqlError::Timeout)),
        };
        RecordedCall {
            call,
            reply,
            host_failed: false,
        }
    }

    pub(crate) fn setting(name: &str) -> RecordedCall {
        call(Call::ConfigGet(name.to_owned()))
    }

    pub(crate) fn statement(name: &str) -> RecordedCall {
        call(Call::SqlRun {
            statement: name.to_owned(),
            parameters: Vec::new(),
        })
    }

    pub(crate) fn value(key: &str) -> RecordedCall {
        call(Call::KvGet(key.to_owned()))
    }

    pub(crate) fn title(id: &str) -> RecordedCall {
        call(Call::CatalogFind(common::Book {
            id_type: "ISBN".to_owned(),
            id: id.to_owned(),
        }))
    }

    pub(crate) fn fetch(url: &str, secrets: &[&str]) -> RecordedCall {
        call(Call::HttpFetch(Fetch::of(&Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            fields: Vec::new(),
            secrets: secrets.iter().map(|&name| name.to_owned()).collect(),
            body: None,
            extra: Vec::new(),
        })))
    }

    pub(crate) fn decided(calls: Vec<RecordedCall>) -> Record {
        let context = common::Context {
            request_id: "r".to_owned(),
            now_ms: 1,
            center: "main".to_owned(),
            retailer: "shop".to_owned(),
            territory: None,
            extra: Vec::new(),
        };
        Record {
            limits: Limits::default(),
            reused: false,
            start: Vec::new(),
            before: Vec::new(),
            decision: Arc::new(Turn {
                input: Input::Naming {
                    context: Arc::new(context),
                    facts: Arc::new(Vec::new()),
                },
                calls,
                output: None,
                failure: None,
                fuel: 7,
                lacks: None,
            }),
        }
    }

    fn address(text: &str) -> AllowedAddress {
        AllowedAddress::parse(text).unwrap()
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn every_call_into_the_host_is_a_use_of_what_a_grant_names() {
        let known = ["https://a.example/v1/", "https://b.example/"].map(address);
        let mut used = Used::of_addresses(known);
        let all = vec![
            title("b-1"),
            setting("zone"),
            setting("zone"),
            statement("book_by_id"),
            value("k"),
            call(Call::KvPut {
                key: "k".to_owned(),
                value: Bytes::of(&[1]),
            }),
            fetch("https://a.example/v1/people/ada?x=1", &["token"]),
        ];
        used.add(&decided(all));
        used.add(&decided(vec![call(Call::KvListKeys {
            prefix: String::new(),
            after: None,
        })]));
        for (expected, one) in [
            (1, Use::Catalog),
            (1, Use::Setting(name("zone"))),
            (1, Use::Statement(name("book_by_id"))),
            (2, Use::ValuesRead),
            (1, Use::ValuesWritten),
            (1, Use::Secret(name("token"))),
            (1, Use::Address("https://a.example/v1/".to_owned())),
            (0, Use::Address("https://b.example/".to_owned())),
            (0, Use::Statement(name("other"))),
        ] {
            assert_eq!(used.count(&one), expected, "{one:?}");
        }
        assert_eq!((used.decisions(), used.incomplete()), (2, 0));
        assert_eq!((used.fuel_max(), used.host_calls_max()), (7, 5));
        // Nothing of it tells whom it was about.
        assert!(!format!("{used:?}").contains("ada"));
    }

    #[test]
    fn a_record_of_an_instance_that_started_before_is_counted() {
        let mut used = Used::default();
        let later = Record {
            reused: true,
            ..decided(Vec::new())
        };
        used.add(&later);
        used.add(&decided(Vec::new()));
        assert_eq!((used.decisions(), used.reused()), (2, 1));
    }

    #[test]
    fn a_record_that_does_not_tell_all_is_counted() {
        let mut used = Used::default();
        let mut large = decided(Vec::new());
        Arc::make_mut(&mut large.decision).lacks = Some(Lack::TooLarge);
        used.add(&large);
        // What a plug-in asked that no grant could name is no use of one.
        used.add(&decided(vec![setting("No Name"), fetch("nowhere", &[])]));
        assert_eq!((used.decisions(), used.incomplete()), (2, 1));
    }
}
