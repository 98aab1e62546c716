//! Follows the calls of one loaded version: what they cost, and whether they fail too often.

use std::sync::{Arc, Mutex, PoisonError};

use colophon_core::capability::Name;
use colophon_core::plugin::PluginFailure;
use colophon_core::rollout::{Breaker, PluginVersion, Tripped};
use colophon_core::time::Timestamp;
use colophon_plugin_host::{FollowedCall, Follower};
use colophon_receipt::CenterId;
use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::mpsc;

use super::booking::Account;
use super::masking::without_person;

/// A version has failed too often.
pub(super) struct Trip {
    pub(super) center: CenterId,
    pub(super) plugin: Name,
    pub(super) version: PluginVersion,
    /// The role of the last call.
    pub(super) role: &'static str,
    /// What it was asked, without what would tell who the buyer is or which request it was.
    pub(super) input: String,
    /// What came of it, in the host's words.
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
    meters: Meters,
    account: Option<Account>,
}

/// The most memory that an instance of any version of a plug-in had, in bytes.
#[derive(Clone, Default)]
pub(super) struct MemoryMost(Arc<Mutex<usize>>);

/// What a center's plug-in costs, as `/metrics` has it: all versions of it together, since each version
/// would leave a series behind. `colophon plugin costs` tells them apart.
struct Meters {
    calls: Counter,
    failures: Counter,
    fuel: Counter,
    host_calls: Counter,
    memory: Gauge,
    /// Locked while the gauge is set, so that it never goes back.
    memory_most: MemoryMost,
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
            meters: Meters::of(center, plugin),
            account: None,
        }
    }

    /// The same, with what calls cost booked.
    pub(super) fn booked_in(self, account: Option<Account>) -> Self {
        Self { account, ..self }
    }

    /// The same, with the most memory known together with the plug-in's other versions.
    pub(super) fn sharing(mut self, memory_most: MemoryMost) -> Self {
        self.meters.memory_most = memory_most;
        self
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
            // What was not waited for, or was never asked, says nothing of the version: among such
            // calls defects would be few.
            Some(
                PluginFailure::TimedOut
                | PluginFailure::Saturated
                | PluginFailure::HostUnavailable
                | PluginFailure::NoSuchRole { .. }
                | PluginFailure::NotLoaded,
            ) => None,
            Some(_) | None => {
                breaker.answered(now);
                None
            }
        }
    }
}

impl Follower for GenerationFollower {
    fn followed(&self, call: &FollowedCall<'_>) {
        self.meters.count(call);
        if let Some(account) = &self.account {
            account.book(call);
        }
        let Some((tripped, failure)) = self.judge(call) else {
            return;
        };
        let input = without_person((call.input)());
        let trip = Trip {
            center: self.center.clone(),
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            role: call.role.as_str(),
            input: input.to_string(),
            failure: failure.brief(),
            tripped,
        };
        // With no room for it, it is told again after the breaker's pause.
        drop(self.tripping.try_send(trip));
    }
}

impl Meters {
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
            memory_most: MemoryMost::default(),
        }
    }

    fn count(&self, call: &FollowedCall<'_>) {
        self.calls.increment(1);
        if call.failure.is_some() {
            self.failures.increment(1);
        }
        self.fuel.increment(call.fuel);
        self.host_calls.increment(call.host_calls as u64);
        self.memory_most.raise(call.memory_bytes, &self.memory);
    }
}

impl MemoryMost {
    fn raise(&self, bytes: usize, gauge: &Gauge) {
        let mut most = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes > *most {
            *most = bytes;
            gauge.set(bytes as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use colophon_core::plugin::CallContext;
    use colophon_core::rollout::{PurchaseMark, Witnesses};
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

    /// A sale of this number by one of three retailers.
    fn sold(number: u64) -> Option<PurchaseMark> {
        let retailer = format!("shop-{}", number % 3);
        Some(bought_at(&retailer, number))
    }

    fn bought_at(retailer: &str, number: u64) -> PurchaseMark {
        PurchaseMark::of(
            &retailer.parse().unwrap(),
            &format!("t-{number}").parse().unwrap(),
            &"b-1".parse().unwrap(),
        )
    }

    fn told(
        follower: &GenerationFollower,
        purchase: Option<PurchaseMark>,
        failure: Option<&PluginFailure>,
    ) {
        follower.followed(&FollowedCall {
            role: Role::Policy,
            context: &CallContext {
                request_id: "1".to_owned(),
                now: Timestamp::from_unix_ms(1_000_000),
                center: "main".parse().unwrap(),
                retailer: "shop".parse().unwrap(),
                purchase,
            },
            failure,
            fuel: 1,
            memory_bytes: 1,
            host_calls: 1,
            host_bytes: 1,
            input: &|| {
                json!({
                    "ctx": { "request-id": "0190a5c2", "center": "main" },
                    "offer": { "sale": [["user-name", "Ada B. 7"]] },
                })
            },
        });
    }

    /// A trap that quotes what the plug-in was asked.
    fn quoting() -> PluginFailure {
        PluginFailure::Trapped {
            function: "evaluate",
            message: "no such buyer: Ada B. 7".to_owned(),
        }
    }

    #[test]
    fn defects_are_told_with_what_was_asked_and_without_the_buyer() {
        let (follower, mut trips) = followed();
        for number in 1..=5 {
            assert!(trips.try_recv().is_err(), "{number}");
            told(&follower, sold(number), Some(&quoting()));
        }
        let trip = trips.try_recv().unwrap();
        assert_eq!((trip.role, trip.tripped.failures), ("policy", 5));
        assert_eq!(trip.tripped.witnesses, Witnesses::Several);
        assert!(trip.input.contains("Xxx X. 0"), "{}", trip.input);
        assert!(!trip.input.contains("0190a5c2"), "{}", trip.input);
        assert_eq!(trip.failure, "trapped in evaluate");
    }

    #[test]
    fn what_is_no_defect_is_nobodys_reason_to_go_back() {
        let (follower, mut trips) = followed();
        let reported = PluginFailure::Reported {
            message: "not-found: no such title".to_owned(),
        };
        for number in 0..100 {
            for failure in [
                &reported,
                &PluginFailure::TimedOut,
                &PluginFailure::HostUnavailable,
                &PluginFailure::Saturated,
            ] {
                told(&follower, sold(number), Some(failure));
            }
        }
        assert!(trips.try_recv().is_err());
    }

    #[test]
    fn defects_are_not_few_among_calls_that_nobody_answered() {
        for nobody in [
            PluginFailure::TimedOut,
            PluginFailure::HostUnavailable,
            PluginFailure::Saturated,
            PluginFailure::NotLoaded,
        ] {
            let (follower, mut trips) = followed();
            for number in 0..1_000 {
                told(&follower, sold(number), Some(&nobody));
            }
            for number in 0..5 {
                told(&follower, sold(number), Some(&PluginFailure::OutOfFuel));
            }
            assert!(trips.try_recv().is_ok(), "{nobody:?}");
        }
        let (follower, mut trips) = followed();
        for number in 0..1_000 {
            told(&follower, sold(number), None);
        }
        for number in 0..5 {
            told(&follower, sold(number), Some(&PluginFailure::OutOfFuel));
        }
        assert!(trips.try_recv().is_err(), "it answers nearly always");
    }

    #[test]
    fn one_retailer_alone_is_told_as_such() {
        let (follower, mut trips) = followed();
        for number in 0..100 {
            let purchase = Some(bought_at("shop", number));
            told(&follower, purchase, Some(&PluginFailure::OutOfFuel));
        }
        let trip = trips.try_recv().unwrap();
        assert_eq!(trip.tripped.witnesses, Witnesses::One);
        assert!(trips.try_recv().is_err(), "it is told once");
    }

    #[test]
    fn calls_for_no_purchase_roll_nothing_back() {
        let (follower, mut trips) = followed();
        for _ in 0..100 {
            told(&follower, None, Some(&PluginFailure::OutOfFuel));
        }
        assert!(trips.try_recv().is_err());
    }

    #[test]
    fn the_most_memory_is_that_of_all_versions() {
        let (first, gauge) = (MemoryMost::default(), Gauge::noop());
        let second = first.clone();
        first.raise(5, &gauge);
        second.raise(3, &gauge);
        assert_eq!(*second.0.lock().unwrap(), 5);
        second.raise(7, &gauge);
        assert_eq!(*first.0.lock().unwrap(), 7);
    }
}
