//! Versions are taken in, kept up to a number, and removed.

use std::sync::Arc;

use colophon_core::rollout::{RETIRED_KEPT, Share, Step, StepRefused, VersionState};
use colophon_receipt::CenterId;
use colophon_store::plugins::{HeldAgainst, NewVersion, StepError, VERSIONS_KEPT};

use super::{
    GRANT, Signed, back_from, furnished, kept, new, plugin, published, state, step, version,
};
use crate::place::{Place, moment};
use crate::samples::center_id;

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

pub(crate) async fn what_is_kept_is_listed_by_name_and_by_digest(ground: &Place) {
    let store = furnished(ground).await;
    assert!(store.plugin_digests().await.unwrap().is_empty());
    let other: CenterId = "other".parse().unwrap();
    for (at, plugin, number, byte) in [
        (&center_id(), "acme", "1", 1),
        (&center_id(), "acme", "2", 2),
        (&center_id(), "shelf", "1", 3),
        // The same component in another center is the same.
        (&other, "acme", "9", 1),
    ] {
        let version = NewVersion {
            sha256: [byte; 32],
            ..new(at, plugin, number)
        };
        let version = match store.kept_plugin(at, &version.plugin).await.unwrap() {
            None => version,
            Some(_) => NewVersion {
                grant: HeldAgainst::Grant(GRANT.to_owned()),
                ..version
            },
        };
        store.publish_plugin(&version, moment(1)).await.unwrap();
    }
    let digests = async || {
        let digests = store.plugin_digests().await.unwrap();
        let mut bytes: Vec<u8> = digests.iter().map(|sha256| sha256[0]).collect();
        bytes.sort_unstable();
        bytes
    };
    let kept = async |at: &CenterId| {
        let kept = store.kept_plugin_versions(at).await.unwrap();
        let mut names: Vec<String> = kept
            .iter()
            .map(|(plugin, version)| format!("{plugin} {version}"))
            .collect();
        names.sort_unstable();
        names
    };
    assert_eq!(digests().await, [1, 2, 3]);
    assert_eq!(kept(&center_id()).await, ["acme 1", "acme 2", "shelf 1"]);
    assert_eq!(kept(&other).await, ["acme 9"]);
    let (at, acme, second) = (center_id(), plugin(), version("2"));
    let removed = store.remove_plugin_version(&at, &acme, &second, moment(2));
    removed.await.unwrap();
    assert_eq!(digests().await, [1, 3]);
    store.remove_plugin(&at, &acme, moment(3)).await.unwrap();
    assert_eq!(digests().await, [1, 3], "another center has it");
    assert_eq!(kept(&center_id()).await, ["shelf 1"]);
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
            assert_eq!(super::asked(&store).await.len(), 1);
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
    assert!(store.kept_plugins(&other).await.unwrap().is_empty());
    let promoted = Step::Promote(version("1"));
    let refused = store
        .step_plugin(&other, &plugin(), &promoted, &Signed::All, moment(2))
        .await;
    assert!(matches!(refused, Err(StepError::NotFound)));
    store
        .publish_plugin(&new(&other, "acme", "1"), moment(3))
        .await
        .unwrap();
    store
        .step_plugin(&other, &plugin(), &promoted, &Signed::All, moment(4))
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
