//! Rights of a title that a publisher holds: a center licenses copies by its leave, and no more
//! than that.

use std::fs;
use std::path::PathBuf;

use colophon_keys::{Revocation, serial_number};
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::persona::{Persona, a_day, now_s, platform};
use colophon_title::license::RightKind;
use colophon_title::{TitleRefused, TrustRoots};

use crate::licensed::{ADA, Shop, code, open, open_under, roots, until};

/// What is granted: viewing, and printing so often.
fn printing(house: &House, most: u32) -> PathBuf {
    let text = format!(
        "<rights xmlns=\"urn:colophon:license:1\"><rights-group name=\"a\"><bundle/><view/>\
         <print max-count=\"{most}\"/></rights-group></rights>"
    );
    let file = house.path().join(format!("printing-{most}.xml"));
    fs::write(&file, text).unwrap();
    file
}

/// A publisher, and a center that trusts it and sells a title of it.
struct Trade {
    publisher: House,
    shop: Shop,
}

impl Trade {
    fn new() -> Self {
        let publisher = House::new();
        let shop = Shop::new(&["--level", "5"]);
        fs::copy(
            publisher.path().join("trust/roots.pem"),
            shop.house.path().join("trust/publisher.pem"),
        )
        .unwrap();
        Self { publisher, shop }
    }

    /// The publisher's leave to print so often, for the licensor that the center has now.
    fn delegation(&self, book_id: &str, most: u32) -> PathBuf {
        let mut shown = self.shop.house.colophon();
        shown.args(["center", "signer", "certificate", "--role", "licensor"]);
        let licensor = self.publisher.path().join("licensor.pem");
        fs::write(&licensor, succeed(&mut shown)).unwrap();
        let file = self.shop.house.path().join(format!("leave-{most}.xml"));
        let mut command = self.publisher.colophon();
        command.args(["license", "delegate", "--book-id", book_id]);
        command.arg("--to").arg(&licensor);
        command.arg("--rights").arg(printing(&self.publisher, most));
        succeed(command.arg("--out").arg(&file));
        file
    }

    fn update(&self, more: &[(&str, &PathBuf)]) -> std::process::Command {
        let mut command = self.shop.house.colophon();
        command.args(["title", "update", "--book-id", "b-1"]);
        for (flag, file) in more {
            command.arg(flag).arg(file);
        }
        command
    }

    /// The roots of both, as a reader has them that reads the publisher's books.
    fn roots(&self) -> TrustRoots {
        let mut both = roots(&self.shop.house);
        let publisher = fs::read(self.publisher.path().join("trust/roots.pem"));
        both.add_roots(&publisher.unwrap()).unwrap();
        both
    }
}

fn buy(shop: &Shop, host: &Host, ada: &Persona) -> Option<Vec<u8>> {
    let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), &ada.form(host));
    (answer.status == 200).then_some(answer.body)
}

#[test]
fn a_center_licenses_by_a_publishers_leave_and_no_more_than_that() {
    let trade = Trade::new();
    let (shop, house) = (&trade.shop, &trade.shop.house);
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let leave = trade.delegation("b-1", 3);

    // Rights of the center's own are the center's to change, so they are not enough.
    let said = fail(&mut trade.update(&[("--delegation", &leave)]));
    assert!(said.contains("rights of its own"), "{said}");
    let too_much = printing(house, 4);
    let said = fail(&mut trade.update(&[("--delegation", &leave), ("--rights", &too_much)]));
    assert!(
        said.contains("print right of group a was not delegated"),
        "{said}"
    );
    let within = printing(house, 2);
    succeed(&mut trade.update(&[("--delegation", &leave), ("--rights", &within)]));
    let shown = house.json(&["title", "show", "--book-id", "b-1"]);
    assert_eq!(
        shown["delegated_by"],
        serde_json::json!(["CN=main licensor"])
    );
    // What is there is not widened later either.
    let said = fail(&mut trade.update(&[("--rights", &too_much)]));
    assert!(said.contains("was not delegated"), "{said}");
    let mut reset = trade.update(&[]);
    let said = fail(reset.arg("--center-rights"));
    assert!(said.contains("--no-delegation"), "{said}");

    let copy = until(|| {
        let copy = buy(shop, &host, &ada).unwrap();
        let (_, report) = open_under(&trade.roots(), &copy, &ada).unwrap();
        (report.delegations.len() == 1).then_some(copy)
    });
    let (_, report) = open_under(&trade.roots(), &copy, &ada).unwrap();
    let rights = report.license.rights[0].rights.iter();
    let rights: Vec<_> = rights.map(|right| (right.kind, right.max_count)).collect();
    assert_eq!(
        rights,
        [(RightKind::View, None), (RightKind::Print, Some(2))]
    );
    let publishers = report.delegations[0].rights[0].rights[1].max_count;
    assert_eq!(publishers, Some(3));
    // Who does not believe the publisher does not believe the license.
    let refused = open(house, &copy, &ada).unwrap_err();
    assert!(matches!(refused, TitleRefused::License(_)), "{refused:?}");

    // A sale of long ago is dated by the leave; the same purchase makes the same bytes.
    let sale = shop.receipt_with(ADA, "t-2", &["--sold-at", "1500000000"]);
    let early = host.download_licensed(&sale, &ada.form(&host));
    let again = host.download_licensed(&sale, &ada.form(&host));
    assert_eq!(early.status, 200);
    assert!(early.body == again.body);
    open_under(&trade.roots(), &early.body, &ada).unwrap();

    // The publisher's licensor is revoked: nobody would believe a copy, so none is made.
    let mut shown = trade.publisher.colophon();
    shown.args(["center", "signer", "certificate", "--role", "licensor"]);
    let certificates = colophon_keys::certificates_from_pem(&succeed(&mut shown)).unwrap();
    let revoked = Revocation {
        serial: serial_number(&certificates[0]).unwrap(),
        at_unix_s: now_s() - 60,
    };
    let list = platform(&trade.publisher).revocation_list(&[revoked], 1, a_day());
    fs::write(house.path().join("trust/publisher.crl"), list.unwrap()).unwrap();
    let answer = until(|| {
        let answer = host.download_licensed(&shop.receipt(ADA, "t-3"), &ada.form(&host));
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(code(&answer), "copy-failed");
}

#[test]
fn leave_for_another_title_key_or_place_is_refused() {
    let trade = Trade::new();
    let house = &trade.shop.house;
    let within = printing(house, 1);
    let rights = ("--rights", &within);

    let other_title = trade.delegation("b-2", 1);
    let said = fail(&mut trade.update(&[("--delegation", &other_title), rights]));
    assert!(said.contains("is about ISBN b-2"), "{said}");

    let leave = trade.delegation("b-1", 1);
    let changed = house.path().join("changed.xml");
    let text = fs::read_to_string(&leave).unwrap();
    let wider = text.replace("max-count=\"1\"", "max-count=\"9\"");
    fs::write(&changed, wider).unwrap();
    let said = fail(&mut trade.update(&[("--delegation", &changed), rights]));
    assert!(said.contains("not the one that was signed"), "{said}");

    // A new key of the center's is another licensor, of which the operator is told.
    succeed(&mut trade.update(&[("--delegation", &leave), rights]));
    let mut fresh = house.colophon();
    fresh.args(["center", "signer", "new", "--role", "licensor"]);
    let output = fresh.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("ISBN b-1 is licensed under a delegation"),
        "{said}"
    );
    let said = fail(&mut trade.update(&[("--delegation", &leave), rights]));
    assert!(said.contains("delegated to another licensor"), "{said}");
    let renewed = trade.delegation("b-1", 1);
    succeed(&mut trade.update(&[("--delegation", &renewed), rights]));

    let strangers = House::new();
    fs::remove_file(house.path().join("trust/publisher.pem")).unwrap();
    fs::copy(
        strangers.path().join("trust/roots.pem"),
        house.path().join("trust/strangers.pem"),
    )
    .unwrap();
    let said = fail(&mut trade.update(&[("--delegation", &renewed), rights]));
    assert!(said.contains("the licensor is not believed"), "{said}");
}
