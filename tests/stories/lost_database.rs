//! An activation database that is gone.

use std::fs;

use colophon_tests::browser::Browser;
use colophon_tests::colophon::{House, fail, succeed};

/// Made anew without a word, it would give everybody's name and every limit away.
#[test]
fn a_lost_activation_database_is_not_made_anew_unless_somebody_says_so() {
    let house = House::new();
    assert!(house.serve(&[]).stop());
    for file in ["activation.db", "activation.db-wal", "activation.db-shm"] {
        let _absent = fs::remove_file(house.path().join(file));
    }
    let commands: [&[&str]; 4] = [
        &["serve", "--listen", "127.0.0.1:0"],
        &["activation", "list"],
        &["title", "list"],
        &["migrate"],
    ];
    // Again and again: the first refusal leaves nothing behind that the next would take for good.
    for command in [commands, commands].concat() {
        let said = fail(house.colophon().args(command));
        assert!(said.contains("restore it from your backup"), "{said}");
        assert!(said.contains("colophon migrate --new-activation"), "{said}");
    }
    succeed(house.colophon().args(["migrate", "--new-activation"]));
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    browser.open("/activation/sign-up").expect(200, "");
    assert!(host.stop());
    succeed(house.colophon().args(["activation", "list"]));
    // What is there is never made anew.
    succeed(house.colophon().args(["migrate", "--new-activation"]));
}
