//! Guests that say more than anybody can take in.

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::LoadRefused;

use super::{Because, Gets, House, Refused, Row, plain};
use crate::guest::{resolver_that_first, reworked};
use crate::harm::{answering, giant_result};
use crate::world::{Shelf, resolve, sandbox, serving};

const DESCRIBED: &str = "(result i32) (i32.const 1024))";
const TESTED: &str = "(result i32) (i32.const 2048))";

#[tokio::test]
async fn answers_of_any_size_are_not_taken_in() {
    let too_much = Gets::Limit("data handed to the host");
    let row = |name, guest, gets, says| Row {
        name,
        guest,
        granted: plain(),
        gets,
        says,
    };
    let says = "its limit of data handed to the host";
    let house = House::open().await;
    for row in [
        row(
            "a text of 20 megabytes as path",
            giant_result(),
            too_much,
            says,
        ),
        row(
            "a digest of 20 megabytes",
            answering(
                "(i32.store8 (i32.const 4128) (i32.const 1))
                 (i32.store (i32.const 4132) (i32.const 65536))
                 (i32.store (i32.const 4136) (i32.const 20000000))
                 (call $found (i32.const 3000) (i32.const 4))",
            ),
            too_much,
            says,
        ),
        // 1.2 million pairs of empty texts: little in the guest, much in the host.
        row(
            "a list of many small things",
            answering(
                "(i32.store (i32.const 4160) (i32.const 65536))
                 (i32.store (i32.const 4164) (i32.const 1200000))
                 (call $found (i32.const 3000) (i32.const 4))",
            ),
            too_much,
            says,
        ),
        // Each of 16 pairs names the same 10 megabytes.
        row(
            "a list of pairs that all name the same ten megabytes",
            answering(
                "(local.set $at (i32.const 12000000))
                 (loop $again
                   (i32.store (local.get $at) (i32.const 65536))
                   (i32.store (i32.add (local.get $at) (i32.const 4)) (i32.const 10000000))
                   (br_if $again (i32.lt_u
                     (local.tee $at (i32.add (local.get $at) (i32.const 8)))
                     (i32.const 12000256))))
                 (i32.store (i32.const 4160) (i32.const 12000000))
                 (i32.store (i32.const 4164) (i32.const 16))
                 (call $found (i32.const 3000) (i32.const 4))",
            ),
            too_much,
            says,
        ),
        row(
            "a failure told in 20 megabytes",
            answering(
                "(i32.store8 (i32.const 4096) (i32.const 1))
                 (i32.store8 (i32.const 4104) (i32.const 4))
                 (i32.store (i32.const 4108) (i32.const 65536))
                 (i32.store (i32.const 4112) (i32.const 20000000))
                 (i32.const 4096)",
            ),
            too_much,
            says,
        ),
        row(
            "a question to the host of 20 megabytes",
            resolver_that_first(
                "(drop (memory.grow (i32.const 320)))
                 (call $find (i32.const 65536) (i32.const 4) (i32.const 65536)
                   (i32.const 20000000) (i32.const 8192))",
            ),
            too_much,
            says,
        ),
        // It ends outside the memory, which is seen first.
        row(
            "a list of a billion",
            answering(
                "(i32.store (i32.const 4160) (i32.const 65536))
                 (i32.store (i32.const 4164) (i32.const 1000000000))
                 (call $found (i32.const 3000) (i32.const 4))",
            ),
            Gets::Trap("resolve"),
            "out of bounds",
        ),
        row(
            "a path of two thousand bytes",
            answering("(call $found (i32.const 200000) (i32.const 2000))"),
            Gets::Unusable,
            "root or path is too long",
        ),
    ] {
        house.stops(row).await;
    }
}

#[tokio::test]
async fn descriptions_of_any_size_are_not_taken_in() {
    let described = |wrongs: &str| {
        let described = format!("(result i32) {wrongs} (i32.const 1024))");
        reworked(&[(DESCRIBED, &described)])
    };
    let row = |name, guest, gets, says| Refused {
        name,
        guest,
        granted: plain(),
        because: Because::Failed(gets),
        says,
    };
    let unusable = "description is too long or has control characters";
    let house = House::open().await;
    for row in [
        row(
            "a name of two megabytes",
            described(
                "(drop (memory.grow (i32.const 40)))
                 (i32.store (i32.const 1024) (i32.const 65536))
                 (i32.store (i32.const 1028) (i32.const 2000000))",
            ),
            Gets::Limit("data handed to the host"),
            "its limit of data handed to the host",
        ),
        row(
            "a name of 257 letters",
            described(
                "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 300))
                 (i32.store (i32.const 1024) (i32.const 65536))
                 (i32.store (i32.const 1028) (i32.const 257))",
            ),
            Gets::Unusable,
            unusable,
        ),
        row(
            "a name that clears the screen",
            described(
                "(i32.store (i32.const 1024) (i32.const 65536))
                 (i32.store (i32.const 1028) (i32.const 4))
                 (i32.store (i32.const 65536) (i32.const 0x4a325b1b))",
            ),
            Gets::Unusable,
            unusable,
        ),
        row(
            "65 needs",
            described(
                "(i32.store (i32.const 1056) (i32.const 65536))
                 (i32.store (i32.const 1060) (i32.const 65))",
            ),
            Gets::Unusable,
            unusable,
        ),
        row(
            "a self-test that fails in two megabytes",
            reworked(&[(
                TESTED,
                "(result i32)
                 (drop (memory.grow (i32.const 40)))
                 (i32.store8 (i32.const 2048) (i32.const 1))
                 (i32.store (i32.const 2052) (i32.const 65536))
                 (i32.store (i32.const 2056) (i32.const 2000000))
                 (i32.const 2048))",
            )]),
            Gets::Limit("data handed to the host"),
            "its limit of data handed to the host",
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn what_a_guest_says_of_itself_is_cut() {
    let failing = answering(
        "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 100000))
         (i32.store8 (i32.const 4096) (i32.const 1))
         (i32.store8 (i32.const 4104) (i32.const 4))
         (i32.store (i32.const 4108) (i32.const 65536))
         (i32.store (i32.const 4112) (i32.const 100000))
         (i32.const 4096)",
    );
    let plugins = serving(&failing, plain().limits, Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1").await.expect_err("reported");
    let PluginFailure::Reported { message } = failure else {
        panic!("{failure:?}")
    };
    assert!(message.starts_with("internal: aaa"), "{message}");
    assert_eq!(message.len(), 1024);

    let testing = reworked(&[(
        TESTED,
        "(result i32)
         (memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
         (i32.store8 (i32.const 2048) (i32.const 1))
         (i32.store (i32.const 2052) (i32.const 65536))
         (i32.store (i32.const 2056) (i32.const 60000))
         (i32.const 2048))",
    )]);
    let refused = sandbox().load(&testing, plain()).await.err();
    let Some(LoadRefused::SelfTest { problem }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(problem.len(), 1024);
}
