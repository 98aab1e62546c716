use proptest::prelude::*;

use super::*;
use crate::bindings::common;

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
            context: context(),
            facts: vec![("title".to_owned(), name.to_owned())],
        },
        calls: vec![RecordedCall {
            function: "kv.get".to_owned(),
            question: as_text(&name),
            answer: answer.to_owned(),
            host_failed: false,
        }],
        output: Some(as_text(&Ok::<_, common::Failure>("name"))),
        failure: None,
        fuel,
        lacks: None,
    }
}

fn record(decision: Turn) -> Record {
    Record {
        limits: Limits::default(),
        reused: false,
        before: vec![naming("before", "{}", 1)],
        decision,
    }
}

proptest! {
    #[test]
    fn a_record_is_read_as_it_was_written(
        name in ".{0,40}", answer in ".{0,40}", fuel in any::<u64>(), memory in any::<u32>(),
    ) {
        let mut written = record(naming(&name, &answer, fuel));
        written.limits.memory_bytes = memory as usize;
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
    let later = text.replace("{\"format\":1", "{\"format\":2");
    let refused = Record::parse(later.as_bytes()).expect_err("unknown");
    assert!(matches!(refused, MalformedRecord::Format(2)), "{refused}");
}

#[test]
fn what_cannot_have_been_is_refused() {
    let mut strange = naming("n", "a", 7);
    strange.calls[0].function = "kv.steal".to_owned();
    let mut silent = naming("n", "a", 7);
    silent.output = None;
    let mut blank = naming("n", "a", 7);
    blank.output = Some(as_text(&Ok::<_, common::Failure>("")));
    for wrong in [strange, silent, blank] {
        let bytes = record(wrong).to_bytes();
        let refused = Record::parse(&bytes).expect_err("impossible");
        assert!(
            matches!(refused, MalformedRecord::Impossible(_)),
            "{refused}"
        );
    }
}

#[test]
fn what_is_too_long_is_not_kept_and_says_so() {
    let mut heard = Heard::default();
    let call = |bytes: usize| RecordedCall {
        function: "kv.get".to_owned(),
        question: String::new(),
        answer: "x".repeat(bytes),
        host_failed: false,
    };
    heard.keep(call(RECORD_BYTES_MAX));
    heard.keep(call(1));
    heard.keep(call(0));
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
    let nothing = RecordedCall {
        function: "config.get".to_owned(),
        question: "\"\"".to_owned(),
        answer: "null".to_owned(),
        host_failed: false,
    };
    for _ in 0..RECORD_BYTES_MAX / 256 {
        heard.keep(nothing.clone());
    }
    let turn = heard.into_turn(naming("n", "a", 7).input, None, 7, false);
    assert_eq!(turn.lacks, Some(Lack::TooLarge));
    assert!(turn.calls.is_empty());
}

#[test]
fn what_the_clock_has_stopped_is_not_replayable() {
    for failure in [PluginFailure::TimedOut, PluginFailure::Saturated] {
        let turn = Turn::not_put(naming("n", "a", 7).input, &failure);
        assert_eq!(record(turn).replayable(), Err(NotReplayable::ByTheClock));
    }
    let turn = Turn::not_put(naming("n", "a", 7).input, &PluginFailure::OutOfFuel);
    assert_eq!(record(turn).replayable(), Ok(()));
}
