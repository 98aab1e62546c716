//! Bytes that are no components, or only nearly.

use colophon_plugin_host::CATALOG_PLUGIN;
use wasm_encoder::{Component, ComponentSection as _, ComponentSectionId, RawSection};

use super::{Because, House, Refused, plain};

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("WebAssembly text")
}

fn row<'a>(name: &'a str, guest: Vec<u8>, because: Because, says: &'a str) -> Refused<'a> {
    Refused {
        name,
        guest,
        granted: plain(),
        because,
        says,
    }
}

const NOT_ONE: &str = "the plug-in is not a component that this host can compile";

#[tokio::test]
async fn bytes_that_are_no_component_are_refused() {
    let with = |end: &[u8]| [CATALOG_PLUGIN, end].concat();
    let mut other_version = text("(component)");
    other_version[4] = 0x7f;
    let bytes: [(&str, Vec<u8>); 13] = [
        ("nothing", Vec::new()),
        ("the beginning of one", b"\0asm".to_vec()),
        ("a header cut off", text("(component)")[..7].to_vec()),
        ("a later encoding", other_version),
        ("a program", b"\x7fELF\x02\x01\x01\0".to_vec()),
        ("ones", vec![0xff; 4096]),
        ("zeros", vec![0; 4096]),
        ("packed bytes", b"\x1f\x8b\x08\0\0\0\0\0".to_vec()),
        ("text for one", b"(component)".to_vec()),
        ("a module", text("(module)")),
        (
            "a module that is one otherwise",
            text("(module (memory (export \"memory\") 1) (func $start) (start $start))"),
        ),
        ("one with something after it", with(b"and more")),
        ("two in a row", with(CATALOG_PLUGIN)),
    ];
    let house = House::open().await;
    for (name, guest) in bytes {
        let row = row(name, guest, Because::NotAComponent, NOT_ONE);
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn a_component_cut_off_anywhere_is_refused() {
    let house = House::open().await;
    for length in (8..CATALOG_PLUGIN.len()).step_by(1111) {
        let name = format!("cut off after {length} bytes");
        let cut = CATALOG_PLUGIN[..length].to_vec();
        // What is left may end between two sections, and be one that describes nothing.
        let loaded = house.sandbox.load(&cut, plain()).await;
        assert!(loaded.is_err(), "{name}");
    }
    let half = CATALOG_PLUGIN[..CATALOG_PLUGIN.len() / 2].to_vec();
    let row = row("half of one", half, Because::NotAComponent, NOT_ONE);
    house.refuses(row).await;
}

#[tokio::test]
async fn a_damaged_component_harms_nobody() {
    let house = House::open().await;
    let plugins = house.plugins(crate::world::Shelf::empty());
    for at in (8..CATALOG_PLUGIN.len()).step_by(997) {
        let mut damaged = CATALOG_PLUGIN.to_vec();
        damaged[at] ^= 0x55;
        // It may still be one, and is refused or loaded.
        let _ = house.sandbox.load(&damaged, plain()).await;
        let name = format!("damaged at {at}");
        house.serves_the_neighbor(&name, &plugins).await;
    }
}

#[tokio::test]
async fn compiled_code_is_never_taken_from_outside() {
    let engine = wasmtime::Engine::default();
    let component = engine.precompile_component(CATALOG_PLUGIN);
    let component = component.expect("compiled code");
    let module = engine.precompile_module(&text("(module)"));
    let mut forged = component.clone();
    let middle = forged.len() / 2;
    forged[middle..middle + 64].fill(0x90);
    let house = House::open().await;
    for (name, guest) in [
        ("a compiled component", component),
        ("a compiled module", module.expect("compiled code")),
        ("compiled code with other code in it", forged),
    ] {
        let says = "the plug-in is compiled code; upload the component that it was made of";
        house
            .refuses(row(name, guest, Because::Precompiled, says))
            .await;
    }
}

#[tokio::test]
async fn proposals_that_are_switched_off_are_refused() {
    let house = House::open().await;
    for (name, source) in [
        (
            "memories of 64 bits",
            "(component (core module (memory i64 1)))",
        ),
        (
            "shared memories",
            "(component (core module (memory 1 1 shared)))",
        ),
        (
            "vectors as each machine likes them",
            "(component (core module (func (param v128 v128) (result v128)
               (i8x16.relaxed_swizzle (local.get 0) (local.get 1)))))",
        ),
        ("exceptions", "(component (core module (tag (param i32))))"),
        (
            "references to things of the host's",
            "(component (core module (table 1 externref)))",
        ),
        ("structures", "(component (core module (type (struct))))"),
        (
            "a start function of the component's own",
            "(component (import \"f\" (func $f)) (start $f))",
        ),
    ] {
        let row = row(name, text(source), Because::NotAComponent, NOT_ONE);
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn bombs_for_whoever_reads_are_refused() {
    let nested = |depth: usize| {
        let mut bytes = Component::new().finish();
        for _ in 0..depth {
            let mut outer = Component::HEADER.to_vec();
            let id = ComponentSectionId::Component.into();
            RawSection { id, data: &bytes }.append_to_component(&mut outer);
            bytes = outer;
        }
        bytes
    };
    let mut lists = "(type $t0 (list u8))".to_owned();
    for depth in 1..5000 {
        let inner = depth - 1;
        lists.push_str(&format!("(type $t{depth} (list $t{inner}))"));
    }
    let deep = format!("(component {lists} (import \"f\" (func (param \"x\" $t4999))))");
    // Each type holds the one before it twice.
    let mut pairs = "(type $t0 (tuple u8 u8))".to_owned();
    for depth in 1..60 {
        let inner = depth - 1;
        pairs.push_str(&format!("(type $t{depth} (tuple $t{inner} $t{inner}))"));
    }
    let wide = format!("(component {pairs} (import \"f\" (func (param \"x\" $t59))))");
    let house = House::open().await;
    for row in [
        row(
            "33 megabytes",
            vec![0; 33 << 20],
            Because::TooLarge,
            "has 34603008 bytes, more than the 33554432 that are allowed",
        ),
        row(
            "three thousand components in each other",
            nested(3000),
            Because::NotDescribed,
            "does not export",
        ),
        row(
            "lists of lists of lists",
            text(&deep),
            Because::NotAComponent,
            NOT_ONE,
        ),
        row(
            "a type that doubles at each step",
            text(&wide),
            Because::NotAComponent,
            NOT_ONE,
        ),
    ] {
        house.refuses(row).await;
    }
}
