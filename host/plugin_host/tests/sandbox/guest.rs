//! Components made of a few lines of WebAssembly text.
//!
//! `guests/frame.wat` has what every component needs; a test puts in what its guest does wrong.

use std::path::{Path, PathBuf};

use wasm_encoder::{
    ComponentSection as _, ComponentSectionId, InstanceSection, ModuleArg, RawSection,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup};

const FRAME: &str = include_str!("guests/frame.wat");

/// The contract that plug-ins of this host are held against.
fn contract() -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve::default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/1.0");
    let (package, _) = resolve.push_dir(&folder).expect("the contract");
    (resolve, package)
}

/// A resolver with these definitions beside the frame's; `$resolve` must be among them.
pub(crate) fn resolver(body: &str) -> Vec<u8> {
    reworked(&[(";; BODY", body)])
}

/// The frame with some of its text replaced. Where the body is not, the guest finds nothing.
pub(crate) fn reworked(changes: &[(&str, &str)]) -> Vec<u8> {
    let (resolve, package) = contract();
    encode(&framed(changes), &resolve, package, "resolver")
}

/// The same as a component of a larger world: `wit` is a package of its own with the world `guest`,
/// which includes one of the contract's.
pub(crate) fn of_larger_world(wit: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    let (mut resolve, _) = contract();
    let package = push(&mut resolve, wit);
    encode(&framed(changes), &resolve, package, "guest")
}

/// The same component with more modules in it, each of which is started beside its own.
pub(crate) fn with_modules<'a>(
    mut component: Vec<u8>,
    modules: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let first = modules_of(&component);
    let mut instances = InstanceSection::new();
    for (index, data) in (first..).zip(modules) {
        let id = ComponentSectionId::CoreModule.into();
        RawSection { id, data }.append_to_component(&mut component);
        instances.instantiate(index, [] as [(&str, ModuleArg); 0]);
    }
    instances.append_to_component(&mut component);
    component
}

/// A resolver that finds nothing, with so many modules of this text beside its own.
pub(crate) fn nothing_beside(module: &str, count: usize) -> Vec<u8> {
    let module = wat::parse_str(module).expect("WebAssembly text");
    let modules = std::iter::repeat_n(module.as_slice(), count);
    with_modules(reworked(&[]), modules)
}

/// How many modules lie in a component, without those of components in it.
fn modules_of(component: &[u8]) -> u32 {
    let mut count = 0;
    let mut rest = &component[8..];
    while let [id, after @ ..] = rest {
        count += u32::from(*id == u8::from(ComponentSectionId::CoreModule));
        let (size, after) = leb128(after);
        rest = &after[size..];
    }
    count
}

fn leb128(bytes: &[u8]) -> (usize, &[u8]) {
    let more = bytes.iter().take_while(|byte| **byte >= 0x80).count();
    let (number, rest) = bytes.split_at(more + 1);
    let bits = number.iter().rev();
    (
        bits.fold(0, |sum, byte| sum << 7 | usize::from(byte & 0x7f)),
        rest,
    )
}

/// The frame's text with some of it replaced.
fn framed(changes: &[(&str, &str)]) -> String {
    let mut core = FRAME.to_owned();
    for (old, new) in changes {
        assert!(core.contains(old), "the frame has no {old}");
        core = core.replace(old, new);
    }
    let nothing = "(func $resolve (param i32) (result i32) (call $not_mine))";
    core.replace(";; BODY", nothing)
}

/// A resolver of version 1.1 of the contract, which lies in this folder.
pub(crate) fn of_next_version(folder: &Path, imports: &str, body: &str) -> Vec<u8> {
    let core = FRAME.replace("@1.0.0", "@1.1.0");
    let core = core.replace(";; IMPORTS", imports).replace(";; BODY", body);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).expect("the contract");
    encode(&core, &resolve, package, "resolver")
}

/// A resolver that answers, as long as nothing is asked of it that it does not survive.
pub(crate) fn resolver_that_first(wrongs: &str) -> Vec<u8> {
    resolver(&format!(
        "(func $resolve (param i32) (result i32) {wrongs} (call $not_mine))"
    ))
}

/// Says of every retailer id that it is this retailer's.
pub(crate) fn retailers(record: &str) -> Vec<u8> {
    let core = include_str!("guests/retailers.wat")
        .replace("RECORD", record)
        .replace("LENGTH", &record.len().to_string());
    let (resolve, package) = contract();
    encode(&core, &resolve, package, "retailers")
}

/// A component of another contract, given as WIT text; its world is called `guest`.
pub(crate) fn of_contract(wit: &str, core: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = push(&mut resolve, wit);
    encode(core, &resolve, package, "guest")
}

fn push(resolve: &mut Resolve, wit: &str) -> wit_parser::PackageId {
    let parsed = UnresolvedPackageGroup::parse(PathBuf::from("other.wit"), wit);
    resolve
        .push_group(parsed.expect("WIT text"))
        .expect("a package")
}

fn encode(core: &str, resolve: &Resolve, package: wit_parser::PackageId, world: &str) -> Vec<u8> {
    let mut module = wat::parse_str(core).expect("WebAssembly text");
    let world = resolve
        .select_world(&[package], Some(world))
        .expect("a world");
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false)
        .expect("a description");
    let mut encoder = ComponentEncoder::default();
    let encoder = encoder.module(&module).expect("a module");
    encoder.encode().expect("a component")
}
