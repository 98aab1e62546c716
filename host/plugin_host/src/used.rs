//! What recorded decisions have asked of the host, to be held against what is granted.
//!
//! Nothing of what was asked is kept here but the names that stand in a grant: what a plug-in looked for
//! may tell who the buyer is.

use std::collections::{BTreeMap, BTreeSet};

use colophon_core::capability::{AllowedAddress, Name, WebAddress};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::bindings::http::Request;
use crate::record::{Lack, Record, RecordedCall};

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
        let mut uses = BTreeSet::new();
        let mut told = turn.lacks != Some(Lack::TooLarge);
        for call in &turn.calls {
            match self.uses(call) {
                Some(found) => uses.extend(found),
                None => told = false,
            }
        }
        if !told {
            self.incomplete += 1;
        }
        for found in uses {
            *self.counts.entry(found).or_default() += 1;
        }
    }

    /// What a call uses; none if the record does not tell.
    fn uses(&self, call: &RecordedCall) -> Option<Vec<Use>> {
        Some(match call.function.as_str() {
            "catalog.find" => vec![Use::Catalog],
            "config.get" => named(&asked::<String>(call)?, Use::Setting),
            "sql.run" => {
                let (statement, _): (String, IgnoredAny) = asked(call)?;
                named(&statement, Use::Statement)
            }
            "kv.get" | "kv.list-keys" => vec![Use::ValuesRead],
            "kv.swap" | "kv.put" | "kv.delete" => vec![Use::ValuesWritten],
            "http.fetch" => {
                let request: Request = asked(call)?;
                let secrets = request.secrets.iter();
                let secrets = secrets.flat_map(|name| named(name, Use::Secret));
                self.addresses(&request.url).chain(secrets).collect()
            }
            _ => return None,
        })
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

fn asked<T: DeserializeOwned>(call: &RecordedCall) -> Option<T> {
    serde_json::from_str(&call.question).ok()
}

/// A text that is no name names nothing that is granted.
fn named(text: &str, used: impl Fn(Name) -> Use) -> Vec<Use> {
    Name::parse(text).ok().map(used).into_iter().collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde::Serialize;

    use super::*;
    use crate::bindings::common;
    use crate::limits::Limits;
    use crate::record::{Input, Turn, as_text};

    pub(crate) fn call(function: &str, question: &impl Serialize) -> RecordedCall {
        RecordedCall {
            function: function.to_owned(),
            question: as_text(question),
            answer: "null".to_owned(),
            host_failed: false,
        }
    }

    pub(crate) fn fetch(url: &str, secrets: &[&str]) -> RecordedCall {
        let request = Request {
            method: "GET".to_owned(),
            url: url.to_owned(),
            fields: Vec::new(),
            secrets: secrets.iter().map(|&name| name.to_owned()).collect(),
            body: None,
            extra: Vec::new(),
        };
        call("http.fetch", &request)
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
            before: Vec::new(),
            decision: Turn {
                input: Input::Naming {
                    context,
                    facts: Vec::new(),
                },
                calls,
                output: None,
                failure: None,
                fuel: 7,
                lacks: None,
            },
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
        let book = ("ISBN", "b-1");
        let all = vec![
            call("catalog.find", &book),
            call("config.get", &"zone"),
            call("config.get", &"zone"),
            call("sql.run", &("book_by_id", [1, 2])),
            call("kv.get", &"k"),
            call("kv.put", &("k", [1])),
            fetch("https://a.example/v1/people/ada?x=1", &["token"]),
        ];
        used.add(&decided(all));
        used.add(&decided(vec![call("kv.list-keys", &("", None::<String>))]));
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
        large.decision.lacks = Some(Lack::TooLarge);
        used.add(&large);
        used.add(&decided(vec![call("config.get", &7)]));
        // What a plug-in asked that no grant could name is no use of one.
        used.add(&decided(vec![
            call("config.get", &"No Name"),
            fetch("nowhere", &[]),
        ]));
        assert_eq!((used.decisions(), used.incomplete()), (3, 2));
    }
}
