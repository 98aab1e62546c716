//! Packages that a plug-in in JavaScript is made with, when their list changes.

use std::fs;

use colophon_tests::author::missing;
use colophon_tests::tool::skipped;

use super::{Author, said};

#[test]
fn a_changed_list_of_packages_is_built_and_an_unchanged_one_built_the_same() {
    const NAME: &str = "a_changed_list_of_packages_is_built_and_an_unchanged_one_built_the_same";
    if let Some(missing) = missing("js") {
        return skipped(NAME, missing);
    }
    let author = Author::new("js", "packages");
    let plugin = author.plugin();
    let lock = || fs::read_to_string(plugin.join("package-lock.json")).unwrap();
    author.build();
    let first = lock();

    // A package that needs no network, and a rule that uses it.
    fs::create_dir(plugin.join("houses")).unwrap();
    fs::write(
        plugin.join("houses/package.json"),
        r#"{ "name": "houses", "version": "1.0.0", "type": "module", "exports": "./houses.js" }"#,
    )
    .unwrap();
    let house = "export const house = \"978316\";\n";
    fs::write(plugin.join("houses/houses.js"), house).unwrap();
    author.change(
        "package.json",
        "\"devDependencies\": {",
        "\"dependencies\": { \"houses\": \"file:houses\" },\n  \"devDependencies\": {",
    );
    author.change(
        "package.json",
        "\"version\": \"0.1.0\"",
        "\"version\": \"0.2.0\"",
    );
    let built = author.colophon(&["build"]);
    let told = said(&built);
    assert!(built.status.success(), "{told}");
    assert!(told.contains("npm has brought it up to date"), "{told}");
    let second = lock();
    assert_ne!(first, second);
    assert!(plugin.join("node_modules/houses/houses.js").is_file());

    // From the sources and the lock file alone, as somebody else has them.
    fs::remove_dir_all(plugin.join("node_modules")).unwrap();
    let built = author.colophon(&["build"]);
    let told = said(&built);
    assert!(built.status.success(), "{told}");
    assert!(!told.contains("brought it up to date"), "{told}");
    assert_eq!(lock(), second);
    let (_, passed) = author.json(&["test"]);
    assert!(passed);

    // What somebody else has brought up to date is installed.
    fs::remove_dir_all(plugin.join("node_modules/houses")).ok();
    fs::remove_file(plugin.join("node_modules/houses")).ok();
    fs::write(plugin.join("package-lock.json"), second + "\n").unwrap();
    author.build();
    assert!(plugin.join("node_modules/houses/houses.js").is_file());
}
