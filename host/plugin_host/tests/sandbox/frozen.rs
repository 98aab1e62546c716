//! Contracts that were published: none of their files changes, and each version goes on with the one
//! before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};
use wit_parser::Resolve;

use crate::guest::{of_next_version, resolver_that_first};
use crate::next_contract::{GROWN, contracts, files, next_version};

/// Every file below a folder with its digest, by its place in the folder.
fn digests(folder: &Path) -> BTreeMap<String, String> {
    let digested = files(folder).into_iter().map(|place| {
        let mut digest = String::new();
        for byte in Sha256::digest(fs::read(folder.join(&place)).expect("a file")) {
            write!(digest, "{byte:02x}").expect("text");
        }
        (place.to_str().expect("text").to_owned(), digest)
    });
    digested.collect()
}

/// The digests and places that a list names.
fn listed(list: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once("  "))
}

/// What is wrong with a version's folder, where the list says how it was published.
fn changed(list: &str, version: &str, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut published: BTreeMap<&str, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (digest, place) in listed(list) {
        let below = place.strip_prefix(version);
        let Some(place) = below.and_then(|place| place.strip_prefix('/')) else {
            continue;
        };
        // Or a later line would say that something else was published.
        if published.insert(place, digest).is_some() {
            wrong.push(format!("{version}/{place} is listed twice"));
        }
    }
    for (place, digest) in &published {
        match now.get(*place) {
            Some(now) if now == digest => {}
            Some(_) => wrong.push(format!("{version}/{place} was changed")),
            None => wrong.push(format!("{version}/{place} is gone")),
        }
    }
    let added = now
        .keys()
        .filter(|place| !published.contains_key(place.as_str()));
    wrong.extend(added.map(|place| format!("{version}/{place} was added")));
    wrong
}

/// The version that a folder is called after.
fn version(folder: &str) -> Option<(u32, u32)> {
    let (major, minor) = folder.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Versions of the plug-ins' contract from the oldest on: those that have a folder, and those that
/// the list names, whose folders may be gone.
fn versions(list: &str, folders: &[String]) -> Vec<String> {
    let of_folders = folders.iter().filter_map(|folder| version(folder));
    let of_list = listed(list).filter_map(|(_, place)| version(place.split_once('/')?.0));
    let versions: BTreeSet<(u32, u32)> = of_folders.chain(of_list).collect();
    let names = versions
        .iter()
        .map(|(major, minor)| format!("{major}.{minor}"));
    names.collect()
}

/// The list of everything that was published.
fn published() -> String {
    fs::read_to_string(contracts().join("FROZEN")).expect("the list")
}

/// What lies beside the list.
fn folders() -> Vec<String> {
    let entries = fs::read_dir(contracts()).expect("contracts");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    names.filter_map(|name| name.into_string().ok()).collect()
}

/// Whether a plug-in of the older contract is one of the newer, world by world.
fn compatible(older: &Path, newer: &Path) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let mut push = |folder: &Path| resolve.push_dir(folder).map(|(package, _)| package);
    let older = push(older).map_err(|error| error.to_string())?;
    let newer = push(newer).map_err(|error| error.to_string())?;
    let package = |package| resolve.packages.get(package).expect("what was pushed");
    let worlds: Vec<_> = package(older)
        .worlds
        .iter()
        .map(|(name, world)| (name.clone(), *world))
        .collect();
    for (name, older) in worlds {
        let newer = package(newer).worlds.get(&name);
        let newer = *newer.ok_or_else(|| format!("the world {name} is gone"))?;
        wit_component::semver_check(resolve.clone(), older, newer)
            .map_err(|error| format!("world {name}: {error:#}"))?;
    }
    Ok(())
}

#[test]
fn a_published_version_never_changes() {
    let list = published();
    let folders = folders();
    let versions = versions(&list, &folders);
    assert!(!versions.is_empty());
    for version in &versions {
        let now = match folders.contains(version) {
            true => digests(&contracts().join(version)),
            false => BTreeMap::new(),
        };
        let wrong = changed(&list, version, &now);
        assert!(
            wrong.is_empty(),
            "{wrong:#?}\nA published contract is not changed: make a folder of the next version, and \
             put its digests into wit/FROZEN when it is published."
        );
    }
}

#[test]
fn every_way_to_change_a_version_is_seen() {
    let folder = contracts().join("1.0");
    let list: String = digests(&folder)
        .iter()
        .map(|(place, digest)| format!("{digest}  1.0/{place}\n"))
        .collect();
    let seen = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut now = digests(&folder);
        change(&mut now);
        changed(&list, "1.0", &now)
    };
    assert_eq!(seen(&|_| {}), Vec::<String>::new());
    let gone = seen(&|now| drop(now.remove("world.wit")));
    assert_eq!(gone, ["1.0/world.wit is gone"]);
    let other = seen(&|now| drop(now.insert("world.wit".to_owned(), "0".repeat(64))));
    assert_eq!(other, ["1.0/world.wit was changed"]);
    let added = seen(&|now| drop(now.insert("new.wit".to_owned(), "0".repeat(64))));
    assert_eq!(added, ["1.0/new.wit was added"]);
    // A version that nobody has listed is not published.
    assert!(!changed("", "1.0", &digests(&folder)).is_empty());
    // A second line for a file does not take the place of the first.
    let twice = format!("{}  1.0/world.wit\n{list}", "0".repeat(64));
    let twice = changed(&twice, "1.0", &digests(&folder));
    assert_eq!(twice, ["1.0/world.wit is listed twice"]);
}

#[test]
fn a_version_is_one_by_its_folder_or_by_the_list() {
    let list = "# 9.9/text\n0  1.0/world.wit\n1  1.0/deps/a.wit\n2  2.10/world.wit\n";
    let folders = ["2.9", "1.0", "README.md", "FROZEN"].map(str::to_owned);
    assert_eq!(versions(list, &folders), ["1.0", "2.9", "2.10"]);
    assert_eq!(versions(list, &[]), ["1.0", "2.10"]);
    // A version whose folder is gone is gone file by file.
    let gone = changed(list, "2.10", &BTreeMap::new());
    assert_eq!(gone, ["2.10/world.wit is gone"]);
}

#[test]
fn each_version_goes_on_with_the_one_before() {
    for pair in versions(&published(), &folders()).windows(2) {
        let [older, newer] = pair else { continue };
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(older) == major(newer) {
            let held = compatible(&contracts().join(older), &contracts().join(newer));
            assert_eq!(held, Ok(()), "{older} and {newer}");
        }
    }
}

#[track_caller]
fn check(file: &str, change: (&str, &str), expected: bool) {
    let next = next_version(file, change);
    let held = compatible(&contracts().join("1.0"), next.path());
    assert_eq!(held.is_ok(), expected, "{change:?}: {held:?}");
}

#[test]
fn a_next_version_may_add_an_interface() {
    check("world.wit", ("package", "package"), true);
    check(GROWN.0, GROWN.1, true);
}

#[test]
fn a_next_version_may_not_change_what_is_there() {
    check(
        "deps/types/common.wit",
        (
            "        minor: u64,",
            "        minor: u64,\n        tax: u64,",
        ),
        false,
    );
    check(
        "deps/host/sql.wit",
        (
            "        too-large,",
            "        too-large,\n        too-small,",
        ),
        false,
    );
    check(
        "deps/host/kv.wit",
        (
            "get: func(key: string)",
            "get: func(key: string, fresh: bool)",
        ),
        false,
    );
    check(
        "deps/host/config.wit",
        ("get: func(key: string) -> option<string>;", ""),
        false,
    );
    check(
        "deps/naming/naming.wit",
        (
            "file-name: func(",
            "folder-name: func() -> string;\n    file-name: func(",
        ),
        false,
    );
    check(
        "world.wit",
        (
            "world naming {\n    include host;",
            "world naming {\n    include host;\n    export colophon:policy/policy@1.1.0;",
        ),
        false,
    );
}

/// What a resolver says, called by the names of version 1.1.
fn resolved(linker: &Linker<()>, wasm: &[u8]) -> Val {
    let text = |text: &str| Val::String(text.to_owned());
    let record = |fields: &[(&str, Val)]| {
        let fields = fields.iter();
        Val::Record(
            fields
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        )
    };
    let context = record(&[
        ("request-id", text("0")),
        ("now-ms", Val::U64(1)),
        ("center", text("north")),
        ("retailer", text("shop")),
        ("territory", Val::Option(None)),
        ("extra", Val::List(Vec::new())),
    ]);
    let book = record(&[("id-type", text("ISBN")), ("id", text("1"))]);
    let component = Component::new(linker.engine(), wasm).expect("a component");
    let mut store = Store::new(linker.engine(), ());
    let instance = linker
        .instantiate(&mut store, &component)
        .expect("an instance");
    let interface = "colophon:resolver/resolver@1.1.0";
    let interface = instance.get_export_index(&mut store, None, interface);
    let interface = interface.expect("the role");
    let resolve = instance.get_export_index(&mut store, Some(&interface), "resolve");
    let resolve = resolve.and_then(|resolve| instance.get_func(&mut store, resolve));
    let mut given = [Val::Bool(false)];
    resolve
        .expect("the function")
        .call(&mut store, &[context, book, Val::Option(None)], &mut given)
        .expect("an answer");
    let [given] = given;
    given
}

/// The engine, as a host of a next version would have it: one linker, named after the newest.
#[test]
fn a_linker_of_the_next_version_serves_plug_ins_of_both() {
    let next = next_version(GROWN.0, GROWN.1);
    let newer = of_next_version(
        next.path(),
        r#"(import "colophon:plugin/weather@1.1.0" "sunny" (func $sunny (result i32)))"#,
        "(func $resolve (param i32) (result i32)
           (if (result i32) (call $sunny)
             (then (call $found (i32.const 3000) (i32.const 4)))
             (else (call $not_mine))))",
    );
    let older = resolver_that_first("");
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    let mut catalog = linker
        .instance("colophon:host/catalog@1.1.0")
        .expect("a name");
    catalog
        .func_new("find", |_, _, _, results| {
            results[0] = Val::Result(Ok(Some(Box::new(Val::Option(None)))));
            Ok(())
        })
        .expect("a function");
    let mut weather = linker
        .instance("colophon:plugin/weather@1.1.0")
        .expect("a name");
    weather
        .func_new("sunny", |_, _, _, results| {
            results[0] = Val::Bool(true);
            Ok(())
        })
        .expect("a function");
    for (wasm, arm) in [
        (&older, "not-mine"),
        (&newer, "found"),
        (&older, "not-mine"),
    ] {
        let Val::Result(Ok(Some(answer))) = resolved(&linker, wasm) else {
            panic!("{arm}: a failure")
        };
        assert!(
            matches!(&*answer, Val::Variant(name, _) if name == arm),
            "{answer:?}"
        );
    }
}

/// A plug-in of a newer version than the host's is refused by name, before anything of it runs.
#[tokio::test]
async fn a_plug_in_of_the_next_version_is_refused_by_this_host() {
    let next = next_version(GROWN.0, GROWN.1);
    let newer = of_next_version(
        next.path(),
        "",
        "(func $resolve (param i32) (result i32) (call $not_mine))",
    );
    let granted = colophon_plugin_host::Granted::catalog(crate::services::hasty());
    let Err(refused) = crate::world::sandbox().load(&newer, granted).await else {
        panic!("it was loaded")
    };
    let refused = refused.to_string();
    assert!(refused.contains("@1.1.0"), "{refused}");
}
