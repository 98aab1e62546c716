use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::bindings::{common, policy, resolver};

fn context() -> common::Context {
    common::Context {
        request_id: "r".to_owned(),
        now_ms: 1_800_000_000_000,
        center: "main".to_owned(),
        retailer: "shop".to_owned(),
        territory: None,
        extra: vec![
            ("b".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ],
    }
}

fn naming(name: &str, answer: &str, fuel: u64) -> Turn {
    Turn {
        input: Input::Naming {
            context: Arc::new(context()),
            facts: Arc::new(vec![("title".to_owned(), name.to_owned())]),
        },
        calls: vec![value(name, answer.as_bytes())],
        output: Some(Output::Naming(Ok("name".to_owned()))),
        failure: None,
        fuel,
        lacks: None,
    }
}

fn value(key: &str, value: &[u8]) -> RecordedCall {
    RecordedCall {
        call: Call::KvGet(key.to_owned()),
        reply: Reply::Value(Ok(Some(Bytes::of(value)))),
        host_failed: false,
    }
}

fn record(decision: Turn) -> Record {
    Record {
        limits: Limits::default(),
        reused: false,
        start: Vec::new(),
        before: vec![Arc::new(naming("before", "{}", 1))],
        decision: Arc::new(decision),
    }
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(
        name in ".{0,40}", answer in ".{0,40}", fuel in any::<u64>(), memory in 0..=256_usize << 20,
    ) {
        let mut written = record(naming(&name, &answer, fuel));
        written.limits.memory_bytes = memory;
        let bytes = written.to_bytes();
        let read = Record::parse(&bytes).expect("a record");
        prop_assert_eq!(&read, &written);
        prop_assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn whatever_is_read_is_a_record_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Record::parse(&bytes).is_err());
    }

    #[test]
    fn a_changed_byte_is_another_record_or_none(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let written = record(naming("n", "a", 7));
        let mut bytes = written.to_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(read) = Record::parse(&bytes) {
            prop_assert!(read != written);
        }
    }
}

#[test]
fn a_record_of_a_later_format_says_so() {
    let text = String::from_utf8(record(naming("n", "a", 7)).to_bytes()).expect("text");
    let later = text.replace("{\"format\":2", "{\"format\":4");
    let refused = Record::parse(later.as_bytes()).expect_err("unknown");
    assert!(matches!(refused, MalformedRecord::Format(4)), "{refused}");
}

/// A release that knows no starts refuses a record with one as what it is, one of a later format, and
/// reads all others.
#[test]
fn what_a_start_asked_is_told_by_the_format() {
    let reused = |start: Vec<RecordedCall>| Record {
        reused: true,
        start,
        ..record(naming("n", "a", 7))
    };
    for (record, format) in [
        (record(naming("n", "a", 7)), 2),
        (reused(Vec::new()), 2),
        (reused(vec![value("zone", b"EU")]), 3),
    ] {
        let text = String::from_utf8(record.to_bytes()).expect("text");
        let begins = format!("{{\"format\":{format},");
        assert!(text.starts_with(&begins), "{text}");
        assert_eq!(Record::parse(text.as_bytes()).expect("a record"), record);
        let other = text.replacen(&begins, &format!("{{\"format\":{},", 5 - format), 1);
        let refused = Record::parse(other.as_bytes()).expect_err("another format");
        let impossible = matches!(refused, MalformedRecord::Impossible(_));
        assert!(impossible, "{refused}");
    }
}

#[test]
fn what_cannot_have_been_is_refused() {
    let mut strange = naming("n", "a", 7);
    strange.calls[0].reply = Reply::Setting(None);
    let mut silent = naming("n", "a", 7);
    silent.output = None;
    let mut blank = naming("n", "a", 7);
    blank.output = Some(Output::Naming(Ok(String::new())));
    let mut elsewhere = naming("n", "a", 7);
    elsewhere.output = Some(Output::Resolver(Ok(resolver::Answer::NotMine)));
    let mut unheard_of = Turn::not_put(naming("n", "a", 7).input, &PluginFailure::OutOfFuel);
    unheard_of.failure.as_mut().expect("a failure").kind = "moody".to_owned();
    for wrong in [strange, silent, blank, elsewhere, unheard_of] {
        let bytes = record(wrong).to_bytes();
        let refused = Record::parse(&bytes).expect_err("impossible");
        assert!(
            matches!(refused, MalformedRecord::Impossible(_)),
            "{refused}"
        );
    }
    let text = String::from_utf8(record(naming("n", "a", 7)).to_bytes()).expect("text");
    let stolen = text.replace("kv.get", "kv.steal");
    let refused = Record::parse(stolen.as_bytes()).expect_err("no such function");
    assert!(matches!(refused, MalformedRecord::Syntax(_)), "{refused}");
}

#[test]
fn limits_that_nobody_is_granted_are_refused() {
    let granted = Limits::default();
    let beyond = |time: u64| Duration::from_secs(time);
    for limits in [
        Limits {
            deadline: beyond(u64::MAX / 1000),
            ..granted
        },
        Limits {
            host_call_timeout: beyond(11),
            ..granted
        },
        Limits {
            memory_bytes: (256 << 20) + 1,
            ..granted
        },
        Limits {
            table_elements: granted.table_elements + 1,
            ..granted
        },
        Limits {
            handover_bytes: usize::MAX,
            ..granted
        },
        Limits {
            host_calls: 1025,
            ..granted
        },
        Limits {
            fuel: u64::MAX,
            ..granted
        },
    ] {
        let mut record = record(naming("n", "a", 7));
        record.limits = limits;
        let refused = Record::parse(&record.to_bytes()).expect_err("past all limits");
        assert!(
            matches!(refused, MalformedRecord::Impossible(_)),
            "{refused}"
        );
    }
}

#[test]
fn bytes_are_written_as_a_text() {
    let written = record(naming("n", "", 7)).to_bytes().len();
    let mut large = naming("n", "", 7);
    large.calls = vec![value("n", &[255; 60 << 10])];
    let bytes = record(large).to_bytes();
    assert!(bytes.len() < written + (81 << 10), "{}", bytes.len());
    assert!(Record::parse(&bytes).is_ok());
}

#[test]
fn what_is_written_can_be_read_however_long_it_was() {
    // Every one of these characters is written as six.
    let control = "\u{1}".repeat(500 << 10);
    let mut record = record(naming("n", "a", 7));
    let one = Arc::new(Turn {
        calls: vec![RecordedCall {
            call: Call::ConfigGet("zone".to_owned()),
            reply: Reply::Setting(Some(control)),
            host_failed: false,
        }],
        ..naming("n", "a", 7)
    });
    record.before = vec![Arc::clone(&one), Arc::clone(&one)];
    record.decision = one;
    let bytes = record.to_bytes();
    let read = Record::parse(&bytes).expect("a record");
    assert_eq!(read.replayable(), Err(NotReplayable::TooLarge));
    assert_eq!(read.outcome(), record.outcome());
    let longer = vec![b' '; (8 << 20) + 1];
    let refused = Record::parse(&longer).expect_err("too long");
    assert!(matches!(refused, MalformedRecord::TooLong(_)), "{refused}");
}

#[test]
fn what_is_too_long_is_not_kept_and_says_so() {
    let mut heard = Heard::default();
    let call = |bytes: usize| value("zone", &vec![0; bytes]);
    heard.keep(|| call(RECORD_BYTES_MAX));
    heard.keep(|| call(1));
    heard.keep(|| panic!("nothing is copied that is not kept"));
    let turn = naming("n", "a", 7);
    let turn = heard.into_turn(turn.input, None, 7, false);
    assert!(turn.calls.is_empty());
    let record = record(turn);
    let read = Record::parse(&record.to_bytes()).expect("a record");
    assert_eq!(read.replayable(), Err(NotReplayable::TooLarge));
}

#[test]
fn calls_that_say_nothing_fill_a_record_too() {
    let mut heard = Heard::default();
    let nothing = || RecordedCall {
        call: Call::ConfigGet(String::new()),
        reply: Reply::Setting(None),
        host_failed: false,
    };
    for _ in 0..=RECORD_BYTES_MAX / 256 {
        heard.keep(nothing);
    }
    let turn = heard.into_turn(naming("n", "a", 7).input, None, 7, false);
    assert_eq!(turn.lacks, Some(Lack::TooLarge));
    assert!(turn.calls.is_empty());
}

#[test]
fn what_the_clock_has_stopped_is_not_replayable() {
    for (failure, expected) in [
        (PluginFailure::TimedOut, Err(NotReplayable::TimedOut)),
        (PluginFailure::Saturated, Err(NotReplayable::NoRoom)),
        (PluginFailure::OutOfFuel, Ok(())),
    ] {
        let turn = Turn::not_put(naming("n", "a", 7).input, &failure);
        assert_eq!(record(turn).replayable(), expected);
    }
}

#[test]
fn a_question_before_tells_what_the_last_one_does_not() {
    let offer = policy::Offer {
        book: common::Book {
            id_type: "ISBN".to_owned(),
            id: "978".to_owned(),
        },
        resource_class: String::new(),
        price: None,
        requested_protection: String::new(),
        title: Vec::new(),
        sale: vec![("transaction".to_owned(), "t-1".to_owned())],
        extra: Vec::new(),
    };
    let judged = Turn::not_put(
        Input::Policy {
            context: Arc::new(context()),
            offer: Arc::new(offer),
        },
        &PluginFailure::HostUnavailable,
    );
    let mut record = record(naming("n", "a", 7));
    assert_eq!((record.transaction(), record.book()), (None, None));
    record.before = vec![Arc::new(judged)];
    assert_eq!(record.transaction(), Some("t-1"));
    assert_eq!(record.book(), Some(("ISBN", "978")));
}
