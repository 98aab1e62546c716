//! Plug-ins of centers: published, granted, promoted and gone back from, by several at once.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Step, VersionState, Witnesses};
use colophon_receipt::CenterId;
use colophon_store::plugins::{
    HeldAgainst, KeptPlugin, NewVersion, Publisher, SignatureCheck, StatedVersion, StepError,
};
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, furnish};

pub(crate) mod granting;
pub(crate) mod publishers;
pub(crate) mod publishing;
pub(crate) mod questions;
pub(crate) mod stepping;

fn plugin() -> Name {
    Name::parse("acme").unwrap()
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

const GRANT: &str = "plugin = \"acme\" # ä";

pub(crate) fn new(at: &CenterId, name: &str, number: &str) -> NewVersion {
    NewVersion {
        center: at.clone(),
        plugin: Name::parse(name).unwrap(),
        version: version(number),
        sha256: [9; 32],
        component: format!("component of {number}").into_bytes(),
        manifest: format!("version = \"{number}\"\n"),
        cases: "[]".to_owned(),
        grant: HeldAgainst::Nothing(GRANT.to_owned()),
        signature: None,
    }
}

/// A center with a plug-in and somebody who may publish, for other programs to change.
pub(crate) async fn furnish_with_a_plugin(store: &Store) {
    let version = new(&center_id(), "acme", "1");
    store.publish_plugin(&version, moment(1)).await.unwrap();
    store
        .add_publisher(&center_id(), &publisher("p"))
        .await
        .unwrap();
}

fn publisher(name: &str) -> Publisher {
    Publisher {
        name: name.to_owned(),
        public_key: vec![1, 2, 3],
        created_at: moment(4),
    }
}

async fn furnished(ground: &Place) -> Arc<Store> {
    let store = ground.store().await;
    furnish(&store).await;
    store.add_center(&center("other"), moment(1)).await.unwrap();
    store
}

async fn published(store: &Store, numbers: &[&str]) {
    for (at, number) in (1..).zip(numbers) {
        let new = new(&center_id(), "acme", number);
        store.publish_plugin(&new, moment(at)).await.unwrap();
    }
}

/// Which versions somebody has signed who is named.
enum Signed {
    All,
    Only(&'static [&'static str]),
}

impl SignatureCheck for Signed {
    fn why_unsigned(
        &self,
        _: &CenterId,
        _: &Name,
        version: &StatedVersion,
        publishers: &[Publisher],
    ) -> Option<String> {
        assert!(!publishers.is_empty(), "nobody is asked for a signature");
        let signed = match self {
            Self::All => true,
            Self::Only(versions) => versions.contains(&version.version.as_str()),
        };
        (!signed).then(|| "it has no signature".to_owned())
    }
}

async fn step(store: &Store, step: Step) -> Result<(), StepError> {
    step_where(store, step, Signed::All).await
}

async fn step_where(store: &Store, step: Step, signed: Signed) -> Result<(), StepError> {
    let taken = store
        .step_plugin(&center_id(), &plugin(), &step, &signed, moment(50))
        .await;
    taken.map(drop)
}

fn back_from(number: &str) -> Step {
    Step::Rollback {
        seen: Some(version(number)),
    }
}

/// Several retailers' buyers have met the failure.
fn rejected(version: &PluginVersion, reason: &str, at: i64) -> Step {
    Step::Reject {
        version: version.clone(),
        reason: reason.to_owned(),
        witnesses: Witnesses::Several,
        at: moment(at),
    }
}

/// The plug-in as it is kept.
async fn kept(store: &Store) -> KeptPlugin {
    let kept = store.kept_plugin(&center_id(), &plugin()).await;
    kept.unwrap().unwrap()
}

async fn state(store: &Store, number: &str) -> Option<VersionState> {
    let kept = kept(store).await;
    kept.version(&version(number)).map(|one| one.state.clone())
}

/// What hosts see: the versions that are asked, with their grants.
async fn asked(store: &Store) -> Vec<(String, String)> {
    let plugins = store.plugins(&center_id()).await.unwrap();
    let asked = plugins.iter().flat_map(|one| &one.versions);
    asked
        .map(|one| (one.version.to_string(), one.grant.clone()))
        .collect()
}
