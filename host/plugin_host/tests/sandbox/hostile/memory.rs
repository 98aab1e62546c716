//! Guests that want all the memory there is.

use std::sync::Arc;

use colophon_core::plugin::{PluginCalls, Plugins};
use colophon_plugin_host::Capacity;

use super::{Because, Gets, House, Refused, Row, plain};
use crate::guest::{nothing_beside, resolver_that_first, reworked};
use crate::harm::memory_bomb;
use crate::world::{Shelf, book, center, request, sandbox};

#[tokio::test]
async fn growth_ends_at_the_limit() {
    let of_guest = |name, guest, limit, says| Row {
        name,
        guest,
        granted: plain(),
        gets: Gets::Limit(limit),
        says,
    };
    let row = |name, wrongs, limit, says| of_guest(name, resolver_that_first(wrongs), limit, says);
    let house = House::open().await;
    for row in [
        row(
            "memory, a megabyte at a time",
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again))",
            "memory",
            "its limit of memory",
        ),
        row(
            "memory, page by page",
            "(loop $again (drop (memory.grow (i32.const 1))) (br $again))",
            "memory",
            "its limit of memory",
        ),
        row(
            "memory, all at once",
            "(drop (memory.grow (i32.const 60000)))",
            "memory",
            "its limit of memory",
        ),
        of_guest(
            "memory that is written to as it grows",
            memory_bomb(),
            "memory",
            "its limit of memory",
        ),
        row(
            "a table, by and by",
            "(loop $again
               (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again))",
            "table elements",
            "its limit of table elements",
        ),
        row(
            "a table, all at once",
            "(drop (table.grow $table (ref.null func) (i32.const 4000000)))",
            "table elements",
            "its limit of table elements",
        ),
    ] {
        house.stops(row).await;
    }
}

#[tokio::test]
async fn what_is_too_large_from_the_start_is_not_loaded() {
    let memory = |pages: u32| {
        let memory = format!("(memory (export \"memory\") {pages})");
        reworked(&[("(memory (export \"memory\") 2)", &memory)])
    };
    let table = |elements: u32| {
        let table = format!("(table $table {elements} funcref)");
        reworked(&[("(table $table 1 funcref)", &table)])
    };
    let row = |name, guest, because, says| Refused {
        name,
        guest,
        granted: plain(),
        because,
        says,
    };
    let limit = Because::Failed(Gets::Limit("memory"));
    let house = House::open().await;
    for row in [
        row(
            "more memory than it may have",
            memory(2000),
            limit,
            "its limit of memory",
        ),
        // More than any place of the pool has is seen before anything is started.
        row(
            "more memory than anybody may have",
            memory(20_000),
            Because::NoPlace,
            "exceeds the limit",
        ),
        row(
            "all the memory that can be named",
            memory(65_536),
            Because::NoPlace,
            "exceeds the limit",
        ),
        row(
            "a second memory in its module",
            reworked(&[(";; BODY", "(memory $more 1) ;; BODY")]),
            Because::NoPlace,
            "memories count of 2 exceeds",
        ),
        row(
            "more than it may have in two memories, neither of which is too large",
            nothing_beside("(module (memory 1023))", 1),
            limit,
            "its limit of memory",
        ),
        row(
            "five memories",
            nothing_beside("(module (memory 1))", 4),
            Because::NoPlace,
            "Wasm linear memories, which exceeds",
        ),
        row(
            "a table of a million",
            table(1_000_000),
            Because::NoPlace,
            "exceeds the limit",
        ),
        row(
            "nine tables in a module",
            nothing_beside(&format!("(module {})", "(table 1 funcref)".repeat(9)), 1),
            Because::NoPlace,
            "tables count of 9 exceeds",
        ),
        row(
            "ten modules with a table each",
            nothing_beside("(module (table 1 funcref))", 10),
            Because::NoPlace,
            "tables, which exceeds",
        ),
        row(
            "a hundred instances",
            nothing_beside("(module)", 100),
            Because::NoPlace,
            "core module instances",
        ),
        row(
            "data beyond its memory",
            reworked(&[(";; BODY", "(data (i32.const 200000) \"far\") ;; BODY")]),
            Because::Failed(Gets::Trap("its start")),
            "out of bounds memory access",
        ),
        row(
            "elements beyond its table",
            reworked(&[(";; BODY", "(elem (i32.const 7) $not_mine) ;; BODY")]),
            Because::Failed(Gets::Trap("its start")),
            "out of bounds table access",
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn the_greediest_plug_ins_in_all_places_leave_one_for_the_neighbor() {
    let capacity = Capacity::default();
    let greedy_centers = capacity.instances / capacity.instances_per_center;
    let greedy = nothing_beside("(module (memory 0) (table 0 funcref) (table 0 funcref))", 3);
    let crowd = nothing_beside("(module)", 56);
    for (name, guest) in [("memories and tables", greedy), ("instances", crowd)] {
        let sandbox = sandbox();
        let neighbor = sandbox.load(&super::neighbor(), plain()).await;
        let house = House {
            sandbox: Arc::clone(&sandbox),
            neighbor: neighbor.expect("it loads"),
        };
        let loaded = sandbox.load(&guest, plain()).await;
        let loaded = loaded.unwrap_or_else(|refused| panic!("{name}: {}", super::whole(&refused)));
        let plugins = house.plugins(Shelf::empty());
        let mut open: Vec<Box<dyn PluginCalls>> = Vec::new();
        for number in 0..greedy_centers {
            let at = format!("greedy-{number}");
            plugins.publish(&center(&at), [Arc::clone(&loaded)]);
            for held in 0..capacity.instances_per_center {
                let mut calls = plugins.begin(request(&at));
                let answer = calls.resolve(&book("1")).await;
                assert!(answer.is_ok(), "{name}: {answer:?} with {held} held");
                open.push(calls);
            }
        }
        house.serves_the_neighbor(name, &plugins).await;
    }
}
