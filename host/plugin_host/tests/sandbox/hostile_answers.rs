//! Guests that answer, but not with the truth.

use colophon_core::catalog::ObjectPath;
use colophon_core::plugin::{PluginFailure, ResolverAnswer};
use colophon_plugin_host::Limits;

use crate::guest::resolver;
use crate::world::{Shelf, resolve, serving};

/// What becomes of an answer that finds the title at this path.
async fn at_path(path: &str) -> Result<ResolverAnswer, PluginFailure> {
    let length = path.len();
    let escaped: String = path.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let guest = resolver(&format!(
        "(data (i32.const 5000) \"{escaped}\")
         (func $resolve (param i32) (result i32)
           (call $found (i32.const 5000) (i32.const {length})))"
    ));
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    resolve(&plugins, "north", "1").await
}

async fn unusable(body: &str) -> &'static str {
    let plugins = serving(&resolver(body), Limits::default(), Shelf::empty()).await;
    match resolve(&plugins, "north", "1").await {
        Err(PluginFailure::Unusable { problem }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn paths_that_leave_the_root_are_refused_by_core() {
    for path in [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "a\\..\\b",
        "a\0b",
        "c:x",
    ] {
        let answer = at_path(path).await.expect("an answer");
        let ResolverAnswer::Found(place) = answer else {
            panic!("not found")
        };
        assert!(ObjectPath::parse(&place.path).is_err(), "{path:?}");
    }
}

#[tokio::test]
async fn path_of_two_thousand_bytes() {
    let failure = at_path(&"a".repeat(2000)).await.expect_err("too long");
    assert_eq!(
        failure,
        PluginFailure::Unusable {
            problem: "root or path is too long"
        }
    );
}

#[tokio::test]
async fn text_that_is_not_utf_8() {
    let guest = resolver(
        r#"(data (i32.const 5000) "\ff\fe")
           (func $resolve (param i32) (result i32)
             (call $found (i32.const 5000) (i32.const 2)))"#,
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1").await.expect_err("no text");
    assert!(
        matches!(failure, PluginFailure::Trapped { .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn digest_of_the_wrong_length() {
    let problem = unusable(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4128) (i32.const 1))
           (i32.store (i32.const 4132) (i32.const 3000))
           (i32.store (i32.const 4136) (i32.const 20))
           (call $found (i32.const 3000) (i32.const 4)))",
    );
    assert_eq!(problem.await, "sha256 has not 32 bytes");
}

#[tokio::test]
async fn what_is_said_of_the_stored_file_arrives_as_it_was_said() {
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4128) (i32.const 1))
           (i32.store (i32.const 4132) (i32.const 8192))
           (i32.store (i32.const 4136) (i32.const 32))
           (i32.store8 (i32.const 4144) (i32.const 1))
           (i64.store (i32.const 4152) (i64.const -1))
           (call $found (i32.const 3000) (i32.const 4)))",
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let Ok(ResolverAnswer::Found(place)) = resolve(&plugins, "north", "1").await else {
        panic!("not found")
    };
    assert_eq!(place.sha256, Some(vec![0; 32]));
    assert_eq!(place.size, Some(u64::MAX));
}

#[tokio::test]
async fn arm_that_only_a_later_contract_knows() {
    let problem = unusable(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4104) (i32.const 2))
           (i32.const 4096))",
    );
    assert_eq!(problem.await, "resolver answer of an unknown kind");
}

#[tokio::test]
async fn arm_that_no_contract_knows() {
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4096) (i32.const 9))
           (i32.const 4096))",
    );
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1")
        .await
        .expect_err("no answer");
    assert!(
        matches!(failure, PluginFailure::Trapped { .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn answer_outside_of_memory() {
    let guest = resolver("(func $resolve (param i32) (result i32) (i32.const -16))");
    let plugins = serving(&guest, Limits::default(), Shelf::empty()).await;
    let failure = resolve(&plugins, "north", "1")
        .await
        .expect_err("no answer");
    assert!(
        matches!(failure, PluginFailure::Trapped { .. }),
        "{failure:?}"
    );
}
