//! Plug-ins of a few lines, each made for what a test wants of it.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::tool::workspace;

/// What every plug-in needs: memory, room for what the host passes in, a description of itself
/// (empty) and a self-test (passed). Zeroed memory reads as empty texts and as the first arm of a
/// result.
const FRAME: &str = r#"(module
  IMPORTS
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $wanted i32) (result i32)
    (local $start i32)
    (local.set $start
      (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
    (global.set $top (i32.add (local.get $start) (local.get $wanted)))
    (local.get $start))
  (func (export "colophon:meta/plugin@1.0.0#describe") (result i32) (i32.const 1024))
  (func (export "colophon:meta/plugin@1.0.0#self-test") (result i32) (i32.const 2048))
  BODY)"#;

/// Fourteen words: a context and a list of facts.
const NAMING: &str = r#"(func (export "colophon:naming/naming@1.0.0#file-name")
  (param i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)"#;

const POLICY: &str =
    r#"(func (export "colophon:policy/policy@1.0.0#evaluate") (param i32) (result i32)"#;

const RETAILERS: &str = r#"(func (export "colophon:retailers/retailers@1.0.0#identify")
  (param i32 i32 i64 i32 i32 i32 i32 i32 i32) (result i32)"#;

/// Calls every file so.
pub fn naming(name: &str) -> Vec<u8> {
    let length = name.len();
    component(
        "naming",
        &format!(
            r#"(data (i32.const 3000) "{name}")
            {NAMING}
              (i32.store (i32.const 4100) (i32.const 3000))
              (i32.store (i32.const 4104) (i32.const {length}))
              (i32.const 4096))"#
        ),
    )
}

/// Calls every file so, after it has read the setting `zone` and the value `zone`.
pub fn asking_naming(name: &str) -> Vec<u8> {
    let length = name.len();
    let imports = r#"
        (import "colophon:host/config@1.0.0" "get" (func $setting (param i32 i32 i32)))
        (import "colophon:host/kv@1.0.0" "get" (func $value (param i32 i32 i32)))"#;
    let body = format!(
        r#"(data (i32.const 3000) "{name}")
        (data (i32.const 3200) "zone")
        {NAMING}
          (call $setting (i32.const 3200) (i32.const 4) (i32.const 5000))
          (call $value (i32.const 3200) (i32.const 4) (i32.const 5100))
          (i32.store (i32.const 4100) (i32.const 3000))
          (i32.store (i32.const 4104) (i32.const {length}))
          (i32.const 4096))"#
    );
    component_with("naming", imports, &body)
}

/// Calls every file so, and takes a compiler a second or more for functions that nobody calls.
pub fn naming_slow_to_compile(name: &str) -> Vec<u8> {
    let addition = "(local.set 0 (i32.add (local.get 0) (local.get 1)))";
    let function = format!(
        "(func (param i32 i32) (result i32) {} (local.get 0))",
        addition.repeat(20_000)
    );
    let length = name.len();
    component(
        "naming",
        &format!(
            r#"(data (i32.const 3000) "{name}")
            {NAMING}
              (i32.store (i32.const 4100) (i32.const 3000))
              (i32.store (i32.const 4104) (i32.const {length}))
              (i32.const 4096))
            {}"#,
            function.repeat(10)
        ),
    )
}

/// Traps whenever a file is to be named.
pub fn trapping_naming() -> Vec<u8> {
    component("naming", &format!("{NAMING} unreachable)"))
}

/// Allows every sale.
pub fn allowing_policy() -> Vec<u8> {
    component("policy", &format!("{POLICY} (i32.const 4096))"))
}

/// Denies every sale, for the reason `closed`.
pub fn denying_policy() -> Vec<u8> {
    component(
        "policy",
        &format!(
            r#"(data (i32.const 3000) "closed")
            {POLICY}
              (i32.store8 (i32.const 4104) (i32.const 1))
              (i32.store (i32.const 4112) (i32.const 3000))
              (i32.store (i32.const 4116) (i32.const 6))
              (i32.const 4096))"#
        ),
    )
}

/// Traps whenever a sale is to be judged.
pub fn trapping_policy() -> Vec<u8> {
    component("policy", &format!("{POLICY} unreachable)"))
}

/// Says of every retailer id that it is this retailer's.
pub fn retailers(record: &str) -> Vec<u8> {
    let length = record.len();
    component(
        "retailers",
        &format!(
            r#"(data (i32.const 3000) "{record}")
            {RETAILERS}
              (i32.store (i32.const 4104) (i32.const 3000))
              (i32.store (i32.const 4108) (i32.const {length}))
              (i32.const 4096))"#
        ),
    )
}

fn component(world: &str, body: &str) -> Vec<u8> {
    component_with(world, "", body)
}

fn component_with(world: &str, imports: &str, body: &str) -> Vec<u8> {
    let core = FRAME.replace("IMPORTS", imports).replace("BODY", body);
    let mut module = wat::parse_str(core).expect("WebAssembly text");
    let mut resolve = Resolve::default();
    let folder: &Path = &workspace().join("wit/1.0");
    let (package, _) = resolve.push_dir(folder).expect("the contract");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("a world of the contract");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
        .expect("a description");
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(&module).expect("a module");
    encoder.encode().expect("a component")
}
