//! Guests that make things of their own and never let go of them.

use super::{Because, Gets, House, Refused, Row, plain};
use crate::guest::of_larger_world;

/// A resolver that also makes things; the contract knows of none, so that nobody asks for them.
const WIT: &str = "package other:things;
    interface things { resource thing { constructor(); } }
    world guest { include colophon:plugin/resolver@1.0.0; export things; }";

const IMPORTS: &str = r#"
  (import "[export]other:things/things" "[resource-new]thing"
    (func $new (param i32) (result i32)))
  (import "[export]other:things/things" "[resource-drop]thing" (func $drop (param i32)))"#;

const MADE: &str = r#"
  (func (export "other:things/things#[constructor]thing") (result i32)
    (call $new (i32.const 1)))"#;

fn making(changes: &[(&str, &str)]) -> Vec<u8> {
    let mut all = vec![(";; IMPORTS", IMPORTS)];
    all.extend_from_slice(changes);
    of_larger_world(WIT, &all)
}

#[tokio::test]
async fn handles_that_are_kept_are_counted() {
    let resolving = |wrongs: &str| {
        let body =
            format!("{MADE} (func $resolve (param i32) (result i32) {wrongs} (call $not_mine))");
        making(&[(";; BODY", &body)])
    };
    let row = |name, guest, says| Row {
        name,
        guest,
        granted: plain(),
        gets: Gets::Trap("resolve"),
        says,
    };
    let house = House::open().await;
    for row in [
        row(
            "made and kept",
            resolving("(loop $again (drop (call $new (i32.const 1))) (br $again))"),
            "store handle limit exceeded",
        ),
        row(
            "let go of twice",
            resolving(
                "(local $one i32) (local.set $one (call $new (i32.const 1)))
                 (call $drop (local.get $one)) (call $drop (local.get $one))",
            ),
            "unknown handle index",
        ),
        row(
            "let go of without being there",
            resolving("(call $drop (i32.const 77))"),
            "unknown handle index",
        ),
    ] {
        house.stops(row).await;
    }
    let body = format!(
        "{MADE} (func $start (loop $again (drop (call $new (i32.const 1))) (br $again)))
         (start $start) ;; BODY"
    );
    let started = Refused {
        name: "made and kept at its start",
        guest: making(&[(";; BODY", &body)]),
        granted: plain(),
        because: Because::Failed(Gets::Trap("its start")),
        says: "store handle limit exceeded",
    };
    house.refuses(started).await;
}
