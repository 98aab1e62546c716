//! Plug-ins of centers: published, granted, promoted and gone back from, by several at once.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::change::{ChangeLog, ChangedRecord};
use colophon_core::rollout::{
    PluginVersion, RETIRED_KEPT, STEPS_BACK_APART, Share, Step, StepRefused, VersionState,
    Witnesses,
};
use colophon_receipt::CenterId;
use colophon_store::plugins::{Granted, NewVector, NewVersion, Publisher, StepError, VECTORS_KEPT};
use colophon_store::store::Store;

use crate::place::{Place, moment};
use crate::samples::{center, center_id, furnish};

fn plugin() -> Name {
    Name::parse("acme").unwrap()
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

fn new(at: &CenterId, name: &str, number: &str) -> NewVersion {
    NewVersion {
        center: at.clone(),
        plugin: Name::parse(name).unwrap(),
        version: version(number),
        sha256: [9; 32],
        component: format!("component of {number}").into_bytes(),
        manifest: format!("version = \"{number}\"\n"),
        cases: "[]".to_owned(),
        grant: "plugin = \"acme\" # ä".to_owned(),
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

async fn state(store: &Store, number: &str) -> Option<VersionState> {
    let record = store
        .plugin_of(&center_id(), &plugin())
        .await
        .unwrap()
        .unwrap();
    record
        .version(&version(number))
        .map(|one| one.state.clone())
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
    let all = store.plugins(&center_id()).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].id.as_str(), all[0].position), ("acme", 1));
    assert_eq!(all[0].grant, signed.grant);
    let found = &all[0].versions[0];
    assert_eq!(found.version, signed.version);
    assert_eq!((found.sha256, found.bytes), (signed.sha256, 3));
    assert_eq!(found.manifest, signed.manifest);
    assert_eq!(found.grant, signed.grant);
    assert_eq!(found.signature, signed.signature);
    assert_eq!(found.state, VersionState::Published);
    assert_eq!(
        (found.published_at, found.changed_at),
        (moment(5), moment(5))
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
    assert_eq!(history.len(), 1);
    assert_eq!(
        (history[0].step.as_str(), history[0].at),
        ("publish", moment(5))
    );

    store.remove_plugin(&center_id(), &plugin()).await.unwrap();
    assert!(store.plugins(&center_id()).await.unwrap().is_empty());
    let left = "SELECT COUNT(*) FROM plugin_components";
    assert_eq!(ground.stranger().await.numbers(left).await, [0]);
    assert!(store.remove_plugin(&center_id(), &plugin()).await.is_err());
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
    let granted = Granted {
        text: "plugin = \"acme\"",
        versions: &[],
    };
    let done = store
        .grant_plugin(&center_id(), &plugin(), granted, moment(60))
        .await;
    done.unwrap();
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
        let record = store
            .plugin_of(&center_id(), &plugin())
            .await
            .unwrap()
            .unwrap();
        let rollout = record.rollout().unwrap();
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
    let record = store
        .plugin_of(&center_id(), &plugin())
        .await
        .unwrap()
        .unwrap();
    let rollout = record.rollout().unwrap();
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

pub(crate) async fn a_grant_holds_for_the_versions_it_was_given_to(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    let wider = Granted {
        text: "plugin = \"acme\"\nlog = true",
        versions: &[version("2")],
    };
    store
        .grant_plugin(&center_id(), &plugin(), wider, moment(9))
        .await
        .unwrap();
    let record = store
        .plugin_of(&center_id(), &plugin())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.grant, wider.text);
    assert_eq!(record.version(&version("2")).unwrap().grant, wider.text);
    let first = new(&center_id(), "acme", "1");
    assert_eq!(record.version(&version("1")).unwrap().grant, first.grant);
    // One that is not there undoes the whole.
    let wrong = Granted {
        text: "plugin = \"acme\"\ncatalog = true",
        versions: &[version("7")],
    };
    let refused = store
        .grant_plugin(&center_id(), &plugin(), wrong, moment(9))
        .await;
    refused.unwrap_err();
    let record = store
        .plugin_of(&center_id(), &plugin())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.grant, wider.text);
    // A grant may be there before the plug-in.
    let early = Name::parse("early").unwrap();
    let granted = Granted {
        text: "plugin = \"early\"",
        versions: &[],
    };
    store
        .grant_plugin(&center_id(), &early, granted, moment(9))
        .await
        .unwrap();
    let record = store
        .plugin_of(&center_id(), &early)
        .await
        .unwrap()
        .unwrap();
    assert!(record.versions.is_empty());
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
        let plugins = store.plugins(&center_id()).await.unwrap();
        plugins
            .iter()
            .map(|one| one.id.as_str().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(order().await, ["zebra", "acme", "mule"]);
    let mule = Name::parse("mule").unwrap();
    store
        .order_plugins(&center_id(), &[mule, plugin()], moment(2))
        .await
        .unwrap();
    assert_eq!(order().await, ["mule", "acme", "zebra"]);
    let unknown = [plugin(), Name::parse("nobody").unwrap()];
    store
        .order_plugins(&center_id(), &unknown, moment(3))
        .await
        .unwrap_err();
    assert_eq!(order().await, ["mule", "acme", "zebra"]);
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

pub(crate) async fn centers_do_not_see_each_others_plug_ins(ground: &Place) {
    let store = furnished(ground).await;
    let other: CenterId = "other".parse().unwrap();
    published(&store, &["1"]).await;
    assert!(store.plugins(&other).await.unwrap().is_empty());
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
    store.remove_publisher(&center_id(), "zoe").await.unwrap();
    store
        .remove_publisher(&center_id(), "zoe")
        .await
        .unwrap_err();
    assert_eq!(
        store.publishers(&center_id()).await.unwrap(),
        [publisher("ada")]
    );
}
