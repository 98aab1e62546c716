//! Guests that never come to be called.

use std::error::Error;

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, LoadRefused};

use crate::guest::{of_contract, resolver_that_first, reworked};
use crate::world::sandbox;

async fn refused(wasm: &[u8]) -> LoadRefused {
    let limits = Limits {
        fuel: 1_000_000,
        ..Limits::default()
    };
    match sandbox().load(wasm, Granted::catalog(limits)).await {
        Ok(_) => panic!("it was loaded"),
        Err(refused) => refused,
    }
}

/// An error with its causes, as an operator reads it.
fn whole(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", whole(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn bytes_that_are_no_component() {
    for bytes in [&b""[..], b"\0asm", b"\x7fELF", &[0xff; 4096]] {
        assert!(matches!(
            refused(bytes).await,
            LoadRefused::NotAComponent(_)
        ));
    }
    let module = wat::parse_str("(module)").expect("a module");
    assert!(matches!(
        refused(&module).await,
        LoadRefused::NotAComponent(_)
    ));
}

#[tokio::test]
async fn component_cut_off_or_damaged() {
    let whole = CATALOG_PLUGIN;
    for length in (8..whole.len()).step_by(1111) {
        refused(&whole[..length]).await;
    }
    // A damaged component may still be one; it must be refused or loaded, and harm nobody.
    let sandbox = sandbox();
    for at in (8..whole.len()).step_by(997) {
        let mut damaged = whole.to_vec();
        damaged[at] ^= 0x55;
        let _ = sandbox
            .load(&damaged, Granted::catalog(Limits::default()))
            .await;
    }
}

#[tokio::test]
async fn compiled_code_in_place_of_a_component() {
    let engine = wasmtime::Engine::default();
    let compiled = engine
        .precompile_component(CATALOG_PLUGIN)
        .expect("compiled code");
    assert!(matches!(refused(&compiled).await, LoadRefused::Precompiled));
}

#[tokio::test]
async fn import_that_no_plug_in_gets() {
    let wit = "package wasi:cli@0.2.0;
        interface environment { get-arguments: func() -> list<string>; }
        world guest { import environment; }";
    let core = r#"(module
        (import "wasi:cli/environment@0.2.0" "get-arguments" (func (param i32)))
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))"#;
    let LoadRefused::UnknownImport { import } = refused(&of_contract(wit, core)).await else {
        panic!("another refusal")
    };
    assert_eq!(import, "wasi:cli/environment@0.2.0");
}

#[tokio::test]
async fn function_that_a_known_interface_does_not_have() {
    let wit = "package colophon:host@1.0.0;
        interface catalog { drop-all: func(); }
        world guest { import catalog; }";
    let core = r#"(module (import "colophon:host/catalog@1.0.0" "drop-all" (func)))"#;
    let LoadRefused::UnknownImport { import } = refused(&of_contract(wit, core)).await else {
        panic!("another refusal")
    };
    assert_eq!(import, "colophon:host/catalog@1.0.0#drop-all");
}

#[tokio::test]
async fn import_that_was_not_granted_is_named_with_the_line_that_is_missing() {
    let not_granted = sandbox().load(CATALOG_PLUGIN, Granted::default()).await;
    let Err(LoadRefused::NotGranted { import, line }) = not_granted else {
        panic!("another answer")
    };
    assert_eq!(import, "colophon:host/catalog@1.0.0");
    assert_eq!(line, "catalog = true");

    let wit = "package colophon:host@1.0.0;
        interface kv { delete: func(key: string) -> u32; }
        world guest { import kv; }";
    let core = r#"(module
        (import "colophon:host/kv@1.0.0" "delete" (func (param i32 i32) (result i32)))
        (memory (export "memory") 1))"#;
    let refusal = refused(&of_contract(wit, core)).await;
    let told = refusal.to_string();
    assert!(told.contains("colophon:host/kv@1.0.0"), "{told}");
    assert!(told.contains("kv.quota = \"64KiB\""), "{told}");
}

#[tokio::test]
async fn import_in_another_shape() {
    let wit = "package colophon:host@1.0.0;
        interface catalog { find: func(id: u64) -> u64; }
        world guest { import catalog; }";
    let core = r#"(module
        (import "colophon:host/catalog@1.0.0" "find" (func (param i64) (result i64))))"#;
    let refusal = refused(&of_contract(wit, core)).await;
    assert!(matches!(refusal, LoadRefused::Mismatch { .. }));
    assert!(
        whole(&refusal).contains("colophon:host/catalog@1.0.0"),
        "{}",
        whole(&refusal)
    );
}

#[tokio::test]
async fn export_in_another_shape() {
    let wit = "package colophon:meta@1.0.0;
        interface plugin { describe: func() -> u32; self-test: func() -> u32; }
        world guest { export plugin; }";
    let core = r#"(module
        (func (export "colophon:meta/plugin@1.0.0#describe") (result i32) (i32.const 0))
        (func (export "colophon:meta/plugin@1.0.0#self-test") (result i32) (i32.const 0)))"#;
    let refusal = refused(&of_contract(wit, core)).await;
    assert!(
        matches!(refusal, LoadRefused::Mismatch { .. }),
        "{refusal:?}"
    );
    assert!(whole(&refusal).contains("colophon:meta/plugin@1.0.0"));
    assert!(whole(&refusal).contains("u32"), "{}", whole(&refusal));
}

#[tokio::test]
async fn role_of_another_version() {
    let wit = "package colophon:resolver@7.0.0;
        interface resolver { resolve: func() -> u32; }
        world guest { export resolver; }";
    let core = r#"(module
        (func (export "colophon:resolver/resolver@7.0.0#resolve") (result i32) (i32.const 0)))"#;
    let LoadRefused::UnknownExport { export, known } = refused(&of_contract(wit, core)).await
    else {
        panic!("another refusal")
    };
    assert_eq!(export, "colophon:resolver/resolver@7.0.0");
    assert!(known.contains("colophon:resolver/resolver@1.0.0"));
}

#[tokio::test]
async fn component_without_any_export() {
    let wit = "package other:thing; world guest {}";
    let refusal = refused(&of_contract(wit, "(module)")).await;
    assert!(matches!(refusal, LoadRefused::NotDescribed));
}

#[tokio::test]
async fn endless_loop_before_the_first_call() {
    let guest = reworked(&[(
        ";; BODY",
        "(func $forever (loop $again (br $again))) (start $forever) ;; BODY",
    )]);
    let LoadRefused::Failed(failure) = refused(&guest).await else {
        panic!("another refusal")
    };
    assert_eq!(failure, PluginFailure::OutOfFuel);
}

#[tokio::test]
async fn self_test_that_traps_or_fails() {
    let passed = "(i32.const 2048))";
    let trapping = reworked(&[(passed, "unreachable)")]);
    let LoadRefused::Failed(PluginFailure::Trapped { function, .. }) = refused(&trapping).await
    else {
        panic!("another refusal")
    };
    assert_eq!(function, "self-test");

    let failed = format!("(i32.store8 (i32.const 2048) (i32.const 1)) {passed}");
    let refusal = refused(&reworked(&[(passed, &failed)])).await;
    assert!(matches!(refusal, LoadRefused::SelfTest { .. }));
}

#[tokio::test]
async fn more_memory_than_is_allowed_from_the_start() {
    let pages = |count: u32| {
        let memory = format!("(memory (export \"memory\") {count})");
        reworked(&[("(memory (export \"memory\") 2)", &memory)])
    };
    let LoadRefused::Failed(failure) = refused(&pages(2000)).await else {
        panic!("another refusal")
    };
    assert_eq!(failure, PluginFailure::LimitReached { limit: "memory" });

    // More than any place of the pool has is seen before anything is started.
    let refusal = refused(&pages(20_000)).await;
    assert!(matches!(refusal, LoadRefused::NotAComponent(_)));
}

#[tokio::test]
async fn proposals_that_are_switched_off() {
    for text in [
        "(component (core module (memory i64 1)))",
        "(component (core module (memory 1 1 shared)))",
        "(component (core module (func (param v128 v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))))",
        "(component (core module (tag (param i32))))",
        "(component (core module (type (struct))))",
    ] {
        let bytes = wat::parse_str(text).expect("WebAssembly text");
        assert!(
            matches!(refused(&bytes).await, LoadRefused::NotAComponent(_)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_refused_load_leaves_the_sandbox_as_it_was() {
    let sandbox = sandbox();
    assert!(
        sandbox
            .load(b"no component", Granted::catalog(Limits::default()))
            .await
            .is_err()
    );
    assert!(
        sandbox
            .load(CATALOG_PLUGIN, Granted::catalog(Limits::default()))
            .await
            .is_ok()
    );
    let small = resolver_that_first("");
    assert!(
        sandbox
            .load(&small, Granted::catalog(Limits::default()))
            .await
            .is_ok()
    );
}
