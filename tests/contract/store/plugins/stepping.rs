//! Steps with versions and with the order of plug-ins, by several at once.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::change::{ChangeLog, ChangedRecord};
use colophon_core::rollout::{
    PluginVersion, STEPS_BACK_APART, Share, Step, StepRefused, VersionState,
};
use colophon_store::failure::ChangeError;
use colophon_store::plugins::{HISTORY_KEPT, NewVector, StepError};

use super::{
    GRANT, Signed, back_from, furnished, kept, new, plugin, published, publisher, rejected, state,
    step, version,
};
use crate::place::{Place, moment};
use crate::samples::center_id;

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
    super::granting::granted(&store, GRANT, &[("1", None), ("2", None)])
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
        let signatures = Signed::All;
        let stepped = store.step_plugin(&center, &plugin, step, &signatures, moment(at));
        stepped.await
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
            .step_plugin(&center, &name, &promoted, &Signed::All, moment(2))
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
                match store
                    .step_plugin(&center, &name, &promoted, &Signed::All, now)
                    .await
                {
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

pub(crate) async fn the_history_is_kept_up_to_a_number_of_lines(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let other = new(&center_id(), "other", "1");
    store.publish_plugin(&other, moment(1)).await.unwrap();
    let lines = i64::from(HISTORY_KEPT);
    for at in 0..=lines / 2 {
        for taken in [Step::Promote(version("1")), Step::Withdraw] {
            let taken = store
                .step_plugin(
                    &center_id(),
                    &plugin(),
                    &taken,
                    &Signed::All,
                    moment(100 + at),
                )
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
