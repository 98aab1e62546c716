//! Components that are whole, and no plug-ins of this host.

use super::{Because, House, Refused, plain};
use crate::guest::{of_contract, of_larger_world};
use colophon_plugin_host::{CATALOG_PLUGIN, Granted};

fn row<'a>(name: &'a str, guest: Vec<u8>, because: Because, says: &'a str) -> Refused<'a> {
    Refused {
        name,
        guest,
        granted: plain(),
        because,
        says,
    }
}

/// A component that imports one function without parameters.
fn importing(package: &str, interface: &str, function: &str) -> Vec<u8> {
    let wit = format!(
        "package {package};
         interface {interface} {{ {function}: func(); }}
         world guest {{ import {interface}; }}"
    );
    let (name, version) = package.split_once('@').expect("a version");
    let core = format!("(module (import \"{name}/{interface}@{version}\" \"{function}\" (func)))");
    of_contract(&wit, &core)
}

/// A component that exports one function without parameters.
fn exporting(package: &str, interface: &str, function: &str) -> Vec<u8> {
    let wit = format!(
        "package {package};
         interface {interface} {{ {function}: func(); }}
         world guest {{ export {interface}; }}"
    );
    let (name, version) = package.split_once('@').expect("a version");
    let core = format!("(module (func (export \"{name}/{interface}@{version}#{function}\")))");
    of_contract(&wit, &core)
}

#[tokio::test]
async fn imports_that_no_plug_in_gets_are_named() {
    let house = House::open().await;
    for (package, interface, function) in [
        ("wasi:cli@0.2.0", "environment", "get-arguments"),
        ("wasi:filesystem@0.2.0", "preopens", "get-directories"),
        ("wasi:sockets@0.2.0", "instance-network", "instance-network"),
        ("wasi:clocks@0.2.0", "wall-clock", "now"),
        ("wasi:random@0.2.0", "random", "get-random-u64"),
        ("wasi:http@0.2.0", "outgoing-handler", "handle"),
        ("colophon:host@1.0.0", "secrets", "read"),
        ("colophon:host@1.1.0", "catalog", "find"),
        ("colophon:host@2.0.0", "kv", "get"),
        ("colophon:host@0.9.0", "kv", "get"),
        ("somebody:else@1.0.0", "files", "open"),
    ] {
        let (name, version) = package.split_once('@').expect("a version");
        let import = format!("{name}/{interface}@{version}");
        let guest = importing(package, interface, function);
        let says = format!("imports {import}, which this host does not offer");
        house
            .refuses(row(&import, guest, Because::UnknownImport, &says))
            .await;
    }
    let text = |text: &str| wat::parse_str(text).expect("WebAssembly text");
    for row in [
        row(
            "a function that a known interface does not have",
            importing("colophon:host@1.0.0", "catalog", "drop-all"),
            Because::UnknownImport,
            "imports colophon:host/catalog@1.0.0#drop-all, which this host does not offer",
        ),
        row(
            "a function of no interface",
            text("(component (import \"now\" (func (result u64))))"),
            Because::UnknownImport,
            "imports now, which",
        ),
        row(
            "a module",
            text("(component (import \"code\" (core module)))"),
            Because::UnknownImport,
            "imports code, which",
        ),
        row(
            "a component",
            text("(component (import \"part\" (component)))"),
            Because::NotAComponent,
            "root-level component imports are not supported",
        ),
        row(
            "a resource",
            text(
                "(component (import \"colophon:host/catalog@1.0.0\"
                   (instance (export \"shelf\" (type (sub resource))))))",
            ),
            Because::UnknownImport,
            "imports colophon:host/catalog@1.0.0#shelf, which this host does not offer",
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn imports_that_were_not_granted_are_named_with_the_line_that_is_missing() {
    let house = House::open().await;
    let catalog = Refused {
        granted: Granted::default(),
        ..row(
            "the catalog",
            CATALOG_PLUGIN.to_vec(),
            Because::NotGranted,
            "imports colophon:host/catalog@1.0.0, which it was not granted; its manifest needs \
             'catalog = true', and the operator's grant has to allow it",
        )
    };
    house.refuses(catalog).await;
    for (interface, function, line) in [
        ("kv", "delete", "kv.quota = \"64KiB\""),
        ("http", "fetch", "http.allow = [\"https://HOST/PATH/\"]"),
        ("sql", "run", "[sql.statements.NAME]"),
        ("config", "get", "config = [\"KEY\"]"),
        ("log", "write", "log = true"),
    ] {
        let guest = importing("colophon:host@1.0.0", interface, function);
        let says = format!("its manifest needs '{line}'");
        house
            .refuses(row(interface, guest, Because::NotGranted, &says))
            .await;
    }
}

#[tokio::test]
async fn interfaces_of_another_shape_are_named_with_what_differs() {
    let import = of_contract(
        "package colophon:host@1.0.0;
         interface catalog { find: func(id: u64) -> u64; }
         world guest { import catalog; }",
        r#"(module
             (import "colophon:host/catalog@1.0.0" "find" (func (param i64) (result i64))))"#,
    );
    let export = of_contract(
        "package colophon:meta@1.0.0;
         interface plugin { describe: func() -> u32; self-test: func() -> u32; }
         world guest { export plugin; }",
        r#"(module
             (func (export "colophon:meta/plugin@1.0.0#describe") (result i32) (i32.const 0))
             (func (export "colophon:meta/plugin@1.0.0#self-test") (result i32) (i32.const 0)))"#,
    );
    let half = exporting("colophon:meta@1.0.0", "plugin", "describe");
    let function = wat::parse_str(
        r#"(component
             (core module $m (func (export "f")))
             (core instance $i (instantiate $m))
             (func $f (canon lift (core func $i "f")))
             (export "colophon:meta/plugin@1.0.0" (func $f)))"#,
    )
    .expect("WebAssembly text");
    let house = House::open().await;
    for row in [
        row(
            "an import",
            import,
            Because::Mismatch,
            "colophon:host/catalog@1.0.0",
        ),
        row("an export's types", export, Because::Mismatch, "u32"),
        row(
            "an export without one of its functions",
            half,
            Because::Mismatch,
            "colophon:meta/plugin@1.0.0 is not as the contract has it",
        ),
        row(
            "a function in place of an interface",
            function,
            Because::Mismatch,
            "colophon:meta/plugin@1.0.0",
        ),
    ] {
        house.refuses(row).await;
    }
}

#[tokio::test]
async fn exports_that_this_host_does_not_know_are_named() {
    let only_described = of_larger_world(
        "package other:thing;
         world guest { include colophon:plugin/host@1.0.0; export colophon:meta/plugin@1.0.0; }",
        &[],
    );
    let house = House::open().await;
    for (package, interface, function) in [
        ("colophon:resolver@7.0.0", "resolver", "resolve"),
        ("colophon:resolver@1.1.0", "resolver", "resolve"),
        ("colophon:resolver@0.9.0", "resolver", "resolve"),
        ("colophon:meta@2.0.0", "plugin", "describe"),
        ("colophon:resolver@1.0.0", "finder", "resolve"),
        ("colophon:payments@1.0.0", "payments", "charge"),
    ] {
        let (name, version) = package.split_once('@').expect("a version");
        let export = format!("{name}/{interface}@{version}");
        let guest = exporting(package, interface, function);
        let says = format!("exports {export}; this host knows colophon:meta/plugin@1.0.0");
        house
            .refuses(row(&export, guest, Because::UnknownExport, &says))
            .await;
    }
    for row in [
        row(
            "nothing at all",
            of_contract("package other:thing; world guest {}", "(module)"),
            Because::NotDescribed,
            "does not export colophon:meta/plugin@1.0.0",
        ),
        row(
            "somebody else's role",
            exporting("somebody:else@1.0.0", "resolver", "resolve"),
            Because::NotDescribed,
            "does not export colophon:meta/plugin@1.0.0",
        ),
        row(
            "a description and no role",
            only_described,
            Because::NoRole,
            "it exports none of colophon:resolver/resolver@1.0.0",
        ),
    ] {
        house.refuses(row).await;
    }
}
