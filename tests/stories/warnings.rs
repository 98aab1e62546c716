//! What is taken, and told of all the same.

use std::fs;

use colophon_tests::colophon::House;

/// What a command that went well has warned of.
fn said(house: &House, secret: &str, arguments: &[&str]) -> String {
    let mut command = house.colophon();
    command.env("COLOPHON_RETAILER_SECRET", secret);
    let output = command.args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    let warnings = said.lines().filter(|line| line.starts_with("colophon: "));
    warnings.collect::<Vec<_>>().join("\n")
}

#[test]
fn rights_that_nobody_can_use_are_taken_and_told_of() {
    let house = House::new();
    let file = house.path().join("rights.xml");
    let set = |groups: &str| {
        let rights = format!("<rights xmlns='urn:colophon:license:1'>{groups}</rights>");
        fs::write(&file, rights).unwrap();
        let file = file.to_str().unwrap();
        said(&house, "", &["center", "rights", "--set", file])
    };
    let good = "<rights-group name='reading'><bundle/><view/></rights-group>";
    assert_eq!(set(good), "");
    let over = "<rights-group name='over'><bundle><time until='1000000000'/></bundle><view/>\
                </rights-group>";
    let told = set(over);
    assert!(
        told.contains("the view right of group over cannot be used: the right has ended"),
        "{told}"
    );
    let elsewhere = "<rights-group name='printing'><bundle><location country='DE'/></bundle>\
                     <print><location country='FR'/></print></rights-group>";
    let told = set(&format!("{good}{elsewhere}"));
    assert!(told.contains("group printing cannot be used"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    let told = set("<rights-group name='printing'><bundle/><print/></rights-group>");
    assert!(told.contains("no group grants view"), "{told}");
}

#[test]
fn a_receipt_for_level_five_is_minted_with_what_its_download_needs() {
    let house = House::new();
    let secret = house.add_retailer("shop", &[]);
    let mint = |more: &[&str]| {
        let usual = [
            "receipt",
            "mint",
            "--book-id",
            "b-1",
            "--transaction",
            "t-1",
        ];
        said(&house, &secret, &[&usual, more].concat())
    };
    assert_eq!(mint(&[]), "");
    assert_eq!(mint(&["--level", "3"]), "");
    let told = mint(&["--level", "5"]);
    for needed in ["--persona", "--user-name", "the field Certificate"] {
        assert!(told.contains(needed), "{needed:?} is not in {told}");
    }
    let whole = [
        "--level",
        "5",
        "--user-name",
        "Ada",
        "--persona",
        "ada@people.example",
    ];
    let told = mint(&whole);
    assert!(told.contains("the field Certificate"), "{told}");
    assert!(!told.contains("refused"), "{told}");
}
