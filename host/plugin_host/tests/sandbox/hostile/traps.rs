//! Guests that break off, each in another way.

use colophon_core::plugin::{PluginFailure, ResolverAnswer};

use super::{Because, Gets, House, Refused, Row, plain};
use crate::guest::{resolver, resolver_that_first, reworked};
use crate::world::{Shelf, resolve, serving};

/// Where the frame makes room for what the host passes in.
const ROOM: &str = "(local.get $start))";

#[tokio::test]
async fn traps_of_every_kind_are_told_with_their_cause() {
    let instructions: [(&str, &str, &str); 13] = [
        ("unreachable", "unreachable", "unreachable"),
        (
            "division by zero",
            "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
            "integer divide by zero",
        ),
        (
            "remainder of a division by zero",
            "(drop (i64.rem_u (i64.const 1) (i64.const 0)))",
            "integer divide by zero",
        ),
        (
            "division that overflows",
            "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
            "integer overflow",
        ),
        (
            "no number as an integer",
            "(drop (i32.trunc_f32_s (f32.const nan)))",
            "invalid conversion to integer",
        ),
        (
            "load past the end of memory",
            "(drop (i32.load (i32.const -4)))",
            "out of bounds memory access",
        ),
        (
            "store past the end of memory",
            "(i64.store (i32.const 131069) (i64.const 1))",
            "out of bounds memory access",
        ),
        (
            "copy past the end of memory",
            "(memory.copy (i32.const 0) (i32.const 131000) (i32.const 200))",
            "out of bounds memory access",
        ),
        (
            "call of nothing",
            "(call_indirect (i32.const 0))",
            "uninitialized element",
        ),
        (
            "call past the end of the table",
            "(call_indirect (i32.const 9))",
            "out of bounds table access",
        ),
        (
            "call of a function of another type",
            "(table.set $table (i32.const 0) (ref.func $not_mine))
             (call_indirect (i32.const 0))",
            "indirect call type mismatch",
        ),
        (
            "table set past its end",
            "(table.set $table (i32.const 1) (ref.null func))",
            "out of bounds table access",
        ),
        (
            "pointer to nowhere given to the host",
            "(call $find (i32.const -16) (i32.const 8) (i32.const 0) (i32.const 0)
               (i32.const 8192))",
            "out of bounds",
        ),
    ];
    let house = House::open().await;
    for (name, wrongs, says) in instructions {
        let body = format!(
            "(elem declare func $not_mine)
             (func $resolve (param i32) (result i32) {wrongs} (call $not_mine))"
        );
        house
            .stops(Row {
                name,
                guest: resolver(&body),
                granted: plain(),
                gets: Gets::Trap("resolve"),
                says,
            })
            .await;
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_with_their_cause() {
    let row = |name, guest, says| Row {
        name,
        guest,
        granted: plain(),
        gets: Gets::Trap("resolve"),
        says,
    };
    let answering = |answer: &str| {
        resolver(&format!(
            "(func $resolve (param i32) (result i32) {answer})"
        ))
    };
    let not_utf_8 = resolver(
        r#"(data (i32.const 5000) "\ff\fe")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 5000) (i32.const 2)))"#,
    );
    let asking_for_room = |room: &str| {
        let room = format!("{room})");
        reworked(&[(ROOM, &room)])
    };
    let while_giving_room = "(call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 8192))
        (local.get $start)";
    let after_its_answer = "(func (export \"cabi_post_colophon:resolver/resolver@1.0.0#resolve\")
          (param i32)
          (call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192)))
        ;; BODY";
    let house = House::open().await;
    for row in [
        row(
            "outside of memory",
            answering("(i32.const -16)"),
            "out of bounds",
        ),
        row(
            "at an odd place",
            answering("(drop (call $not_mine)) (i32.const 4097)"),
            "not aligned",
        ),
        row(
            "an arm that no contract knows",
            answering("(i32.store8 (i32.const 4096) (i32.const 9)) (i32.const 4096)"),
            "discriminant",
        ),
        row("a text that is none", not_utf_8, "utf-8"),
        row(
            "room outside of memory",
            asking_for_room("(i32.const -16)"),
            "realloc return: beyond end of memory",
        ),
        row(
            "room at an odd place",
            asking_for_room("(i32.add (local.get $start) (i32.const 1))"),
            "realloc return: result not aligned",
        ),
        row(
            "a host call while the host asks for room",
            asking_for_room(while_giving_room),
            "cannot leave component instance",
        ),
        row(
            "a host call after its answer",
            reworked(&[(";; BODY", after_its_answer)]),
            "cannot leave component instance",
        ),
    ] {
        house.stops(row).await;
    }
}

#[tokio::test]
async fn answers_that_no_contract_of_ours_has_are_unusable() {
    let digest_of_20_bytes = "(func $resolve (param i32) (result i32)
        (i32.store8 (i32.const 4128) (i32.const 1))
        (i32.store (i32.const 4132) (i32.const 3000))
        (i32.store (i32.const 4136) (i32.const 20))
        (call $found (i32.const 3000) (i32.const 4)))";
    let later_arm = "(func $resolve (param i32) (result i32)
        (i32.store8 (i32.const 4104) (i32.const 2))
        (i32.const 4096))";
    let house = House::open().await;
    for (name, body, says) in [
        (
            "a digest of 20 bytes",
            digest_of_20_bytes,
            "sha256 has not 32 bytes",
        ),
        (
            "an arm that only a later contract knows",
            later_arm,
            "resolver answer of an unknown kind",
        ),
    ] {
        house
            .stops(Row {
                name,
                guest: resolver(body),
                granted: plain(),
                gets: Gets::Unusable,
                says,
            })
            .await;
    }
}

#[tokio::test]
async fn blaming_the_host_without_cause_is_seen() {
    // err(unavailable("")) without having called anything.
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4096) (i32.const 1))
           (i32.store8 (i32.const 4104) (i32.const 3))
           (i32.const 4096))",
    );
    let house = House::open().await;
    house
        .stops(Row {
            name: "the host blamed",
            guest,
            granted: plain(),
            gets: Gets::Reported,
            says: "reported a failure: unavailable: ",
        })
        .await;
}

#[tokio::test]
async fn traps_before_the_first_call_keep_a_plug_in_from_being_loaded() {
    let row = |name, guest, because, says| Refused {
        name,
        guest,
        granted: plain(),
        because,
        says,
    };
    let started = "(func $start unreachable) (start $start) ;; BODY";
    let failed = "(i32.store8 (i32.const 2048) (i32.const 1)) (i32.const 2048))";
    let house = House::open().await;
    for row in [
        row(
            "at its start",
            reworked(&[(";; BODY", started)]),
            Because::Failed(Gets::Trap("its start")),
            "unreachable",
        ),
        row(
            "while it describes itself",
            reworked(&[("(i32.const 1024))", "unreachable)")]),
            Because::Failed(Gets::Trap("describe")),
            "unreachable",
        ),
        row(
            "while it tests itself",
            reworked(&[("(i32.const 2048))", "unreachable)")]),
            Because::Failed(Gets::Trap("self-test")),
            "unreachable",
        ),
        row(
            "a self-test that fails",
            reworked(&[("(i32.const 2048))", failed)]),
            Because::SelfTest,
            "self-test failed",
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn trap_names_the_function_it_happened_in() {
    let guest = resolver(
        "(func $divide_the_price (param i32) (result i32)
           (i32.div_u (i32.const 1) (local.get 0)))
         (func $resolve (param i32) (result i32) (call $divide_the_price (i32.const 0)))",
    );
    let house = House::open().await;
    house
        .stops(Row {
            name: "a division in a function",
            guest,
            granted: plain(),
            gets: Gets::Trap("resolve"),
            says: "integer divide by zero, in divide_the_price < resolve",
        })
        .await;
}

#[tokio::test]
async fn ten_thousand_traps_leave_every_place_free() {
    let guest = resolver("(func $resolve (param i32) (result i32) unreachable)");
    let plugins = serving(&guest, plain().limits, Shelf::empty()).await;
    for _ in 0..10_000 {
        let failure = resolve(&plugins, "north", "1").await.expect_err("stopped");
        assert!(
            matches!(failure, PluginFailure::Trapped { .. }),
            "{failure:?}"
        );
    }
    let good = serving(&resolver_that_first(""), plain().limits, Shelf::empty()).await;
    let answer = resolve(&good, "north", "1").await;
    assert_eq!(answer, Ok(ResolverAnswer::NotMine));
}
