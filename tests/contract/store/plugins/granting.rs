//! What versions may use: granted to those that fit, taken from those that do not.

use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::rollout::{Share, Step, StepRefused, VersionState};
use colophon_store::plugins::{
    Fit, GrantRefused, GrantTaken, Granted, HeldAgainst, NewVersion, StepError, UnfitAsked, Verdict,
};
use colophon_store::store::Store;

use super::{
    GRANT, asked, back_from, furnished, kept, new, plugin, published, rejected, state, step,
    version,
};
use crate::place::{Place, moment};
use crate::samples::center_id;

const NARROW: &str = "plugin = \"acme\"";
const OTHER: &str = "plugin = \"acme\"\nlog = true";

/// Versions with what does not fit, as they are in the database now.
async fn verdicts(store: &Store, versions: &[(&str, Option<&str>)]) -> Vec<Verdict> {
    let kept = store.kept_plugin(&center_id(), &plugin()).await.unwrap();
    let verdicts = versions.iter().map(|(number, unfit)| {
        let version = version(number);
        let kept = kept.as_ref().and_then(|kept| kept.version(&version));
        Verdict {
            published_at: kept.map_or(moment(0), |kept| kept.published_at),
            fit: unfit.map_or(Fit::Fits, |reason| Fit::Unfit {
                reason: reason.to_owned(),
            }),
            version,
        }
    });
    verdicts.collect()
}

/// Grants, where versions that are asked have to fit.
pub(super) async fn granted(
    store: &Store,
    text: &str,
    versions: &[(&str, Option<&str>)],
) -> Result<GrantTaken, GrantRefused> {
    let verdicts = verdicts(store, versions).await;
    grant(store, text, &verdicts, UnfitAsked::Refused).await
}

async fn grant(
    store: &Store,
    text: &str,
    verdicts: &[Verdict],
    unfit: UnfitAsked,
) -> Result<GrantTaken, GrantRefused> {
    let granted = Granted {
        text,
        verdicts,
        unfit,
    };
    store
        .grant_plugin(&center_id(), &plugin(), granted, moment(70))
        .await
}

/// Grants for the next version: what is asked keeps what it has.
async fn for_the_next(
    store: &Store,
    text: &str,
    versions: &[(&str, Option<&str>)],
) -> Result<GrantTaken, GrantRefused> {
    let verdicts = verdicts(store, versions).await;
    grant(store, text, &verdicts, UnfitAsked::KeepTheirs).await
}

/// Which versions have a grant of their own in the database.
async fn with_a_grant(ground: &Place) -> Vec<String> {
    let sql = "SELECT version FROM plugin_versions WHERE grant_text IS NOT NULL ORDER BY version";
    ground.stranger().await.texts(sql).await
}

fn own(number: &str, grant: &str) -> (String, String) {
    (number.to_owned(), grant.to_owned())
}

/// The refusal of a version that does not fit.
fn is_unfit(refused: &Result<(), StepError>, number: &str) -> bool {
    matches!(
        refused,
        Err(StepError::Refused(StepRefused::Unfit { version, .. })) if version.as_str() == number
    )
}

pub(crate) async fn a_grant_holds_for_all_versions_that_fit(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3"]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    step(&store, Step::Promote(version("2"))).await.unwrap();
    let taken = granted(
        &store,
        OTHER,
        &[("1", None), ("2", None), ("3", Some("no"))],
    )
    .await;
    let taken = taken.unwrap();
    assert_eq!(taken.fit, [version("1"), version("2")]);
    assert_eq!(taken.unfit, [(version("3"), "no".to_owned())]);
    assert!(taken.keeping.is_empty());
    assert_eq!(kept(&store).await.grant, OTHER);
    assert_eq!(asked(&store).await, [own("2", OTHER)]);
    step(&store, back_from("2")).await.unwrap();
    assert_eq!(asked(&store).await, [own("1", OTHER)]);
    let history = store
        .plugin_history(&center_id(), &plugin(), 2)
        .await
        .unwrap();
    assert_eq!(history[1].step, "grant");
    assert_eq!(
        history[1].reason.as_deref(),
        Some("not to be asked any more: 3")
    );
    // A grant may be there before the plug-in.
    let early = Name::parse("early").unwrap();
    let first = Granted {
        text: "plugin = \"early\"",
        verdicts: &[],
        unfit: UnfitAsked::Refused,
    };
    let taken = store
        .grant_plugin(&center_id(), &early, first, moment(9))
        .await;
    assert_eq!(taken.unwrap(), GrantTaken::default());
    let kept = store.kept_plugin(&center_id(), &early).await.unwrap();
    let kept = kept.unwrap();
    assert_eq!(kept.grant, first.text);
    assert!(kept.versions.is_empty());
    let nowhere = "nowhere".parse().unwrap();
    let refused = store.grant_plugin(&nowhere, &early, first, moment(9)).await;
    assert!(
        matches!(refused, Err(GrantRefused::Step(StepError::NotFound))),
        "{refused:?}"
    );
}

pub(crate) async fn a_version_that_does_not_fit_comes_back_by_no_way(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3", "4"]).await;
    for number in ["1", "2", "3"] {
        step(&store, Step::Promote(version(number))).await.unwrap();
    }
    step(&store, back_from("3")).await.unwrap();
    // Retired, shelved and published: neither keeps the wider grant.
    let narrowed = [
        ("1", Some("asks for log")),
        ("2", None),
        ("3", Some("asks for log")),
        ("4", Some("asks for log")),
    ];
    granted(&store, NARROW, &narrowed).await.unwrap();
    assert_eq!(with_a_grant(ground).await, ["2"]);
    let share = Share::percent(5).unwrap();
    for number in ["1", "3", "4"] {
        for taken in [
            Step::Promote(version(number)),
            Step::PromoteNext(version(number)),
            Step::Canary(version(number), share),
        ] {
            let refused = step(&store, taken).await;
            assert!(is_unfit(&refused, number), "{number}: {refused:?}");
        }
    }
    for taken in [back_from("2"), rejected(&version("2"), "it traps", 80)] {
        let refused = step(&store, taken).await;
        assert!(
            matches!(refused, Err(StepError::Refused(StepRefused::NothingBefore))),
            "{refused:?}"
        );
    }
    assert_eq!(asked(&store).await, [own("2", NARROW)]);
    let one = kept(&store).await;
    let one = one.version(&version("1")).unwrap();
    assert_eq!(one.unfit.as_deref(), Some("asks for log"));
    assert_eq!(one.state, VersionState::Retired { turn: 1 });
    // Under a grant that it fits again, everything is as it was.
    let widened = [("1", None), ("2", None), ("3", None), ("4", Some("no"))];
    granted(&store, OTHER, &widened).await.unwrap();
    assert_eq!(with_a_grant(ground).await, ["1", "2", "3"]);
    step(&store, back_from("2")).await.unwrap();
    assert_eq!(asked(&store).await, [own("1", OTHER)]);
    let problems = store.check_integrity().await.unwrap();
    assert!(problems.is_empty(), "{problems:?}");
}

pub(crate) async fn what_is_asked_keeps_an_earlier_grant_only_by_choice(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2", "3"]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    let share = Share::percent(5).unwrap();
    step(&store, Step::Canary(version("2"), share))
        .await
        .unwrap();
    for (unfit, fits) in [("1", "2"), ("2", "1")] {
        let verdicts = [(unfit, Some("no")), (fits, None), ("3", None)];
        let refused = granted(&store, NARROW, &verdicts).await;
        assert!(
            matches!(
                &refused,
                Err(GrantRefused::AskedUnfit { version, reason })
                    if version.as_str() == unfit && reason == "no"
            ),
            "{refused:?}"
        );
        // The grant was not taken for the others either.
        assert_eq!(kept(&store).await.grant, GRANT);
        assert_eq!(asked(&store).await, [own("1", GRANT), own("2", GRANT)]);
    }
    let unfit = [("1", Some("no")), ("2", Some("no")), ("3", None)];
    let taken = for_the_next(&store, NARROW, &unfit).await.unwrap();
    let kept_theirs = ["1", "2"].map(|number| (version(number), "no".to_owned()));
    assert_eq!(taken.keeping, kept_theirs);
    assert_eq!(asked(&store).await, [own("1", GRANT), own("2", GRANT)]);
    // Nothing more is made of the trial.
    let refused = step(&store, Step::Promote(version("2"))).await;
    assert!(is_unfit(&refused, "2"), "{refused:?}");
    // As soon as another takes their place they have no grant, and are not gone back to.
    step(&store, Step::Promote(version("3"))).await.unwrap();
    assert_eq!(with_a_grant(ground).await, ["3"]);
    assert_eq!(asked(&store).await, [own("3", NARROW)]);
    step(&store, back_from("3")).await.unwrap_err();
    assert_eq!(state(&store, "3").await, Some(VersionState::Active));
    // The next grant is one for those that were left out, too.
    granted(&store, OTHER, &[("1", None), ("2", None), ("3", None)])
        .await
        .unwrap();
    step(&store, back_from("3")).await.unwrap();
    assert_eq!(asked(&store).await, [own("1", OTHER)]);
}

pub(crate) async fn a_rejected_version_has_no_grant(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1", "2"]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    step(&store, Step::Promote(version("2"))).await.unwrap();
    step(&store, rejected(&version("2"), "it traps", 60))
        .await
        .unwrap();
    assert_eq!(with_a_grant(ground).await, ["1"]);
    // It is none of those that a grant has to say anything of.
    granted(&store, OTHER, &[("1", None)]).await.unwrap();
    assert_eq!(with_a_grant(ground).await, ["1"]);
}

pub(crate) async fn a_grant_is_decided_on_the_versions_that_are_there(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let before = verdicts(&store, &[("1", None)]).await;
    published(&store, &["2"]).await;
    let refused = grant(&store, OTHER, &before, UnfitAsked::Refused).await;
    assert!(
        matches!(&refused, Err(GrantRefused::VersionsChanged(version)) if version.as_str() == "2"),
        "{refused:?}"
    );
    assert_eq!(kept(&store).await.grant, GRANT);
    // Another version of the same name has not been looked at either.
    let before = verdicts(&store, &[("1", None), ("2", None)]).await;
    let gone = store
        .remove_plugin_version(&center_id(), &plugin(), &version("2"), moment(8))
        .await;
    gone.unwrap();
    let again = new(&center_id(), "acme", "2");
    store.publish_plugin(&again, moment(9)).await.unwrap();
    let refused = grant(&store, OTHER, &before, UnfitAsked::Refused).await;
    assert!(
        matches!(&refused, Err(GrantRefused::VersionsChanged(version)) if version.as_str() == "2"),
        "{refused:?}"
    );
    // Promoted since it was looked at, a version that does not fit is one that is asked.
    let before = verdicts(&store, &[("1", Some("no")), ("2", None)]).await;
    step(&store, Step::Promote(version("1"))).await.unwrap();
    let refused = grant(&store, OTHER, &before, UnfitAsked::Refused).await;
    assert!(
        matches!(&refused, Err(GrantRefused::AskedUnfit { version, .. }) if version.as_str() == "1"),
        "{refused:?}"
    );
    assert_eq!(asked(&store).await, [own("1", GRANT)]);
}

pub(crate) async fn a_version_is_published_under_the_grant_it_was_held_against(ground: &Place) {
    let store = furnished(ground).await;
    published(&store, &["1"]).await;
    let next = |number: &str, grant: HeldAgainst| NewVersion {
        grant,
        ..new(&center_id(), "acme", number)
    };
    let read = kept(&store).await.grant;
    granted(&store, NARROW, &[("1", None)]).await.unwrap();
    for held in [
        HeldAgainst::Grant(read),
        HeldAgainst::Nothing(GRANT.to_owned()),
    ] {
        let refused = store.publish_plugin(&next("2", held), moment(9)).await;
        assert!(
            matches!(refused, Err(StepError::GrantChanged)),
            "{refused:?}"
        );
    }
    assert_eq!(state(&store, "2").await, None);
    let current = HeldAgainst::Grant(NARROW.to_owned());
    store
        .publish_plugin(&next("2", current.clone()), moment(9))
        .await
        .unwrap();
    step(&store, Step::Promote(version("2"))).await.unwrap();
    assert_eq!(asked(&store).await, [own("2", NARROW)]);
    // What was removed with its grant does not come back with a version held against it before.
    step(&store, Step::Withdraw).await.unwrap();
    store
        .remove_plugin(&center_id(), &plugin(), moment(9))
        .await
        .unwrap();
    let refused = store.publish_plugin(&next("3", current), moment(9)).await;
    assert!(
        matches!(refused, Err(StepError::GrantChanged)),
        "{refused:?}"
    );
    assert!(store.kept_plugins(&center_id()).await.unwrap().is_empty());

    // Of those who publish while another narrows the grant, nobody gets in with the wider one.
    published(&store, &["1"]).await;
    let publishing = ["4", "5", "6"].map(|number| {
        let (store, new) = (
            Arc::clone(&store),
            next(number, HeldAgainst::Grant(GRANT.to_owned())),
        );
        tokio::spawn(async move { store.publish_plugin(&new, moment(10)).await.is_ok() })
    });
    let narrowed = granted(&store, NARROW, &[("1", None)]).await;
    let mut came = 0;
    for one in publishing {
        came += usize::from(one.await.unwrap());
    }
    match narrowed {
        Ok(_) => assert_eq!(
            came, 0,
            "after a grant nobody comes who was held against another"
        ),
        Err(refused) => {
            assert!(
                matches!(refused, GrantRefused::VersionsChanged(_)),
                "{refused}"
            );
            assert_eq!(kept(&store).await.grant, GRANT);
        }
    }
}
