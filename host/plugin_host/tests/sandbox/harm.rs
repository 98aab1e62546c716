//! Guests that mean harm, one of each kind, for tests and for the measurement of what neighbors notice.

use super::guest::{resolver, resolver_that_first, reworked};

pub(crate) const LOG: &str = r#"
  (import "colophon:host/log@1.0.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#;

/// Writes one line.
pub(crate) const WRITE: &str = "(call $write (i32.const 2) (i32.const 7000) (i32.const 0)
    (i32.const 0) (i32.const 0))";

/// Looks one title up.
pub(crate) const FIND: &str = "(call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 8192))";

pub(crate) const FOREVER: &str = "(loop $again (br $again))";

/// Never ends.
pub(crate) fn endless_loop() -> Vec<u8> {
    resolver_that_first(FOREVER)
}

/// Takes all the memory that it may have, and writes to it.
pub(crate) fn memory_bomb() -> Vec<u8> {
    resolver_that_first(
        "(local $at i32)
         (loop $again
           (local.set $at (i32.shl (memory.grow (i32.const 16)) (i32.const 16)))
           (memory.fill (local.get $at) (i32.const 255) (i32.const 1048576))
           (br $again))",
    )
}

/// Calls the host as often as it may.
pub(crate) fn flooding(imports: &str, call: &str) -> Vec<u8> {
    let body = format!(
        "(func $resolve (param i32) (result i32)
           (loop $again {call} (br $again)) (call $not_mine))"
    );
    reworked(&[(";; IMPORTS", imports), (";; BODY", &body)])
}

/// Traps at once.
pub(crate) fn trap() -> Vec<u8> {
    resolver_that_first("unreachable")
}

/// Answers with what this leaves behind, in a memory of twenty megabytes.
pub(crate) fn answering(wrongs: &str) -> Vec<u8> {
    resolver(&format!(
        "(func $resolve (param i32) (result i32) (local $at i32)
           (drop (memory.grow (i32.const 320))) {wrongs})"
    ))
}

/// Answers with a path of twenty megabytes.
pub(crate) fn giant_result() -> Vec<u8> {
    answering("(call $found (i32.const 65536) (i32.const 20000000))")
}
