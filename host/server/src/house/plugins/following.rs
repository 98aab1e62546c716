//! Follows the calls of one loaded version: what they cost, and whether they fail too often.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use colophon_core::capability::Name;
use colophon_core::plugin::PluginFailure;
use colophon_core::rollout::{Breaker, PluginVersion, Tripped};
use colophon_core::time::Timestamp;
use colophon_plugin_host::{FollowedCall, Follower};
use colophon_receipt::CenterId;
use metrics::{Counter, Gauge, counter, gauge};
use serde_json::Value;
use tokio::sync::mpsc;

/// A version has failed too often.
pub(super) struct Trip {
    pub(super) center: CenterId,
    pub(super) plugin: Name,
    pub(super) version: PluginVersion,
    /// The role of the last call.
    pub(super) role: &'static str,
    /// What it was asked, without what would tell who the buyer is.
    pub(super) input: String,
    /// What came of it.
    pub(super) failure: String,
    pub(super) tripped: Tripped,
}

/// Follows the calls of one loaded version.
pub(super) struct GenerationFollower {
    center: CenterId,
    plugin: Name,
    version: PluginVersion,
    breaker: Mutex<Breaker>,
    tripping: mpsc::Sender<Trip>,
    costs: Costs,
}

/// What a center's plug-in costs, all versions of it together.
struct Costs {
    calls: Counter,
    failures: Counter,
    fuel: Counter,
    host_calls: Counter,
    memory: Gauge,
    memory_bytes_max: AtomicUsize,
}

impl GenerationFollower {
    pub(super) fn new(
        center: &CenterId,
        plugin: &Name,
        version: &PluginVersion,
        tripping: mpsc::Sender<Trip>,
    ) -> Self {
        Self {
            center: center.clone(),
            plugin: plugin.clone(),
            version: version.clone(),
            // The first call begins a window of its own: its time is far from this one.
            breaker: Mutex::new(Breaker::new(Timestamp::from_unix_ms(0))),
            tripping,
            costs: Costs::of(center, plugin),
        }
    }

    /// Whether this is the failure too many.
    fn judge(&self, call: &FollowedCall<'_>) -> Option<(Tripped, PluginFailure)> {
        let mut breaker = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let now = call.context.now;
        match call.failure {
            Some(failure) if failure.is_defect() => {
                let tripped = breaker.failed(now, call.context.purchase)?;
                Some((tripped, failure.clone()))
            }
            Some(_) | None => {
                breaker.answered(now);
                None
            }
        }
    }
}

impl Follower for GenerationFollower {
    fn followed(&self, call: &FollowedCall<'_>) {
        self.costs.count(call);
        let Some((tripped, failure)) = self.judge(call) else {
            return;
        };
        let mut input = (call.input)();
        without_person(&mut input);
        let trip = Trip {
            center: self.center.clone(),
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            role: call.role.as_str(),
            input: input.to_string(),
            failure: failure.to_string(),
            tripped,
        };
        // With no room for it, it is told again after the breaker's pause.
        drop(self.tripping.try_send(trip));
    }
}

impl Costs {
    fn of(center: &CenterId, plugin: &Name) -> Self {
        let labels = || {
            [
                ("center", center.as_str().to_owned()),
                ("plugin", plugin.as_str().to_owned()),
            ]
        };
        Self {
            calls: counter!("colophon_center_plugin_calls_total", &labels()),
            failures: counter!("colophon_center_plugin_failures_total", &labels()),
            fuel: counter!("colophon_center_plugin_fuel_total", &labels()),
            host_calls: counter!("colophon_center_plugin_host_calls_total", &labels()),
            memory: gauge!("colophon_center_plugin_memory_max_bytes", &labels()),
            memory_bytes_max: AtomicUsize::new(0),
        }
    }

    fn count(&self, call: &FollowedCall<'_>) {
        self.calls.increment(1);
        if call.failure.is_some() {
            self.failures.increment(1);
        }
        self.fuel.increment(call.fuel);
        self.host_calls.increment(call.host_calls as u64);
        let before = self.memory_bytes_max.fetch_max(call.memory_bytes, Relaxed);
        if call.memory_bytes > before {
            self.memory.set(call.memory_bytes as f64);
        }
    }
}

/// Masks what would tell who the buyer is: what the receipt and the request say of the sale, and the
/// name that the retailer wishes for the file. Of these only the shape is left, which is what a
/// plug-in may have stumbled over.
fn without_person(input: &mut Value) {
    let sale = input.pointer_mut("/offer/sale").map(Value::take);
    let sale = sale.map(|list| with_masked(list, |_| true));
    if let (Some(place), Some(sale)) = (input.pointer_mut("/offer/sale"), sale) {
        *place = sale;
    }
    let facts = input.pointer_mut("/facts").map(Value::take);
    let facts = facts.map(|list| with_masked(list, |name| name == "file-name"));
    if let (Some(place), Some(facts)) = (input.pointer_mut("/facts"), facts) {
        *place = facts;
    }
}

/// A list of names and texts, with the texts under some names masked.
fn with_masked(mut list: Value, is_masked: impl Fn(&str) -> bool) -> Value {
    for pair in list.as_array_mut().into_iter().flatten() {
        if let Some([Value::String(name), Value::String(text)]) =
            pair.as_array_mut().map(Vec::as_mut_slice)
            && is_masked(name)
        {
            *text = text.chars().map(masked).collect();
        }
    }
    list
}

/// A character of the same kind and length.
fn masked(c: char) -> char {
    match c {
        '0'..='9' => '0',
        'A'..='Z' => 'X',
        'a'..='z' => 'x',
        other if other.is_alphanumeric() => match other.len_utf8() {
            2 => 'é',
            3 => '字',
            _ => '𝐱',
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::CallContext;
    use colophon_core::rollout::PurchaseMark;
    use colophon_plugin_host::Role;
    use serde_json::json;

    use super::*;

    fn name() -> Name {
        Name::parse("acme").unwrap()
    }

    fn followed() -> (GenerationFollower, mpsc::Receiver<Trip>) {
        let (tripping, trips) = mpsc::channel(1);
        let center = "main".parse().unwrap();
        let version = "1".parse().unwrap();
        (
            GenerationFollower::new(&center, &name(), &version, tripping),
            trips,
        )
    }

    fn told(follower: &GenerationFollower, purchase: Option<u64>, failure: Option<&PluginFailure>) {
        follower.followed(&FollowedCall {
            role: Role::Policy,
            context: &CallContext {
                request_id: "1".to_owned(),
                now: Timestamp::from_unix_ms(1_000_000),
                center: "main".parse().unwrap(),
                retailer: "shop".parse().unwrap(),
                purchase: purchase.map(PurchaseMark::from_number),
            },
            failure,
            fuel: 1,
            memory_bytes: 1,
            host_calls: 1,
            input: &|| json!({ "offer": { "sale": [["user-name", "Ada B. 7"]] } }),
        });
    }

    #[test]
    fn failures_of_the_plug_in_itself_are_told_with_what_was_asked() {
        let (follower, mut trips) = followed();
        for purchase in 1..=5 {
            assert!(trips.try_recv().is_err(), "{purchase}");
            told(&follower, Some(purchase), Some(&PluginFailure::OutOfFuel));
        }
        let trip = trips.try_recv().unwrap();
        assert_eq!((trip.role, trip.tripped.failures), ("policy", 5));
        assert!(trip.input.contains("Xxx X. 0"), "{}", trip.input);
        assert_eq!(trip.failure, PluginFailure::OutOfFuel.to_string());
    }

    #[test]
    fn failures_of_the_host_are_nobodys_reason_to_go_back() {
        let (follower, mut trips) = followed();
        for purchase in 0..100 {
            told(
                &follower,
                Some(purchase),
                Some(&PluginFailure::HostUnavailable),
            );
            told(&follower, Some(purchase), Some(&PluginFailure::Saturated));
        }
        assert!(trips.try_recv().is_err());
    }

    #[test]
    fn receipts_that_nobody_has_opened_roll_nothing_back() {
        let (follower, mut trips) = followed();
        for _ in 0..100 {
            told(&follower, None, Some(&PluginFailure::OutOfFuel));
        }
        assert!(trips.try_recv().is_err());
    }

    #[test]
    fn nothing_tells_who_the_buyer_is() {
        let mut policy = json!({
            "ctx": { "retailer": "shop" },
            "offer": {
                "book": { "id": "b-1" },
                "title": [["series", "classics"]],
                "sale": [["user-name", "Zoë 李 Q.9"]],
            },
        });
        without_person(&mut policy);
        assert_eq!(
            policy["offer"]["sale"],
            json!([["user-name", "Xxé 字 X.0"]])
        );
        assert_eq!(policy["offer"]["title"], json!([["series", "classics"]]));
        assert_eq!(policy["offer"]["book"]["id"], "b-1");
        let mut naming = json!({ "facts": [["title", "Emma"], ["file-name", "for Ada.epub"]] });
        without_person(&mut naming);
        assert_eq!(
            naming["facts"],
            json!([["title", "Emma"], ["file-name", "xxx Xxx.xxxx"]])
        );
    }
}
