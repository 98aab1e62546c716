//! Keys that stand in the wrong place.

use super::*;

#[test]
fn a_key_that_stands_in_a_table_is_told_where_it_belongs() {
    for line in ["log = true", "kv.quota = \"64KiB\"", "warm = true"] {
        let papers = [
            Manifest::parse(&format!("{MANIFEST}{line}\n")).map(drop),
            Grant::parse(&format!("plugin = \"a\"\n[limits]\n{line}\n")).map(drop),
        ];
        for refused in papers {
            let Err(PaperRefused::Misplaced { place, .. }) = refused else {
                panic!("{line}: {refused:?}")
            };
            assert!(line.starts_with(place.key));
            let table = &place.table;
            assert!(
                table.to_string().starts_with("[limits] in line "),
                "{table}"
            );
        }
    }
    let told = |text: &str, told: &str| {
        let refused = Grant::parse(text).expect_err(text).to_string();
        assert_eq!(refused, told);
    };
    told(
        "plugin = \"a\"\n[config]\nzone = \"EU\"\ncatalog = true\n",
        "catalog stands in [config] in line 2, and belongs to no table; put its line above [config] in \
         line 2",
    );
    let own_table = "make it a table of its own, [kv], or put its line above [http] in line 2";
    for below in ["kv.quota = \"1KiB\"", "[limits.kv]\nquota = \"1KiB\""] {
        let line = if below.starts_with('[') { 5 } else { 4 };
        let head = if line == 5 { "[limits.kv]" } else { "[limits]" };
        told(
            &format!("plugin = \"a\"\n[http]\nallow = []\n[limits]\n{below}\n"),
            &format!("kv stands in {head} in line {line}, and belongs to no table; {own_table}"),
        );
    }
    // What a table does know, or of its own kind is wrong, stands where it belongs.
    for text in [
        "plugin = \"a\"\n[secrets.log]\nfile = \"/a\"\n",
        "plugin = \"a\"\ncatalog = 1\n[limits]\n",
        "plugin = \"a\"\n[kv]\nquota = 1\n",
    ] {
        let refused = Grant::parse(text).expect_err(text);
        assert!(matches!(refused, PaperRefused::Malformed(_)), "{refused}");
    }
    let unknown = Manifest::parse(&format!("{MANIFEST}roll = 1\n"));
    assert!(matches!(unknown, Err(PaperRefused::Malformed(_))));
}

/// Where names are free a key of the paper's own may be meant as one of them.
#[test]
fn a_free_name_is_misplaced_only_where_the_paper_would_take_it() {
    let misplaced = |text: &str| {
        let refused = Grant::parse(text).expect_err(text);
        matches!(refused, PaperRefused::Misplaced { .. })
    };
    let head = "plugin = \"a\"\n[config]\nzone = \"EU\"\n";
    for own in ["log = 1", "kv = 1", "warm = true", "plugin = 1"] {
        assert!(!misplaced(&format!("{head}{own}\n")), "{own}");
    }
    for meant in ["log = true", "kv.quota = \"1KiB\"", "catalog = true # all"] {
        assert!(misplaced(&format!("{head}{meant}\n")), "{meant}");
        assert!(
            misplaced(&format!("{head}{meant}\n[limits]\nroll = 1\n")),
            "{meant}"
        );
    }
    let secrets = "plugin = \"a\"\n[secrets]\nlog = \"/file\"\n";
    assert!(!misplaced(secrets));
}
