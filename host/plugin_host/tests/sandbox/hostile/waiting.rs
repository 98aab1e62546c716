//! Guests that wait for somebody who never answers, or behind whom nobody stands.

use std::sync::Arc;
use std::time::Duration;

use colophon_core::plugin::{PluginFailure, Plugins};
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits};
use tokio::time::timeout;

use super::{Gets, House, PATIENCE, Row};
use crate::guest::reworked;
use crate::loopback::{Loopback, Manner};
use crate::services::{Values, granted_values, hasty};
use crate::world::{Shelf, book, request, serving};

/// A failure that the guest lays on somebody else.
const UNAVAILABLE: &str = "(i32.store8 (i32.const 4096) (i32.const 1))
    (i32.store8 (i32.const 4104) (i32.const 3))
    (i32.const 4096)";

const NO_ANSWER: &str = "a service behind the plug-in's host call did not answer";

fn short() -> Limits {
    Limits {
        deadline: Duration::from_millis(50),
        host_call_timeout: Duration::from_secs(3600),
        ..Limits::default()
    }
}

/// A guest that fetches from this server and then does this.
fn fetching(server: &Loopback, then: &str) -> Vec<u8> {
    let url = server.url();
    let length = url.len();
    let imports = r#"(import "colophon:host/http@1.0.0" "fetch"
      (func $fetch (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
    let body = format!(
        "(data (i32.const 5000) \"{url}\")
         (data (i32.const 5200) \"GET\")
         (func $ask
           (call $fetch (i32.const 5200) (i32.const 3) (i32.const 5000) (i32.const {length})
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192)))
         (func $resolve (param i32) (result i32) (call $ask) {then})"
    );
    reworked(&[(";; IMPORTS", imports), (";; BODY", &body)])
}

#[tokio::test]
async fn servers_that_never_answer_hold_nobody_up() {
    let again = "(loop $again (call $ask) (br $again)) (call $not_mine)";
    let (unavailable, reported) = (
        (Gets::HostUnavailable, NO_ANSWER),
        (Gets::Reported, "reported a failure: unavailable: "),
    );
    let three_calls = Limits {
        deadline: PATIENCE,
        host_calls: 3,
        ..hasty()
    };
    let house = House::open().await;
    for (name, manner, limits, then, (gets, says)) in [
        (
            "silence, told to the guest",
            Manner::Silent,
            hasty(),
            UNAVAILABLE,
            unavailable,
        ),
        (
            "silence past the guest's own time",
            Manner::Silent,
            short(),
            UNAVAILABLE,
            unavailable,
        ),
        (
            "silence, asked again and again",
            Manner::Silent,
            three_calls,
            again,
            (Gets::Limit("host calls"), "its limit of host calls"),
        ),
        (
            "half of an answer",
            Manner::HalfWay,
            hasty(),
            UNAVAILABLE,
            unavailable,
        ),
        (
            "fields without end",
            Manner::EndlessHead,
            Limits::default(),
            UNAVAILABLE,
            unavailable,
        ),
        // What is too large is told, and is not the host's fault.
        (
            "a body without end",
            Manner::EndlessBody,
            Limits::default(),
            UNAVAILABLE,
            reported,
        ),
    ] {
        let server = Loopback::start(manner).await;
        let granted = Granted {
            http: Some(Arc::new(server.web("a secret"))),
            ..Granted::catalog(limits)
        };
        let guest = fetching(&server, then);
        house
            .stops(Row {
                name,
                guest,
                granted,
                gets,
                says,
            })
            .await;
        // The host hangs up and keeps no connection for a guest that is gone.
        let asked = server.heads.lock().expect("a list").len();
        assert!(asked >= 3, "{name}: asked {asked} times");
        let all = u32::try_from(asked).expect("a number");
        let given_up = timeout(PATIENCE, server.given_up.acquire_many(all)).await;
        assert!(given_up.is_ok(), "{name}: a connection is still there");
    }
}

#[tokio::test]
async fn catalogs_and_stores_that_fail_are_the_hosts_fault() {
    let house = House::open().await;
    let row = |name, granted| Row {
        name,
        guest: CATALOG_PLUGIN.to_vec(),
        granted,
        gets: Gets::HostUnavailable,
        says: NO_ANSWER,
    };
    for (name, limits, shelf) in [
        ("a catalog that hangs", hasty(), Shelf::Hanging),
        (
            "a catalog that hangs past the guest's own time",
            short(),
            Shelf::Hanging,
        ),
        ("a catalog that is away", hasty(), Shelf::Away),
        ("a catalog that panics", hasty(), Shelf::Panicking),
    ] {
        let row = row(name, Granted::catalog(limits));
        house.stops_beside(row, shelf).await;
    }
    let asking = format!(
        "(func $resolve (param i32) (result i32)
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192)) {UNAVAILABLE})
         (data (i32.const 5000) \"zone\")"
    );
    let imports = r#"
      (import "colophon:host/kv@1.0.0" "get" (func $get (param i32 i32 i32)))"#;
    let hanging = Values {
        hangs: true,
        ..Values::default()
    };
    house
        .stops(Row {
            guest: reworked(&[(";; IMPORTS", imports), (";; BODY", &asking)]),
            ..row("a store that hangs", granted_values(hanging, true).0)
        })
        .await;
}

#[tokio::test]
async fn a_guest_that_heard_of_a_failure_in_time_can_go_on() {
    for shelf in [Shelf::Hanging, Shelf::Panicking] {
        let plugins = serving(CATALOG_PLUGIN, hasty(), shelf).await;
        let mut calls = plugins.begin(request("north"));
        assert_eq!(
            calls.resolve(&book("1")).await,
            Err(PluginFailure::HostUnavailable)
        );
        let facts = [("title".to_owned(), "Emma".to_owned())];
        assert_eq!(calls.file_name(facts.to_vec()).await.as_deref(), Ok("Emma"));
    }
}
