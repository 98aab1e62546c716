//! Plug-ins of centers: published, granted, promoted and gone back from, by several at once.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::change::{ChangeLog, ChangedRecord};
use colophon_core::rollout::{
    PluginVersion, RETIRED_KEPT, STEPS_BACK_APART, Share, Step, StepRefused, VersionState,
    Witnesses,
};
use colophon_receipt::CenterId;
use colophon_store::failure::{AddError, ChangeError};
use colophon_store::plugins::{
    HISTORY_KEPT, HeldAgainst, KeptPlugin, LastPublisher, NewVector, NewVersion, Publisher,
    PublisherStays, StepError, VECTORS_KEPT, VERSIONS_KEPT,
};
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, furnish};

pub(crate) mod granting;

fn plugin() -> Name {
    Name::parse("acme").unwrap()
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

const GRANT: &str = "plugin = \"acme\" # ä";

fn new(at: &CenterId, name: &str, number: &str) -> NewVersion {
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

async fn step(store: &Store, step: Step) -> Result<(), StepError> {
    let taken = store
        .step_plugin(&center_id(), &plugin(), &step, moment(50))
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

pub(crate) async fn a_version_comes_back_as_it_was_published(ground: &Place) {
    let store = furnished(ground).await;
    assert!(store.centers_with_plugins().await.unwrap().is_empty());
    let signed = NewVersion {
        signature: Some(vec![7; 64]),
        cases: "[{\"file\":\"a.toml\"}]".to_owned(),
        component: vec![0, 255, 10],
        ..new(&center_id(), "acme", "1.4.0-rc.1+b")
    };
    store.publish_plugin(&signed, moment(5)).await.unwrap();
    assert_eq!(store.centers_with_plugins().await.unwrap(), [center_id()]);
    let all = store.kept_plugins(&center_id()).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].id.as_str(), all[0].position), ("acme", 1));
    assert_eq!((all[0].grant.as_str(), all[0].versions.len()), (GRANT, 1));
    let found = &all[0].versions[0];
    assert_eq!(found.version, signed.version);
    assert_eq!((found.sha256, found.bytes), (signed.sha256, 3));
    assert_eq!(found.manifest, signed.manifest);
    assert_eq!(found.signature, signed.signature);
    assert_eq!(
        (&found.state, &found.unfit),
        (&VersionState::Published, &None)
    );
    assert_eq!(
        (found.published_at, found.changed_at),
        (moment(5), moment(5))
    );
    // Nobody is asked it, so no host reads it; promoted, it has the grant it was held against.
    assert!(store.plugins(&center_id()).await.unwrap().is_empty());
    let promoted = Step::Promote(signed.version.clone());
    step(&store, promoted).await.unwrap();
    let seen = store.plugins(&center_id()).await.unwrap();
    let seen = &seen[0].versions[0];
    assert_eq!(
        (&seen.version, &seen.sha256),
        (&signed.version, &signed.sha256)
    );
    assert_eq!(
        (&seen.manifest, &seen.signature),
        (&signed.manifest, &signed.signature)
    );
    assert_eq!(
        (seen.grant.as_str(), &seen.state),
        (GRANT, &VersionState::Active)
    );
    let component = store
        .plugin_component(&center_id(), &plugin(), &signed.version)
        .await;
    assert_eq!(component.unwrap(), Some(signed.component));
    let cases = store
        .plugin_cases(&center_id(), &plugin(), &signed.version)
        .await;
    assert_eq!(cases.unwrap(), Some(signed.cases));
    let none = store
        .plugin_component(&center_id(), &plugin(), &version("2"))
        .await;
    assert_eq!(none.unwrap(), None);
    let history = store
        .plugin_history(&center_id(), &plugin(), 9)
        .await
        .unwrap();
    let lines = history.iter().map(|line| (line.step.as_str(), line.at));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, [("promote", moment(50)), ("publish", moment(5))]);
    let named = Some(signed.version.to_string());
    assert_eq!((&history[0].version, &history[0].active), (&named, &named));
    assert_eq!((&history[1].active, &history[1].reason), (&None, &None));
}

pub(crate) async fn what_is_asked_is_not_removed(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3"]).await;
    let removed = async || {
        let (center, plugin) = (center_id(), plugin());
        store.remove_plugin(&center, &plugin, moment(60)).await
    };
    let without = async |number: &str| {
        let (center, plugin, version) = (center_id(), plugin(), version(number));
        let now = moment(60);
        store
            .remove_plugin_version(&center, &plugin, &version, now)
            .await
    };
    // On trial alone is asked too.
    let share = Share::percent(5).unwrap();
    for taken in [
        Step::Canary(version("1"), share),
        Step::Promote(version("1")),
    ] {
        step(&store, taken).await.unwrap();
        for refused in [removed().await, without("1").await] {
            assert!(
                matches!(&refused, Err(StepError::Asked(asked)) if asked.as_str() == "1"),
                "{refused:?}"
            );
        }
    }
    let refused = without("7").await;
    let unknown = StepRefused::Unknown(version("7"));
    assert!(
        matches!(&refused, Err(StepError::Refused(refused)) if *refused == unknown),
        "{refused:?}"
    );
    step(&store, Step::Promote(version("2"))).await.unwrap();
    without("1").await.unwrap();
    assert_eq!(state(&store, "1").await, None);
    let components = "SELECT COUNT(*) FROM plugin_components";
    assert_eq!(ground.stranger().await.numbers(components).await, [2]);
    let nothing_before = step(&store, back_from("2")).await;
    assert!(
        matches!(
            nothing_before,
            Err(StepError::Refused(StepRefused::NothingBefore))
        ),
        "{nothing_before:?}"
    );
    let history = store
        .plugin_history(&center_id(), &plugin(), 1)
        .await
        .unwrap();
    assert_eq!(
        (history[0].step.as_str(), history[0].version.as_deref()),
        ("remove", Some("1"))
    );

    // Whoever promotes while another removes: either the plug-in is there with an active version,
    // or it is not there.
    step(&store, Step::Withdraw).await.unwrap();
    let promoting = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { step(&store, Step::Promote(version("3"))).await })
    };
    let removing = removed().await;
    let promoted = promoting.await.unwrap();
    match (&removing, &promoted) {
        (Err(StepError::Asked(asked)), Ok(())) => {
            assert_eq!(asked.as_str(), "3");
            assert_eq!(self::asked(&store).await.len(), 1);
            step(&store, Step::Withdraw).await.unwrap();
            removed().await.unwrap();
        }
        (Ok(()), Err(StepError::NotFound)) => {}
        other => panic!("{other:?}"),
    }
    assert!(store.kept_plugins(&center_id()).await.unwrap().is_empty());
    for table in ["plugin_versions", "plugin_components", "plugin_history"] {
        let left = format!("SELECT COUNT(*) FROM {table}");
        assert_eq!(ground.stranger().await.numbers(&left).await, [0], "{table}");
    }
    assert!(matches!(removed().await, Err(StepError::NotFound)));
}

pub(crate) async fn a_version_is_published_once(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let other = NewVersion {
        component: b"other".to_vec(),
        ..new(&center_id(), "acme", "1")
    };
    let refused = store.publish_plugin(&other, moment(9)).await.unwrap_err();
    let expected = StepRefused::AlreadyPublished(version("1"));
    assert!(
        matches!(&refused, StepError::Refused(refused) if *refused == expected),
        "{refused}"
    );
    let kept = store
        .plugin_component(&center_id(), &plugin(), &version("1"))
        .await;
    assert_eq!(kept.unwrap().unwrap(), b"component of 1");
    // A center that is not there leaves nothing behind.
    let nowhere = new(&"nowhere".parse().unwrap(), "acme", "1");
    let refused = store.publish_plugin(&nowhere, moment(9)).await.unwrap_err();
    assert!(matches!(refused, StepError::NotFound), "{refused}");
    assert_eq!(store.centers_with_plugins().await.unwrap(), [center_id()]);
}

pub(crate) async fn every_step_is_a_change_of_its_center(ground: &Place) {
    let store = furnished(ground).await;
    let mut position = store.after(i64::MAX, 0).await.unwrap().newest;
    let mut heard = async |what: &str, wanted: bool| {
        let changes = store.after(position, 1_000).await.unwrap();
        position = changes.newest;
        let mut own = changes.list.iter();
        let heard = own.any(|change| {
            change.record == ChangedRecord::Center && change.key == center_id().as_str()
        });
        assert_eq!(heard, wanted, "{what}");
    };
    heard("nothing", false).await;
    published(&store, &["1", "2"]).await;
    heard("published", true).await;
    let share = Share::percent(5).unwrap();
    for taken in [
        Step::Promote(version("1")),
        Step::Canary(version("2"), share),
        back_from("2"),
        Step::Promote(version("2")),
        back_from("2"),
        Step::Withdraw,
    ] {
        let name = taken.name();
        step(&store, taken).await.unwrap();
        heard(name, true).await;
    }
    step(&store, Step::Withdraw).await.unwrap_err();
    heard("refused", false).await;
    store
        .add_publisher(&center_id(), &publisher("p"))
        .await
        .unwrap();
    heard("publisher", true).await;
    granting::granted(&store, GRANT, &[("1", None), ("2", None)])
        .await
        .unwrap();
    heard("granted", true).await;
}

pub(crate) async fn two_operators_who_promote_at_once_leave_one_active(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3"]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    for _ in 0..5 {
        let promoting = ["2", "3", "2", "3"].map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { step(&store, Step::Promote(version(number))).await })
        });
        for one in promoting {
            if let Err(refused) = one.await.unwrap() {
                let refused_well =
                    matches!(refused, StepError::Refused(StepRefused::AlreadyActive(_)));
                assert!(refused_well, "{refused}");
            }
        }
        let rollout = kept(&store).await.rollout().unwrap();
        assert!(rollout.active().is_some());
        // Whoever came second has retired the first one's choice, and the history says so.
        let history = store
            .plugin_history(&center_id(), &plugin(), 100)
            .await
            .unwrap();
        let last = history
            .iter()
            .find(|entry| entry.step == "promote")
            .unwrap();
        assert_eq!(
            last.active.as_deref(),
            rollout.active().map(PluginVersion::as_str)
        );
        assert_eq!(last.version, last.active);
    }
    // Rejected by two hosts at once, a version is gone back from once.
    let rollout = kept(&store).await.rollout().unwrap();
    let (failed, before) = (rollout.active().unwrap(), rollout.previous().unwrap());
    let rejecting = [0; 4].map(|_| {
        let (store, version) = (Arc::clone(&store), failed.clone());
        let reason = "it traps".to_owned();
        let rejected = rejected(&version, &reason, 50);
        tokio::spawn(async move { step(&store, rejected).await.is_ok() })
    });
    let mut done = 0;
    for one in rejecting {
        done += usize::from(one.await.unwrap());
    }
    assert_eq!(done, 1);
    assert_eq!(
        state(&store, before.as_str()).await,
        Some(VersionState::Active)
    );
}

pub(crate) async fn of_two_who_go_back_at_once_one_does(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3"]).await;
    for number in ["1", "2", "3"] {
        step(&store, Step::Promote(version(number))).await.unwrap();
    }
    let going = [0; 4].map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { step(&store, back_from("3")).await })
    });
    let mut done = 0;
    for one in going {
        match one.await.unwrap() {
            Ok(()) => done += 1,
            Err(refused) => assert!(
                matches!(refused, StepError::Refused(StepRefused::Changed { .. })),
                "{refused}"
            ),
        }
    }
    assert_eq!(done, 1);
    assert_eq!(state(&store, "2").await, Some(VersionState::Active));
    // What was gone back from is kept as such, and comes back by its name alone.
    assert_eq!(state(&store, "3").await, Some(VersionState::Shelved));
    let unnamed = step(&store, Step::PromoteNext(version("3"))).await;
    let expected = StepRefused::AskedBefore(version("3"));
    assert!(
        matches!(&unnamed, Err(StepError::Refused(refused)) if *refused == expected),
        "{unnamed:?}"
    );
    step(&store, Step::Promote(version("3"))).await.unwrap();
}

pub(crate) async fn a_version_that_stands_in_is_not_gone_back_from_by_itself(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3", "4"]).await;
    let taken = async |step: &Step, at: i64| {
        let (center, plugin) = (center_id(), plugin());
        store.step_plugin(&center, &plugin, step, moment(at)).await
    };
    for (at, number) in (10..).zip(["1", "2", "3"]) {
        taken(&Step::Promote(version(number)), at).await.unwrap();
    }
    let after = taken(&rejected(&version("3"), "it traps", 100), 100).await;
    assert_eq!(after.unwrap().active(), Some(&version("2")));
    // The trial of another is nothing to the one that stands in.
    let share = Share::percent(5).unwrap();
    taken(&Step::Canary(version("4"), share), 110)
        .await
        .unwrap();
    taken(&rejected(&version("4"), "it traps", 120), 120)
        .await
        .unwrap();
    let refused = taken(&rejected(&version("2"), "it traps", 130), 130).await;
    let expected = StepRefused::StandsIn(version("2"));
    assert!(
        matches!(&refused, Err(StepError::Refused(refused)) if *refused == expected),
        "{:?}",
        refused.err()
    );
    assert_eq!(state(&store, "2").await, Some(VersionState::Active));
    let later = 100 + i64::try_from(STEPS_BACK_APART.as_millis()).unwrap();
    let after = taken(&rejected(&version("2"), "it traps", later), later).await;
    assert_eq!(after.unwrap().active(), Some(&version("1")));
}

pub(crate) async fn a_canary_and_a_rejection_keep_share_and_reason(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    let share = Share::percent(25).unwrap();
    step(&store, Step::Canary(version("2"), share))
        .await
        .unwrap();
    assert_eq!(state(&store, "2").await, Some(VersionState::Canary(share)));
    let reason = "it trapped in \"evaluate\"".to_owned();
    step(&store, rejected(&version("2"), &reason, 50))
        .await
        .unwrap();
    let expected = VersionState::Rejected {
        reason: reason.clone(),
    };
    assert_eq!(state(&store, "2").await, Some(expected));
    assert_eq!(state(&store, "1").await, Some(VersionState::Active));
    let history = store
        .plugin_history(&center_id(), &plugin(), 2)
        .await
        .unwrap();
    assert_eq!(history[0].reason, Some(reason));
    assert_eq!(history[0].active.as_deref(), Some("1"));
    assert_eq!(history[1].reason.as_deref(), Some("25 %"));
    step(&store, Step::Promote(version("2"))).await.unwrap_err();
}

pub(crate) async fn plug_ins_are_asked_in_the_order_they_were_put_in(ground: &Place) {
    let store = furnished(ground).await;
    for name in ["zebra", "acme", "mule"] {
        store
            .publish_plugin(&new(&center_id(), name, "1"), moment(1))
            .await
            .unwrap();
    }
    let order = async || {
        let kept = store.kept_plugins(&center_id()).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|one| one.id.to_string()).collect();
        let asked = store.plugins(&center_id()).await.unwrap();
        let asked: Vec<_> = asked.iter().map(|one| one.id.to_string()).collect();
        // What hosts ask is in the same order as what people are shown.
        let expected = kept.iter().filter(|id| *id != "mule");
        assert_eq!(asked, expected.cloned().collect::<Vec<_>>());
        kept
    };
    for name in ["zebra", "acme"] {
        let (center, name) = (center_id(), Name::parse(name).unwrap());
        let promoted = Step::Promote(version("1"));
        let taken = store
            .step_plugin(&center, &name, &promoted, moment(2))
            .await;
        taken.unwrap();
    }
    assert_eq!(order().await, ["zebra", "acme", "mule"]);
    let mule = Name::parse("mule").unwrap();
    store
        .order_plugins(&center_id(), &[mule, plugin()], moment(2))
        .await
        .unwrap();
    assert_eq!(order().await, ["mule", "acme", "zebra"]);
    let unknown = [plugin(), Name::parse("nobody").unwrap()];
    let refused = store.order_plugins(&center_id(), &unknown, moment(3)).await;
    assert!(matches!(refused, Err(ChangeError::NotFound)), "{refused:?}");
    assert_eq!(order().await, ["mule", "acme", "zebra"]);
    let positions = "SELECT position FROM plugins ORDER BY position";
    let positions = ground.stranger().await.numbers(positions).await;
    assert_eq!(positions, [1, 2, 3]);
}

/// All of these change the center in the end; whoever took rows in another order would be told by a
/// server that it waits for somebody who waits for it.
pub(crate) async fn whoever_changes_plug_ins_at_once_waits_for_the_others(ground: &Place) {
    let store = furnished(ground).await;
    let names = ["a", "b"].map(|name| Name::parse(name).unwrap());
    for name in &names {
        for number in ["1", "2"] {
            let version = new(&center_id(), name.as_str(), number);
            store.publish_plugin(&version, moment(1)).await.unwrap();
        }
    }
    let mut working = tokio::task::JoinSet::new();
    for round in 0..8 {
        for name in names.clone() {
            let (store, center) = (Arc::clone(&store), center_id());
            let (mut order, number) = (names.clone(), ["1", "2"][round % 2]);
            if round % 2 == 0 {
                order.reverse();
            }
            working.spawn(async move {
                let now = moment(9);
                store.order_plugins(&center, &order, now).await.unwrap();
                let promoted = Step::Promote(version(number));
                match store.step_plugin(&center, &name, &promoted, now).await {
                    Ok(_) | Err(StepError::Refused(StepRefused::AlreadyActive(_))) => {}
                    Err(other) => panic!("{other}"),
                }
                let vector = NewVector {
                    version: version(number),
                    role: "policy".to_owned(),
                    input: "{}".to_owned(),
                    failure: "trapped".to_owned(),
                };
                let kept = store.keep_plugin_vector(&center, &name, &vector, now).await;
                kept.unwrap();
                let publisher = publisher(&format!("{name}-{round}"));
                store.add_publisher(&center, &publisher).await.unwrap();
            });
        }
    }
    working.join_all().await;
    assert_eq!(store.publishers(&center_id()).await.unwrap().len(), 16);
}

pub(crate) async fn the_oldest_versions_go_with_their_components(ground: &Place) {
    let store = furnished(ground).await;
    for number in 0..=RETIRED_KEPT + 1 {
        let number = number.to_string();
        published(&store, &[&number]).await;
        step(&store, Step::Promote(version(&number))).await.unwrap();
    }
    assert_eq!(state(&store, "0").await, None);
    assert_eq!(
        state(&store, "1").await,
        Some(VersionState::Retired { turn: 2 })
    );
    let gone = store
        .plugin_component(&center_id(), &plugin(), &version("0"))
        .await;
    assert_eq!(gone.unwrap(), None);
    let kept = "SELECT COUNT(*) FROM plugin_components";
    let expected = i64::try_from(RETIRED_KEPT + 1).unwrap();
    assert_eq!(ground.stranger().await.numbers(kept).await, [expected]);
    let newest = (RETIRED_KEPT + 1).to_string();
    step(&store, back_from(&newest)).await.unwrap();
    let back = RETIRED_KEPT.to_string();
    assert_eq!(state(&store, &back).await, Some(VersionState::Active));
}

pub(crate) async fn so_many_versions_are_kept_and_no_more(ground: &Place) {
    let store = furnished(ground).await;
    let count = i64::try_from(VERSIONS_KEPT).unwrap();
    for number in 1..=count {
        let version = new(&center_id(), "acme", &number.to_string());
        store
            .publish_plugin(&version, moment(number))
            .await
            .unwrap();
    }
    let refused = async |oldest: &str| {
        let more = new(&center_id(), "acme", "too-many");
        let refused = store.publish_plugin(&more, moment(99)).await.unwrap_err();
        assert!(
            matches!(&refused, StepError::Full { spare } if spare.as_str() == oldest),
            "{refused}"
        );
        assert!(
            refused
                .to_string()
                .contains(&format!("{oldest} for example"))
        );
    };
    refused("1").await;
    // What is asked is not what could be spared.
    step(&store, Step::Promote(version("1"))).await.unwrap();
    refused("2").await;
    assert_eq!(kept(&store).await.versions.len(), VERSIONS_KEPT);
    let gone = store
        .remove_plugin_version(&center_id(), &plugin(), &version("2"), moment(99))
        .await;
    gone.unwrap();
    let more = new(&center_id(), "acme", "more");
    store.publish_plugin(&more, moment(99)).await.unwrap();
    let components = "SELECT COUNT(*) FROM plugin_components";
    assert_eq!(ground.stranger().await.numbers(components).await, [count]);
    refused("3").await;
}

pub(crate) async fn the_history_is_kept_up_to_a_number_of_lines(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let other = new(&center_id(), "other", "1");
    store.publish_plugin(&other, moment(1)).await.unwrap();
    let lines = i64::from(HISTORY_KEPT);
    for at in 0..=lines / 2 {
        for taken in [Step::Promote(version("1")), Step::Withdraw] {
            let taken = store
                .step_plugin(&center_id(), &plugin(), &taken, moment(100 + at))
                .await;
            taken.unwrap();
        }
    }
    let history = store
        .plugin_history(&center_id(), &plugin(), u32::MAX)
        .await
        .unwrap();
    assert_eq!(history.len(), usize::try_from(HISTORY_KEPT).unwrap());
    assert_eq!(
        (history[0].step.as_str(), history[0].at),
        ("withdraw", moment(100 + lines / 2))
    );
    // Every promotion and withdrawal but the first two, and not the publication.
    let oldest = history.last().unwrap();
    assert_eq!((oldest.step.as_str(), oldest.at), ("promote", moment(101)));
    let rows = "SELECT COUNT(*) FROM plugin_history";
    assert_eq!(ground.stranger().await.numbers(rows).await, [lines + 1]);
}

pub(crate) async fn centers_do_not_see_each_others_plug_ins(ground: &Place) {
    let store = furnished(ground).await;
    let other: CenterId = "other".parse().unwrap();
    published(&store, &["1"]).await;
    assert!(store.kept_plugins(&other).await.unwrap().is_empty());
    let promoted = Step::Promote(version("1"));
    let refused = store
        .step_plugin(&other, &plugin(), &promoted, moment(2))
        .await;
    assert!(matches!(refused, Err(StepError::NotFound)));
    store
        .publish_plugin(&new(&other, "acme", "1"), moment(3))
        .await
        .unwrap();
    store
        .step_plugin(&other, &plugin(), &promoted, moment(4))
        .await
        .unwrap();
    assert_eq!(state(&store, "1").await, Some(VersionState::Published));
    let mut stranger = ground.stranger().await;
    if !ground.is_server() {
        stranger.run("PRAGMA foreign_keys = ON").await;
    }
    stranger.run("DELETE FROM centers WHERE id = 'other'").await;
    assert_eq!(store.centers_with_plugins().await.unwrap(), [center_id()]);
}

pub(crate) async fn questions_are_kept_up_to_a_number(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let vector = |number: u32| NewVector {
        version: version("1"),
        role: "policy".to_owned(),
        input: format!("{{\"number\":{number}}}"),
        failure: format!("trapped in {number}"),
    };
    for number in 0..VECTORS_KEPT + 3 {
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector(number), moment(7))
            .await;
        kept.unwrap();
    }
    let kept = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(VECTORS_KEPT).unwrap());
    assert_eq!(kept[0].input, "{\"number\":3}");
    assert_eq!((kept[0].number, kept[0].at), (4, moment(7)));
    assert_eq!(
        (kept[0].role.as_str(), kept[0].failure.as_str()),
        ("policy", "trapped in 3")
    );
    let nobody = Name::parse("nobody").unwrap();
    let refused = store
        .keep_plugin_vector(&center_id(), &nobody, &vector(1), moment(7))
        .await;
    refused.unwrap_err();
}

pub(crate) async fn a_question_is_kept_once_and_can_be_dropped(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    let keep = async |number: &str, role: &str, input: &str, failure: &str| {
        let vector = NewVector {
            version: version(number),
            role: role.to_owned(),
            input: input.to_owned(),
            failure: failure.to_owned(),
        };
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector, moment(7))
            .await;
        kept.unwrap();
    };
    let numbers = async || {
        let kept = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
        kept.iter().map(|vector| vector.number).collect::<Vec<_>>()
    };
    // Several hosts meet the same failure, each by another question.
    for input in ["{\"host\":1}", "{\"host\":2}", "{\"host\":3}"] {
        keep("1", "policy", input, "trapped in evaluate").await;
    }
    assert_eq!(numbers().await, [1]);
    keep("1", "policy", "{}", "out-of-fuel").await;
    keep("1", "naming", "{}", "out-of-fuel").await;
    keep("2", "policy", "{}", "out-of-fuel").await;
    assert_eq!(numbers().await, [1, 2, 3, 4]);
    // One that is not there keeps the others.
    let dropped = async |numbers: &[i64]| {
        let (center, plugin) = (center_id(), plugin());
        store.drop_plugin_vectors(&center, &plugin, numbers).await
    };
    dropped(&[2, 9]).await.unwrap_err();
    assert_eq!(numbers().await, [1, 2, 3, 4]);
    dropped(&[1, 3]).await.unwrap();
    assert_eq!(numbers().await, [2, 4]);
    let left = store.plugin_vectors(&center_id(), &plugin()).await.unwrap();
    assert_eq!(left[0].failure, "out-of-fuel");
    keep("1", "policy", "{}", "trapped in evaluate").await;
    assert_eq!(numbers().await, [2, 4, 5]);
}

pub(crate) async fn grants_and_questions_are_bound_to_their_rows(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    for number in ["1", "2"] {
        let vector = NewVector {
            version: version(number),
            role: "policy".to_owned(),
            input: "{\"who\":\"Canaryname\"}".to_owned(),
            failure: "trapped".to_owned(),
        };
        let kept = store
            .keep_plugin_vector(&center_id(), &plugin(), &vector, moment(7))
            .await;
        kept.unwrap();
    }
    let problems = store.check_integrity().await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    // Read as a host reads it, a grant of another row does not open.
    step(&store, Step::Promote(version("2"))).await.unwrap();
    let mut stranger = ground.stranger().await;
    stranger
        .run(
            "UPDATE plugin_vectors SET input = (SELECT input FROM plugin_vectors WHERE number = 1)",
        )
        .await;
    assert!(store.plugin_vectors(&center_id(), &plugin()).await.is_err());
    stranger
        .run(
            "UPDATE plugin_versions SET grant_text = \
             (SELECT grant_text FROM plugin_versions WHERE version = '1')",
        )
        .await;
    assert!(store.plugins(&center_id()).await.is_err());
    let problems = store.check_integrity().await.unwrap();
    assert!(
        problems[0].text.contains("plugin_versions.grant_text"),
        "{problems:?}"
    );
}

pub(crate) async fn publishers_come_and_go(ground: &Place) {
    let store = furnished(ground).await;
    assert!(store.publishers(&center_id()).await.unwrap().is_empty());
    for name in ["zoe", "ada"] {
        store
            .add_publisher(&center_id(), &publisher(name))
            .await
            .unwrap();
    }
    store
        .add_publisher(&center_id(), &publisher("ada"))
        .await
        .unwrap_err();
    let all = store.publishers(&center_id()).await.unwrap();
    assert_eq!(all, [publisher("ada"), publisher("zoe")]);
    assert!(
        store
            .publishers(&"other".parse().unwrap())
            .await
            .unwrap()
            .is_empty()
    );
    let removed = async |name: &str, last: LastPublisher| {
        let center = center_id();
        store.remove_publisher(&center, name, last).await
    };
    removed("zoe", LastPublisher::Stays).await.unwrap();
    for last in [LastPublisher::Stays, LastPublisher::MayGo] {
        let missing = removed("zoe", last).await;
        assert!(
            matches!(&missing, Err(PublisherStays::Change(ChangeError::NotFound))),
            "{missing:?}"
        );
    }
    // Without the last, the center would ask for no signatures.
    let refused = removed("ada", LastPublisher::Stays).await;
    assert!(
        matches!(&refused, Err(PublisherStays::LastOne)),
        "{refused:?}"
    );
    let left = store.publishers(&center_id()).await.unwrap();
    assert_eq!(left, [publisher("ada")]);
    // Of two who remove the last two at once, one is refused.
    for _ in 0..5 {
        let zoe = store.add_publisher(&center_id(), &publisher("zoe")).await;
        zoe.unwrap();
        let removing = ["ada", "zoe"].map(|name| {
            let store = Arc::clone(&store);
            let stays = LastPublisher::Stays;
            tokio::spawn(async move { store.remove_publisher(&center_id(), name, stays).await })
        });
        let mut gone = 0;
        for one in removing {
            match one.await.unwrap() {
                Ok(()) => gone += 1,
                Err(refused) => {
                    assert!(matches!(refused, PublisherStays::LastOne), "{refused}");
                }
            }
        }
        assert_eq!(gone, 1);
        let left = store.publishers(&center_id()).await.unwrap();
        assert_eq!(left.len(), 1);
        if left[0].name == "zoe" {
            let ada = store.add_publisher(&center_id(), &publisher("ada")).await;
            ada.unwrap();
            removed("zoe", LastPublisher::Stays).await.unwrap();
        }
    }
    removed("ada", LastPublisher::MayGo).await.unwrap();
    assert!(store.publishers(&center_id()).await.unwrap().is_empty());
    let nowhere = "nowhere".parse().unwrap();
    let refused = store.add_publisher(&nowhere, &publisher("ada")).await;
    assert!(matches!(refused, Err(AddError::NotFound)), "{refused:?}");
}
