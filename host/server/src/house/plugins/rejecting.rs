//! Takes versions that fail out of their places: each once, whoever has seen it.

use std::collections::HashSet;
use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::event::NamedEvent;
use colophon_core::rollout::{PluginVersion, Step, StepRefused, Witnesses};
use colophon_core::time::Clock as _;
use colophon_crypto::Engine;
use colophon_receipt::CenterId;
use colophon_store::plugins::{NewVector, StepError};
use colophon_store::store::Store;

use super::following::Trip;
use super::publisher::Verifying;
use crate::house::SystemClock;

/// Takes versions out of their places.
pub(super) struct Rejecting {
    store: Arc<Store>,
    engine: Arc<dyn Engine>,
    told: Told,
}

/// What has been told of versions that stay though they fail: once each, not with every trip.
#[derive(Default)]
struct Told(HashSet<(CenterId, Name, PluginVersion, String)>);

/// A version that is to be rejected.
pub(super) struct Failed {
    pub(super) center: CenterId,
    pub(super) plugin: Name,
    pub(super) version: PluginVersion,
    pub(super) reason: String,
    pub(super) witnesses: Witnesses,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Rejected,
    /// It stays where it is, and somebody has to see to it.
    Stays,
    /// Another host, or an operator, has been quicker.
    GoneAlready,
}

impl Rejecting {
    pub(super) fn new(store: Arc<Store>, engine: Arc<dyn Engine>) -> Self {
        Self {
            store,
            engine,
            told: Told::default(),
        }
    }

    /// Goes back to the version before, if that may be done, and keeps the question.
    pub(super) async fn act_on(&mut self, trip: Trip) {
        let Trip {
            center,
            plugin,
            version,
            role,
            input,
            failure,
            tripped,
        } = trip;
        let reason = format!(
            "{} of {} calls failed; the last, as {role}: {failure}",
            tripped.failures, tripped.calls
        );
        let failed = Failed {
            center,
            plugin,
            version,
            reason,
            witnesses: tripped.witnesses,
        };
        if self.reject(&failed).await == Outcome::GoneAlready {
            return;
        }
        let vector = NewVector {
            version: failed.version,
            role: role.to_owned(),
            input,
            failure,
        };
        let now = SystemClock.now();
        let kept = self
            .store
            .keep_plugin_vector(&failed.center, &failed.plugin, &vector, now)
            .await;
        if let Err(error) = kept {
            tracing::warn!(%error, "a question that a plug-in failed on was not kept");
        }
    }

    /// Rejects a version that no host will be able to load: enough to end its trial.
    pub(super) async fn reject_unloadable(
        &mut self,
        center: &CenterId,
        (plugin, version, reason): (Name, PluginVersion, String),
    ) {
        let failed = Failed {
            center: center.clone(),
            plugin,
            version,
            reason,
            witnesses: Witnesses::One,
        };
        self.reject(&failed).await;
    }

    async fn reject(&mut self, failed: &Failed) -> Outcome {
        let now = SystemClock.now();
        let step = Step::Reject {
            version: failed.version.clone(),
            reason: failed.reason.clone(),
            witnesses: failed.witnesses,
            at: now,
        };
        // A center does not lose its policy by a failure: what no host would ask takes no place.
        let signatures = Verifying(self.engine.as_ref());
        let taken = self
            .store
            .step_plugin(&failed.center, &failed.plugin, &step, &signatures, now)
            .await;
        match taken {
            Ok(rollout) => {
                self.told.forget(failed);
                tell(failed, rollout.active(), "rejected");
                Outcome::Rejected
            }
            Err(
                StepError::Refused(StepRefused::NotInUse(_) | StepRefused::Unknown(_))
                | StepError::NotFound,
            ) => {
                self.told.forget(failed);
                Outcome::GoneAlready
            }
            Err(refused) => self.stays(failed, &refused.to_string()),
        }
    }

    fn stays(&mut self, failed: &Failed, why: &str) -> Outcome {
        if self.told.is_new(failed, why) {
            let consequence = format!("not fit to be asked, and is asked on: {why}");
            tell(failed, None, &consequence);
        }
        Outcome::Stays
    }
}

impl Told {
    fn is_new(&mut self, failed: &Failed, why: &str) -> bool {
        self.0.insert((
            failed.center.clone(),
            failed.plugin.clone(),
            failed.version.clone(),
            why.to_owned(),
        ))
    }

    /// It is over with the version; should it come back, it is told anew.
    fn forget(&mut self, failed: &Failed) {
        self.0.retain(|(center, plugin, version, _)| {
            (center, plugin, version) != (&failed.center, &failed.plugin, &failed.version)
        });
    }
}

fn tell(failed: &Failed, active: Option<&PluginVersion>, consequence: &str) {
    tracing::error!(
        event.code = NamedEvent::PluginRolledBack.code(),
        event.name = NamedEvent::PluginRolledBack.slug(),
        center.id = %failed.center,
        plugin.id = %failed.plugin,
        plugin.version = %failed.version,
        plugin.active = active.map(tracing::field::display),
        reason = failed.reason,
        "a version of a plug-in is {consequence}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(version: &str) -> Failed {
        Failed {
            center: "main".parse().unwrap(),
            plugin: Name::parse("acme").unwrap(),
            version: version.parse().unwrap(),
            reason: "it trapped".to_owned(),
            witnesses: Witnesses::One,
        }
    }

    #[test]
    fn a_version_that_stays_is_told_once_for_each_reason() {
        let mut told = Told::default();
        assert!(told.is_new(&failed("1"), "one retailer"));
        for _ in 0..3 {
            assert!(!told.is_new(&failed("1"), "one retailer"));
        }
        assert!(told.is_new(&failed("1"), "nothing before"));
        assert!(told.is_new(&failed("2"), "one retailer"));
        told.forget(&failed("1"));
        assert!(told.is_new(&failed("1"), "one retailer"));
        assert!(!told.is_new(&failed("2"), "one retailer"));
    }
}
