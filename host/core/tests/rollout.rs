//! Every way that versions of a plug-in can go, step by step.

#![cfg(test)]

use std::collections::{BTreeSet, VecDeque};

use colophon_core::rollout::{
    PluginVersion, RETIRED_KEPT, Rollout, STEPS_BACK_APART, Share, Step, StepRefused, VersionState,
    Witnesses,
};
use colophon_core::time::Timestamp;

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

fn share() -> Share {
    Share::percent(10).unwrap()
}

fn rejected_by(text: &str, witnesses: Witnesses, at_ms: i64) -> Step {
    Step::Reject {
        version: version(text),
        reason: "it trapped".to_owned(),
        witnesses,
        at: Timestamp::from_unix_ms(at_ms),
    }
}

fn reject(text: &str) -> Step {
    rejected_by(text, Witnesses::Several, 0)
}

fn back_from(text: &str) -> Step {
    Step::Rollback {
        seen: Some(version(text)),
    }
}

/// Whoever goes back has seen what is asked now.
fn gone_back(now: &Rollout) -> Result<Rollout, StepRefused> {
    let seen = now.foremost().cloned();
    now.after(&Step::Rollback { seen })
}

fn steps() -> Vec<Step> {
    let mut steps = vec![Step::Rollback { seen: None }, Step::Withdraw];
    for text in ["1", "2", "3"] {
        steps.push(Step::Publish(version(text)));
        steps.push(Step::Promote(version(text)));
        steps.push(Step::PromoteNext(version(text)));
        steps.push(Step::Canary(version(text), share()));
        steps.push(back_from(text));
        steps.push(reject(text));
        steps.push(rejected_by(text, Witnesses::One, 0));
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
        | VersionState::Shelved
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
    if let Step::PromoteNext(version) = step {
        let was = before.state(version);
        let waited = matches!(was, Some(VersionState::Published | VersionState::Canary(_)));
        assert!(waited, "{}", told());
    }
    if let Step::Reject { witnesses, .. } = step
        && *witnesses == Witnesses::One
    {
        assert_eq!(before.active(), after.active(), "{}", told());
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
                | VersionState::Shelved
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
        now = gone_back(&now).unwrap();
        assert_eq!(now.active(), Some(&version(expected)));
    }
    assert_eq!(gone_back(&now), Err(StepRefused::NothingBefore));
    // What was gone back from may be promoted again, by whoever names it.
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
    let ended = gone_back(&now).unwrap();
    assert_eq!(
        (ended.active(), ended.canary()),
        (Some(&version("1")), None)
    );
    assert_eq!(ended.state(&version("2")), Some(&VersionState::Shelved));
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

/// Versions 1, 2 and 3, promoted one after the other.
fn three() -> Rollout {
    let mut steps = published(&["1", "2", "3"]);
    steps.extend(["1", "2", "3"].map(|text| Step::Promote(version(text))));
    taken(&steps)
}

#[test]
fn of_two_who_go_back_from_the_same_version_one_does() {
    let once = three().after(&back_from("3")).unwrap();
    assert_eq!(once.active(), Some(&version("2")));
    let refused = once.after(&back_from("3")).unwrap_err();
    let expected = StepRefused::Changed {
        now: Some(version("2")),
        seen: Some(version("3")),
    };
    assert_eq!(refused, expected);
    let told = refused.to_string();
    assert!(
        told.contains("3 was to be") && told.contains("2 is asked"),
        "{told}"
    );
    // Whoever has seen the active version does not end a trial begun since.
    let trial = once.after(&Step::Canary(version("1"), share())).unwrap();
    let refused = trial.after(&back_from("2")).unwrap_err();
    assert!(matches!(refused, StepRefused::Changed { .. }), "{refused}");
    // And whoever has seen that none is asked does not take back what is asked since.
    let nobody = Step::Rollback { seen: None };
    let back = once.after(&Step::Withdraw).unwrap().after(&nobody).unwrap();
    assert_eq!(back.active(), Some(&version("2")));
    assert!(back.after(&nobody).is_err());
}

#[test]
fn what_was_gone_back_from_comes_back_by_its_name_alone() {
    let back = three().after(&back_from("3")).unwrap();
    let unnamed = |text| Step::PromoteNext(version(text));
    for asked_before in ["3", "1"] {
        let refused = back.after(&unnamed(asked_before));
        let expected = StepRefused::AskedBefore(version(asked_before));
        assert_eq!(refused, Err(expected));
    }
    let again = back.after(&Step::Promote(version("3"))).unwrap();
    assert_eq!(again.active(), Some(&version("3")));
    let rejected = three().after(&reject("3")).unwrap();
    let refused = rejected.after(&unnamed("3")).unwrap_err();
    assert!(matches!(refused, StepRefused::Rejected { .. }), "{refused}");
    // A trial that was given up is no version that waits either; one under way is.
    let new = back.after(&Step::Publish(version("4"))).unwrap();
    let trial = new.after(&Step::Canary(version("4"), share())).unwrap();
    assert!(trial.after(&unnamed("4")).is_ok());
    let ended = gone_back(&trial).unwrap();
    assert!(ended.after(&unnamed("4")).is_err());
    assert!(new.after(&unnamed("4")).is_ok());
}

#[test]
fn one_witness_ends_a_trial_and_leaves_the_active_version() {
    let now = three().after(&Step::Publish(version("4"))).unwrap();
    let alone = |text| rejected_by(text, Witnesses::One, 0);
    assert_eq!(
        now.after(&alone("3")),
        Err(StepRefused::OneWitness(version("3")))
    );
    let trial = now.after(&Step::Canary(version("4"), share())).unwrap();
    let ended = trial.after(&alone("4")).unwrap();
    assert_eq!(
        (ended.active(), ended.canary()),
        (Some(&version("3")), None)
    );
    // Promoted meanwhile, it is not on trial any more.
    let promoted = trial.after(&Step::Promote(version("4"))).unwrap();
    assert!(promoted.after(&alone("4")).is_err());
    assert!(promoted.after(&reject("4")).is_ok());
}

#[test]
fn failures_do_not_go_through_the_older_versions() {
    let apart = i64::try_from(STEPS_BACK_APART.as_millis()).unwrap();
    let at = |text, ms| rejected_by(text, Witnesses::Several, ms);
    let now = three().after(&at("3", 1_000)).unwrap();
    assert_eq!(now.active(), Some(&version("2")));
    assert_eq!(now.stands_in_since(), Some(Timestamp::from_unix_ms(1_000)));
    for moment in [0, 1_001, 999 + apart] {
        let refused = now.after(&at("2", moment));
        assert_eq!(
            refused,
            Err(StepRefused::StandsIn(version("2"))),
            "{moment}"
        );
    }
    let much_later = now.after(&at("2", 1_000 + apart)).unwrap();
    assert_eq!(much_later.active(), Some(&version("1")));
    // A trial ends all the same, and changes nothing for the active version.
    let new = now.after(&Step::Publish(version("4"))).unwrap();
    let trial = new.after(&Step::Canary(version("4"), share())).unwrap();
    let ended = trial.after(&at("4", 2_000)).unwrap();
    assert!(ended.after(&at("2", 2_001)).is_err());
    // What an operator puts there may be gone back from at once.
    let promoted = new.after(&Step::Promote(version("4"))).unwrap();
    let back = promoted.after(&at("4", 2_000)).unwrap();
    assert_eq!(back.active(), Some(&version("2")));
    // Kept and read again, it is the same.
    let read = Rollout::of(
        now.versions()
            .map(|(one, state)| (one.clone(), state.clone())),
    );
    let read = read.unwrap().standing_in_since(now.stands_in_since());
    assert_eq!(read, now);
}

#[test]
fn what_does_not_fit_the_grant_does_not_come_back() {
    let narrow = |unfit: &[&str]| {
        let unfit = unfit.iter();
        let unfit = unfit.map(|text| (version(text), "the grant lacks 'kv'".to_owned()));
        three().with_unfit(unfit)
    };
    let now = narrow(&["2"]);
    assert_eq!(now.unfit(&version("2")), Some("the grant lacks 'kv'"));
    assert_eq!(now.previous(), Some(&version("1")));
    // Neither an operator nor a failure brings it back.
    let back = gone_back(&now).unwrap();
    assert_eq!(back.active(), Some(&version("1")));
    let failed = now.after(&reject("3")).unwrap();
    assert_eq!(failed.active(), Some(&version("1")));
    for step in [
        Step::Promote(version("2")),
        Step::PromoteNext(version("2")),
        Step::Canary(version("2"), share()),
    ] {
        let refused = now.after(&step).unwrap_err();
        assert!(matches!(refused, StepRefused::Unfit { .. }), "{refused}");
    }
    // With none left there is nothing before, and the active version stays.
    let none = narrow(&["1", "2"]);
    assert_eq!(gone_back(&none), Err(StepRefused::NothingBefore));
    assert_eq!(none.after(&reject("3")), Err(StepRefused::NothingBefore));
    // One that is asked is asked on, and gone for good once it is not.
    let own = narrow(&["3"]);
    assert_eq!(own.active(), Some(&version("3")));
    let new = own.after(&Step::Publish(version("4"))).unwrap();
    let promoted = new.after(&Step::Promote(version("4"))).unwrap();
    assert_eq!(promoted.previous(), Some(&version("2")));
    assert!(promoted.after(&Step::Promote(version("3"))).is_err());
    // Under a grant that they fit again, everything is as it was.
    assert_eq!(now.with_unfit([]), three());
    // A version that is not there cannot be unfit.
    assert_eq!(narrow(&["9"]), three());
}

#[test]
fn what_nobody_has_signed_does_not_come_back() {
    let signed_but = |unsigned: &[&str]| {
        let unsigned = unsigned.iter();
        let unsigned = unsigned.map(|text| (version(text), "it has no signature".to_owned()));
        three().with_unsigned(unsigned)
    };
    let now = signed_but(&["2"]);
    assert_eq!(now.previous(), Some(&version("1")));
    let back = gone_back(&now).unwrap();
    assert_eq!(back.active(), Some(&version("1")));
    let failed = now.after(&reject("3")).unwrap();
    assert_eq!(failed.active(), Some(&version("1")));
    for step in [
        Step::Promote(version("2")),
        Step::PromoteNext(version("2")),
        Step::Canary(version("2"), share()),
    ] {
        let refused = now.after(&step).unwrap_err();
        assert!(matches!(refused, StepRefused::Unsigned { .. }), "{refused}");
    }
    let none = signed_but(&["1", "2"]);
    assert_eq!(gone_back(&none), Err(StepRefused::NothingBefore));
    assert_eq!(none.after(&reject("3")), Err(StepRefused::NothingBefore));
    // A trial ends, and what is active stays, signed or not.
    let own = signed_but(&["3"]);
    let new = own.after(&Step::Publish(version("4"))).unwrap();
    let trial = new.after(&Step::Canary(version("4"), share())).unwrap();
    let ended = gone_back(&trial).unwrap();
    assert_eq!(ended.active(), Some(&version("3")));
    assert_eq!(now.with_unsigned([]), three());
    assert_eq!(signed_but(&["9"]), three());
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
    let back = gone_back(&withdrawn).unwrap();
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
