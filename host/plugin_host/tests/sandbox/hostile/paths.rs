//! Guests that answer, but not with the truth.

use std::fs;
use std::os::unix::fs::symlink;

use colophon_core::catalog::PathRefused::{self, Character, Length, Segment};
use colophon_core::catalog::{ObjectPath, StoreRoot};
use colophon_core::naming::FileName;
use colophon_core::plugin::{FoundLocation, PluginFailure, Plugins, ResolverAnswer};
use colophon_origin::{DirectoryStore, OpenError};
use colophon_plugin_host::{Registry, Sandbox};

use super::{House, plain};
use crate::guest::{of_larger_world, resolver};
use crate::world::{Shelf, center, request, resolve, serving};

/// Text as WebAssembly text has it in data.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Where a guest says that the title is, in a root of this name.
async fn found(sandbox: &std::sync::Arc<Sandbox>, root: &str, path: &str) -> FoundLocation {
    let (root_length, path_length) = (root.len(), path.len());
    let (root, path) = (escaped(root), escaped(path));
    let guest = resolver(&format!(
        "(data (i32.const 5000) \"{path}\") (data (i32.const 7000) \"{root}\")
         (func $resolve (param i32) (result i32)
           (drop (call $found (i32.const 5000) (i32.const {path_length})))
           (i32.store (i32.const 4112) (i32.const 7000))
           (i32.store (i32.const 4116) (i32.const {root_length}))
           (i32.const 4096))"
    ));
    let loaded = sandbox.load(&guest, plain()).await.expect("it loads");
    let plugins = Registry::new(
        std::sync::Arc::clone(sandbox),
        std::sync::Arc::new(Shelf::empty()),
        [loaded],
    );
    match resolve(&plugins, "north", "1").await {
        Ok(ResolverAnswer::Found(place)) => place,
        other => panic!("{path:?}: {other:?}"),
    }
}

#[tokio::test]
async fn paths_that_leave_the_root_are_no_places_of_titles() {
    const PATHS: [(&str, &str, PathRefused); 24] = [
        ("upwards", "../../etc/passwd", Segment),
        ("upwards in the middle", "a/../../b", Segment),
        ("upwards at the end", "a/..", Segment),
        ("nothing but upwards", "..", Segment),
        ("here", "./a", Segment),
        ("here in the middle", "a/./b", Segment),
        ("from the top", "/etc/passwd", Segment),
        ("from another server", "//server/share", Segment),
        ("with nothing between", "a//b", Segment),
        ("a folder", "a/", Segment),
        ("backslashes upwards", "a\\..\\..\\b", Character),
        ("both separators", "a/..\\../b", Character),
        ("a share", "\\\\server\\share", Character),
        ("a drive", "c:/windows", Character),
        ("a drive's own folder", "c:x", Character),
        ("a second stream", "book.epub:hidden", Character),
        ("an address", "file:///etc/passwd", Character),
        ("an end in the middle", "book.epub\0.pdf", Character),
        ("nothing but an end", "\0", Character),
        ("two lines", "a\r\nb", Character),
        ("a cleared screen", "a\u{1b}[2J", Character),
        ("a control of Latin-1", "a\u{85}b", Character),
        ("deletion", "a\u{7f}b", Character),
        ("nothing", "", Length),
    ];
    let house = House::open().await;
    for (name, path, because) in PATHS {
        let place = found(&house.sandbox, "main", path).await;
        assert_eq!(place.path, path, "{name}");
        let refused = ObjectPath::parse(&place.path).err();
        assert_eq!(refused, Some(because), "{name}");
        let plugins = house.plugins(Shelf::empty());
        house.serves_the_neighbor(name, &plugins).await;
    }
}

#[tokio::test]
async fn roots_that_nobody_has_set_up_are_none() {
    let house = House::open().await;
    for root in [
        "", "..", "../main", "/", "MAIN", "main/", "main\0", "mаin", "main ",
    ] {
        let place = found(&house.sandbox, root, "a").await;
        assert!(StoreRoot::parse(&place.root).is_none(), "{root:?}");
    }
}

#[tokio::test]
async fn paths_that_only_look_like_others_lead_nowhere() {
    let around = tempfile::tempdir().expect("a folder");
    let root = around.path().join("root");
    fs::create_dir_all(root.join("a/b")).expect("folders");
    fs::write(around.path().join("secret"), "OUT").expect("a file");
    fs::write(root.join("a/b/plain"), "in").expect("a file");
    symlink(around.path().join("secret"), root.join("absolute")).expect("a link");
    symlink("../secret", root.join("relative")).expect("a link");
    symlink("../../../secret", root.join("a/b/deep")).expect("a link");
    symlink("..", root.join("up")).expect("a link");
    symlink("/proc/self/cwd", root.join("magic")).expect("a link");
    symlink("a/b/plain", root.join("inner")).expect("a link");
    let main = StoreRoot::parse("main").expect("a root");
    let store = DirectoryStore::new([(main, root)]);
    let house = House::open().await;
    let opened = async |root: &str, path: &str| {
        let place = found(&house.sandbox, root, path).await;
        let root = StoreRoot::parse(&place.root).expect("a root");
        let path = ObjectPath::parse(&place.path).expect("a path");
        store.open(&root, &path)
    };
    assert!(opened("main", "a/b/plain").await.is_ok());
    for path in [
        "absolute",
        "relative",
        "a/b/deep",
        "up/secret",
        "up/root/a/b/plain",
        "magic/etc/passwd",
        "inner",
        "a/b",
    ] {
        let refused = opened("main", path).await.err();
        assert!(
            matches!(refused, Some(OpenError::NotAnObject(_))),
            "{path:?}: {refused:?}"
        );
    }
    // Written for somebody who decodes, turns around or folds what is no more than a name here.
    for path in [
        "%2e%2e/secret",
        "..%2fsecret",
        "\u{ff0e}\u{ff0e}/secret",
        "\u{2025}/secret",
        "a/b/\u{202e}nialp",
        "a/b/pla\u{200b}in",
        "a/b/PLAIN",
        "...",
        "~root/secret",
        "$HOME/secret",
    ] {
        let refused = opened("main", path).await.err();
        assert!(
            matches!(refused, Some(OpenError::NotFound)),
            "{path:?}: {refused:?}"
        );
    }
    let elsewhere = opened("other", "a/b/plain").await.err();
    assert!(matches!(elsewhere, Some(OpenError::UnknownRoot(_))));
}

#[tokio::test]
async fn names_of_files_that_lie_are_made_harmless() {
    const WIT: &str = "package other:both;
        world guest {
          include colophon:plugin/resolver@1.0.0;
          export colophon:naming/naming@1.0.0;
        }";
    let house = House::open().await;
    let named = async |name: &str| {
        let length = name.len();
        let name = escaped(name);
        let body = format!(
            "(data (i32.const 5000) \"{name}\")
             (func $resolve (param i32) (result i32) (call $not_mine))
             (func (export \"colophon:naming/naming@1.0.0#file-name\")
               (param i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
               (i32.store (i32.const 9004) (i32.const 5000))
               (i32.store (i32.const 9008) (i32.const {length}))
               (i32.const 9000))"
        );
        let guest = of_larger_world(WIT, &[(";; BODY", &body)]);
        let loaded = house.sandbox.load(&guest, plain()).await.expect("it loads");
        let plugins = house.plugins(Shelf::empty());
        plugins.publish(&center("north"), [loaded]);
        plugins.begin(request("north")).file_name(Vec::new()).await
    };
    for (name, safe) in [
        ("Emma", "Emma.epub"),
        ("../../etc/passwd", "_.._etc_passwd.epub"),
        ("/etc/passwd", "_etc_passwd.epub"),
        ("..\\..\\boot.ini", "_.._boot.ini.epub"),
        ("c:\\nul", "c__nul.epub"),
        ("a\r\nSet-Cookie: x", "a Set-Cookie_ x.epub"),
        ("a\"; filename=\"b.exe", "a_; filename=_b.exe.epub"),
        ("a\0.exe", "a .exe.epub"),
        ("gpj\u{202e}exe.", "gpj exe.epub"),
        ("...", "title.epub"),
        ("CON", "titleCON.epub"),
    ] {
        let given = named(name).await.expect("a name");
        assert_eq!(
            FileName::from_text(&given, "epub").as_str(),
            safe,
            "{name:?}"
        );
    }
    for name in ["", "  ", &"a".repeat(1025)] {
        let failure = named(name).await.expect_err("no name");
        let problem = "file name is empty or too long";
        assert_eq!(failure, PluginFailure::Unusable { problem });
    }
}

#[tokio::test]
async fn what_is_said_of_the_stored_file_arrives_as_it_was_said() {
    // A digest that no file has; core holds it against the stored file's.
    let guest = resolver(
        "(func $resolve (param i32) (result i32)
           (i32.store8 (i32.const 4128) (i32.const 1))
           (i32.store (i32.const 4132) (i32.const 8192))
           (i32.store (i32.const 4136) (i32.const 32))
           (i32.store8 (i32.const 4144) (i32.const 1))
           (i64.store (i32.const 4152) (i64.const -1))
           (call $found (i32.const 3000) (i32.const 4)))",
    );
    let plugins = serving(&guest, plain().limits, Shelf::empty()).await;
    let Ok(ResolverAnswer::Found(place)) = resolve(&plugins, "north", "1").await else {
        panic!("not found")
    };
    assert_eq!(place.sha256, Some(vec![0; 32]));
    assert_eq!(place.size, Some(u64::MAX));
}
