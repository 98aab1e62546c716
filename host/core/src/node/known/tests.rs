use super::*;

fn node(number: u8) -> NodeRecord {
    NodeRecord {
        node: NodeId::from_bytes([number; 16]),
        run: RunId::from_bytes([number; 16]),
        place: format!("place-{number}"),
        name: format!("host-{number}"),
        roles: vec!["download".to_owned()],
        version: "1.0.0".to_owned(),
        address: None,
        said: Said::Serving,
        started_at: Timestamp::from_unix_ms(0),
        seen_at: Timestamp::from_unix_ms(1_000_000),
        asked_at: Timestamp::from_unix_ms(1_003_000),
        silent_after: Duration::from_secs(20),
        followed: Some(FollowedTo {
            position: ChangePosition {
                epoch: 1,
                number: 7,
            },
            missed: Missed::Nothing,
        }),
        lease_left: Duration::from_secs(5),
        rows_waiting: 0,
        clock_ahead_ms: Some(20),
    }
}

fn missing(missed: Missed) -> NodeRecord {
    let mut one = node(1);
    if let Some(followed) = &mut one.followed {
        followed.missed = missed;
    }
    one
}

/// The troubles of one node among itself.
#[track_caller]
fn check(one: &NodeRecord, expected: &[Trouble]) {
    let nodes = [one.clone()];
    let found = troubles(&nodes);
    let found: Vec<Trouble> = found
        .into_iter()
        .flat_map(|(_, troubles)| troubles)
        .collect();
    assert_eq!(found, expected, "{one:?}");
}

fn seen_ago(said: Said, ms: i64) -> NodeRecord {
    let seen_at = Timestamp::from_unix_ms(1_003_000 - ms);
    NodeRecord {
        said,
        seen_at,
        ..node(1)
    }
}

#[test]
fn a_node_is_there_as_long_as_it_says_so() {
    let presence = |said, ms| seen_ago(said, ms).presence();
    assert_eq!(presence(Said::Serving, 19_999), Presence::Serving);
    assert_eq!(presence(Said::Draining, 19_999), Presence::Draining);
    let silent = Presence::Silent { ago_ms: 20_000 };
    assert_eq!(presence(Said::Serving, 20_000), silent);
    assert_eq!(presence(Said::Draining, 20_000), silent);
    let gone = Presence::Gone { ago_ms: 90_000 };
    assert_eq!(presence(Said::Gone, 90_000), gone);
    // The database's clock was put back by an hour.
    assert_eq!(presence(Said::Serving, -3_600_000), Presence::Serving);
    assert_eq!(seen_ago(Said::Serving, -3_600_000).seen_ago_ms(), 0);
}

#[test]
fn one_that_ended_as_it_should_is_no_trouble_and_a_silent_one_is() {
    check(&node(1), &[]);
    check(&seen_ago(Said::Gone, 90_000), &[]);
    let silent = Trouble::Silent { ago_ms: 90_000 };
    check(&seen_ago(Said::Serving, 90_000), &[silent]);
}

#[test]
fn what_is_being_read_right_now_is_no_lag() {
    let behind = |oldest_ms| Missed::Changes {
        count: 3,
        oldest_ms,
    };
    check(&missing(behind(LAG_MS - 1)), &[]);
    let trouble = Trouble::Behind {
        count: 3,
        oldest_ms: LAG_MS,
    };
    check(&missing(behind(LAG_MS)), &[trouble]);
    check(&missing(Missed::AnotherHistory), &[Trouble::AnotherHistory]);
}

#[test]
fn one_that_drains_need_not_follow() {
    let mut one = missing(Missed::AnotherHistory);
    one.lease_left = Duration::ZERO;
    check(&one, &[Trouble::AnotherHistory, Trouble::LeaseLost]);
    one.said = Said::Draining;
    check(&one, &[]);
}

#[test]
fn a_clock_is_told_of_that_receipts_would_mind() {
    let ahead = |ms| NodeRecord {
        clock_ahead_ms: Some(ms),
        ..node(1)
    };
    check(&ahead(59_999), &[]);
    check(&ahead(60_000), &[Trouble::ClockOff { ahead_ms: 60_000 }]);
    let behind = Trouble::ClockOff {
        ahead_ms: -10_800_000,
    };
    check(&ahead(-10_800_000), &[behind]);
    assert_eq!(behind.to_string(), "clock 3 h behind");
}

#[test]
fn two_processes_under_one_identity_are_both_named() {
    let copy = NodeRecord {
        run: RunId::from_bytes([9; 16]),
        place: "elsewhere".to_owned(),
        ..node(1)
    };
    let nodes = [node(1), node(2), copy.clone()];
    let found = troubles(&nodes);
    assert_eq!(
        found,
        [
            (&nodes[0], vec![Trouble::Copied]),
            (&nodes[2], vec![Trouble::Copied])
        ]
    );
    // The other one has ended, one way or the other.
    for copy in [
        NodeRecord {
            said: Said::Gone,
            ..copy.clone()
        },
        NodeRecord {
            seen_at: Timestamp::from_unix_ms(0),
            ..copy
        },
    ] {
        let nodes = [node(1), copy];
        let copied = troubles(&nodes).into_iter();
        let copied = copied.filter(|(_, found)| found.contains(&Trouble::Copied));
        assert_eq!(copied.count(), 0);
    }
}

#[test]
fn a_host_that_takes_over_from_another_is_no_copy() {
    let next = NodeRecord {
        run: RunId::from_bytes([9; 16]),
        ..node(1)
    };
    assert_eq!(troubles(&[node(1), next.clone()]), []);
    // The one before was killed instead of stopped.
    assert_eq!(troubles(&[seen_ago(Said::Serving, 90_000), next]), []);
}

#[test]
fn durations_are_told_in_units_of_which_there_are_some() {
    let cases = [
        (0, "0 s"),
        (3_999, "3 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (7_199_000, "119 min"),
        (7_200_000, "2 h"),
        (172_799_000, "47 h"),
        (172_800_000, "2 days"),
    ];
    for (ms, told) in cases {
        assert_eq!(Lasting(ms).to_string(), told);
    }
}
