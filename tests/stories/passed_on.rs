//! Rights that are passed on: from a publisher to a center, from that one to the next, and at last
//! to a reader.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::device::Device;
use colophon_tests::person::Person;

use crate::level_five::persona;
use crate::licensed::until;

const BOOK_ID: &str = "b-1";

/// A publisher and centers, each of which trusts as licensors all that stand before it.
struct Line {
    houses: Vec<House>,
}

impl Line {
    fn of(count: usize) -> Self {
        let houses: Vec<House> = (0..count).map(|_| House::new()).collect();
        let line = Self { houses };
        for at in 0..count {
            for before in 0..at {
                line.trust(at, before);
            }
        }
        line
    }

    fn roots(&self, at: usize) -> PathBuf {
        self.houses[at].path().join("trust/roots.pem")
    }

    /// The file by which one house believes the licensors of another.
    fn trusted(&self, at: usize, whom: usize) -> PathBuf {
        let name = format!("trust/house-{whom}.licensor.pem");
        self.houses[at].path().join(name)
    }

    fn trust(&self, at: usize, whom: usize) {
        fs::copy(self.roots(whom), self.trusted(at, whom)).unwrap();
    }

    /// Viewing, and printing so often.
    fn printing(&self, at: usize, most: u32) -> PathBuf {
        let text = format!(
            "<rights xmlns=\"urn:colophon:license:1\"><rights-group name=\"a\"><bundle/><view/>\
             <print max-count=\"{most}\"/></rights-group></rights>"
        );
        let file = self.houses[at].path().join(format!("printing-{most}.xml"));
        fs::write(&file, text).unwrap();
        file
    }

    fn leave_file(&self, to: usize) -> PathBuf {
        self.houses[to].path().join("leave.xml")
    }

    /// One house gives the next leave to print so often.
    fn pass_on(&self, from: usize, most: u32) -> Command {
        let to = from + 1;
        let mut shown = self.houses[to].colophon();
        shown.args(["center", "signer", "certificate", "--role", "licensor"]);
        let licensor = self.houses[from].path().join("next.pem");
        fs::write(&licensor, succeed(&mut shown)).unwrap();
        let mut command = self.houses[from].colophon();
        command.args(["license", "delegate", "--book-id", BOOK_ID, "--to"]);
        command.arg(&licensor).arg("--rights");
        command.arg(self.printing(from, most)).arg("--out");
        command.arg(self.leave_file(to));
        command
    }

    /// A center enters the title with the leave it was given.
    fn take_in(&self, at: usize, most: u32) -> Command {
        let house = &self.houses[at];
        let file = house.path().join("book.epub");
        fs::write(&file, epub("Passed On", "Ada Writer", 2)).unwrap();
        let mut command = house.colophon();
        command.args(["title", "add", "--level", "5", "--book-id", BOOK_ID]);
        command
            .arg(file)
            .arg("--delegation")
            .arg(self.leave_file(at));
        command.arg("--rights").arg(self.printing(at, most));
        command
    }
}

/// The words in which a reader refuses a copy.
fn refused(desk: &Device, copy: &Path) -> String {
    let output = desk.run(&["open", copy.to_str().unwrap()]);
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn trust(desk: &Device, roots: &Path) {
    succeed(desk.reader().args(["trust", "add"]).arg(roots));
}

/// A copy that the seller makes for the person of a reader.
fn buy(house: &House, host: &Host, desk: &Device) -> PathBuf {
    let secret = house.add_retailer("shop", &[]);
    let persona = persona(desk);
    let claims = ["--level", "5", "--user-name", "Ada", "--persona", &persona];
    let receipt = house.mint(&secret, BOOK_ID, "t-1", &claims);
    let answer = host.download_licensed(&receipt, &desk.certificate(host));
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{said}");
    let file = desk.path("Passed On.epub");
    fs::write(&file, &answer.body).unwrap();
    file
}

#[test]
fn rights_are_passed_on_three_times_and_no_further() {
    let line = Line::of(5);
    succeed(&mut line.pass_on(0, 9));
    succeed(&mut line.take_in(1, 9));
    let said = fail(&mut line.pass_on(1, 10));
    assert!(said.contains("was not delegated"), "{said}");
    succeed(&mut line.pass_on(1, 8));
    let said = fail(&mut line.take_in(2, 9));
    assert!(said.contains("was not delegated"), "{said}");
    succeed(&mut line.take_in(2, 8));
    succeed(&mut line.pass_on(2, 7));
    succeed(&mut line.take_in(3, 6));
    let said = fail(&mut line.pass_on(3, 5));
    assert!(said.contains("longer than 4"), "{said}");

    let seller = &line.houses[3];
    let shown = seller.json(&["title", "show", "--book-id", BOOK_ID]);
    assert_eq!(shown["delegated_by"].as_array().unwrap().len(), 3);
    let host = seller.serve(&[]);
    let desk = Device::new("desk", seller);
    desk.activate(&host, &mut Person::sign_up(&host, "ada"));
    let copy = buy(seller, &host, &desk);
    assert!(host.stop());
    // A reader believes a chain where it believes everybody in it.
    for at in 0..3 {
        let said = refused(&desk, &copy);
        assert!(said.contains("licensor is not believed"), "{said}");
        trust(&desk, &line.roots(at));
    }
    let page = desk.open(&copy);
    assert!(page.contains("Passed On"), "{page}");
    let info = succeed(desk.reader().arg("info").arg(&copy));
    assert!(info.contains("print, 6 times"), "{info}");
}

#[test]
fn a_reader_opens_what_rests_on_roots_it_was_activated_for() {
    let line = Line::of(3);
    let seller = &line.houses[2];
    // The seller knows its center by then, and not yet who stands behind that.
    let publisher = line.trusted(2, 0);
    fs::remove_file(&publisher).unwrap();
    let host = seller.serve(&["--set", "trust.poll_ms=20"]);
    let desk = Device::new("desk", seller);
    let mut ada = Person::sign_up(&host, "ada");
    desk.activate(&host, &mut ada);

    succeed(&mut line.pass_on(0, 3));
    succeed(&mut line.take_in(1, 3));
    succeed(&mut line.pass_on(1, 2));
    let said = fail(&mut line.take_in(2, 2));
    assert!(said.contains("licensor is not believed"), "{said}");
    line.trust(2, 0);
    until(|| seller.log().contains("trust-changed").then_some(()));
    succeed(&mut line.take_in(2, 2));

    let copy = buy(seller, &host, &desk);
    for at in 0..2 {
        trust(&desk, &line.roots(at));
    }
    let said = refused(&desk, &copy);
    let words = "none of those this activation was made for";
    assert!(said.contains(words), "{said}");
    desk.activate_again(&host, &mut ada);
    let page = desk.open(&copy);
    assert!(page.contains("Passed On"), "{page}");
}
