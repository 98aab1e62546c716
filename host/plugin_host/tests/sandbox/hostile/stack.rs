//! Guests that call themselves without end.

use super::{Because, Gets, House, Refused, Row, plain};
use crate::guest::{resolver, reworked};

const DEEPER: &str = "(func $deeper (param i32) (result i32)
    (i32.add (call $deeper (local.get 0)) (i32.const 1)))";

#[tokio::test]
async fn recursion_ends_where_the_stack_does() {
    let plainly =
        format!("{DEEPER} (func $resolve (param i32) (result i32) (call $deeper (local.get 0)))");
    let by_turns = "(func $one (param i32) (result i32)
          (i32.add (call $other (local.get 0)) (i32.const 1)))
        (func $other (param i32) (result i32)
          (i32.mul (call $one (local.get 0)) (i32.const 3)))
        (func $resolve (param i32) (result i32) (call $one (local.get 0)))";
    let through_a_table = "(type $function (func (param i32) (result i32)))
        (elem (i32.const 0) $deeper)
        (func $deeper (param i32) (result i32)
          (i32.add (i32.const 1)
            (call_indirect (type $function) (local.get 0) (i32.const 0))))
        (func $resolve (param i32) (result i32) (call $deeper (local.get 0)))";
    let room = "(local $start i32)
        (drop (call $cabi_realloc (local.get $block) (local.get $length) (local.get $align)
          (local.get $wanted)))";
    let row = |name, guest| Row {
        name,
        guest,
        granted: plain(),
        gets: Gets::Limit("stack"),
        says: "its limit of stack",
    };
    let house = House::open().await;
    for row in [
        row("a function that calls itself", resolver(&plainly)),
        row("two functions that call each other", resolver(by_turns)),
        row(
            "a function that finds itself in a table",
            resolver(through_a_table),
        ),
        row(
            "where the host asks for room",
            reworked(&[("(local $start i32)", room)]),
        ),
    ] {
        house.stops(row).await;
    }
}

#[tokio::test]
async fn recursion_before_the_first_call_keeps_a_plug_in_from_being_loaded() {
    let starting = format!(
        "{DEEPER} (func $start (drop (call $deeper (i32.const 0)))) (start $start) ;; BODY"
    );
    let testing = "(result i32) (call $deeper (i32.const 0)))";
    let tested = format!("{DEEPER} ;; BODY");
    let row = |name, guest| Refused {
        name,
        guest,
        granted: plain(),
        because: Because::Failed(Gets::Limit("stack")),
        says: "its limit of stack",
    };
    let house = House::open().await;
    for row in [
        row("at its start", reworked(&[(";; BODY", &starting)])),
        row(
            "while it tests itself",
            reworked(&[
                ("(result i32) (i32.const 2048))", testing),
                (";; BODY", &tested),
            ]),
        ),
    ] {
        house.refuses(row).await;
    }
}
