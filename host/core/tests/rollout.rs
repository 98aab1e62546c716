//! Every way that versions of a plug-in can go, step by step.

#![cfg(test)]

use std::collections::{BTreeSet, VecDeque};

use colophon_core::rollout::{
    PluginVersion, RETIRED_KEPT, Rollout, Share, Step, StepRefused, VersionState,
};

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

fn share() -> Share {
    Share::percent(10).unwrap()
}

fn reject(text: &str) -> Step {
    Step::Reject {
        version: version(text),
        reason: "it trapped".to_owned(),
    }
}

fn steps() -> Vec<Step> {
    let mut steps = vec![Step::Rollback, Step::Withdraw];
    for text in ["1", "2", "3"] {
        steps.push(Step::Publish(version(text)));
        steps.push(Step::Promote(version(text)));
        steps.push(Step::Canary(version(text), share()));
        steps.push(reject(text));
    }
    steps
}

fn taken(steps: &[Step]) -> Rollout {
    let begun = Rollout::default();
    steps
        .iter()
        .fold(begun, |now, step| now.after(step).unwrap())
}

fn published(texts: &[&str]) -> Vec<Step> {
    texts
        .iter()
        .map(|text| Step::Publish(version(text)))
        .collect()
}

/// What always holds between a state and the one that a step makes of it.
fn check(before: &Rollout, step: &Step, after: &Rollout) {
    let count = |wanted: fn(&VersionState) -> bool| {
        after.versions().filter(|(_, state)| wanted(state)).count()
    };
    let told = || format!("{before:?}\n{step:?}\n{after:?}");
    assert!(
        count(|state| *state == VersionState::Active) <= 1,
        "{}",
        told()
    );
    assert!(
        count(|state| matches!(state, VersionState::Canary(_))) <= 1,
        "{}",
        told()
    );
    let retired = after.versions().filter_map(|(_, state)| match state {
        VersionState::Retired { turn } => Some(*turn),
        VersionState::Published
        | VersionState::Canary(_)
        | VersionState::Active
        | VersionState::Rejected { .. } => None,
    });
    let turns: Vec<u32> = retired.collect();
    let different: BTreeSet<u32> = turns.iter().copied().collect();
    assert!(
        turns.len() <= RETIRED_KEPT && turns.len() == different.len(),
        "{}",
        told()
    );
    for (version, state) in before.versions() {
        if let VersionState::Rejected { .. } = state {
            assert_eq!(after.state(version), Some(state), "{}", told());
        }
    }
    let emptied = before.active().is_some() && after.active().is_none();
    assert!(!emptied || *step == Step::Withdraw, "{}", told());
}

#[test]
fn whatever_is_done_in_whatever_order_keeps_the_rules() {
    let mut seen = vec![Rollout::default()];
    let mut open = VecDeque::from(seen.clone());
    let mut tried = 0_u32;
    // Turns count up for ever, so states are told apart by what they come to.
    while let Some(now) = open.pop_front() {
        for step in steps() {
            tried += 1;
            let Ok(next) = now.after(&step) else { continue };
            check(&now, &step, &next);
            let high = next.versions().any(|(_, state)| match state {
                VersionState::Retired { turn } => *turn > 4,
                VersionState::Published
                | VersionState::Canary(_)
                | VersionState::Active
                | VersionState::Rejected { .. } => false,
            });
            if !high && !seen.contains(&next) {
                seen.push(next.clone());
                open.push_back(next);
            }
        }
    }
    assert!(
        seen.len() > 100 && tried > 1_000,
        "{} of {tried}",
        seen.len()
    );
}

#[test]
fn a_promoted_version_is_gone_back_from_one_by_one() {
    let mut steps = published(&["1", "2", "3"]);
    steps.extend(["1", "2", "3"].map(|text| Step::Promote(version(text))));
    let mut now = taken(&steps);
    for expected in ["2", "1"] {
        now = now.after(&Step::Rollback).unwrap();
        assert_eq!(now.active(), Some(&version(expected)));
    }
    assert_eq!(now.after(&Step::Rollback), Err(StepRefused::NothingBefore));
    // What was gone back from may be promoted again.
    let again = now.after(&Step::Promote(version("3"))).unwrap();
    assert_eq!(again.previous(), Some(&version("1")));
}

#[test]
fn a_canary_ends_before_anything_is_gone_back_from() {
    let mut steps = published(&["1", "2"]);
    steps.push(Step::Promote(version("1")));
    steps.push(Step::Canary(version("2"), share()));
    let now = taken(&steps);
    assert_eq!(now.canary(), Some((&version("2"), share())));
    let ended = now.after(&Step::Rollback).unwrap();
    assert_eq!(
        (ended.active(), ended.canary()),
        (Some(&version("1")), None)
    );
    let promoted = now.after(&Step::Promote(version("2"))).unwrap();
    assert_eq!(
        (promoted.active(), promoted.canary()),
        (Some(&version("2")), None)
    );
}

#[test]
fn a_version_that_fails_is_replaced_by_the_one_before_and_never_asked_again() {
    let mut steps = published(&["1", "2"]);
    steps.extend([Step::Promote(version("1")), Step::Promote(version("2"))]);
    let now = taken(&steps).after(&reject("2")).unwrap();
    assert_eq!(now.active(), Some(&version("1")));
    for step in [
        Step::Promote(version("2")),
        Step::Canary(version("2"), share()),
    ] {
        let refused = now.after(&step).unwrap_err();
        assert!(matches!(refused, StepRefused::Rejected { .. }), "{refused}");
    }
    // Another host has been quicker.
    assert_eq!(
        now.after(&reject("2")),
        Err(StepRefused::NotInUse(version("2")))
    );
    // There is nothing before the first, and a center does not lose its policy by a failure.
    assert_eq!(now.after(&reject("1")), Err(StepRefused::NothingBefore));
}

#[test]
fn what_is_not_there_or_there_already_is_refused() {
    let mut steps = published(&["1"]);
    steps.push(Step::Promote(version("1")));
    let now = taken(&steps);
    let refused = |step| now.after(&step).unwrap_err();
    assert_eq!(
        refused(Step::Promote(version("1"))),
        StepRefused::AlreadyActive(version("1"))
    );
    assert_eq!(
        refused(Step::Canary(version("1"), share())),
        StepRefused::AlreadyActive(version("1"))
    );
    assert_eq!(
        refused(Step::Promote(version("2"))),
        StepRefused::Unknown(version("2"))
    );
    assert_eq!(
        refused(Step::Publish(version("1"))),
        StepRefused::AlreadyPublished(version("1"))
    );
    let withdrawn = now.after(&Step::Withdraw).unwrap();
    assert_eq!(withdrawn.after(&Step::Withdraw), Err(StepRefused::NotAsked));
    let back = withdrawn.after(&Step::Rollback).unwrap();
    assert_eq!(back.active(), Some(&version("1")));
}

#[test]
fn the_oldest_retired_versions_are_forgotten() {
    let mut now = Rollout::default();
    for number in 0..=RETIRED_KEPT + 1 {
        let version = version(&format!("1.{number}"));
        now = now.after(&Step::Publish(version.clone())).unwrap();
        now = now.after(&Step::Promote(version)).unwrap();
    }
    assert_eq!(now.state(&version("1.0")), None);
    assert_eq!(
        now.state(&version("1.1")),
        Some(&VersionState::Retired { turn: 2 })
    );
    assert_eq!(now.versions().count(), RETIRED_KEPT + 1);
}

#[test]
fn two_active_versions_are_nobodys_state() {
    let both = [version("1"), version("2")].map(|version| (version, VersionState::Active));
    assert!(Rollout::of(both).is_err());
    let both = [version("1"), version("2")].map(|one| (one, VersionState::Canary(share())));
    assert!(Rollout::of(both).is_err());
}

#[test]
fn versions_are_plain() {
    for text in ["", "a b", "ä", "1/2", &"1".repeat(65)] {
        assert!(text.parse::<PluginVersion>().is_err(), "{text:?}");
    }
    for text in ["1", "1.4.0-rc.1+b_2", &"1".repeat(64)] {
        assert_eq!(version(text).as_str(), text);
    }
}
