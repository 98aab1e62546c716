//! Rights of a title that a publisher holds: a center licenses copies by its leave, and no more
//! than that.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use colophon_keys::{
    AwsLc, KeyKind, Revocation, Subject, SystemRandom, certificates_from_pem, serial_number,
};
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::persona::{Persona, a_day, now_s, platform};
use colophon_title::license::{
    Access, AccessPrincipal, Delegation, DelegationTerms, License, LicenseId, Line, Object,
    ReadyLicensor, RightKind, RightsTemplate,
};
use colophon_title::trust::{CertificateRole, EndCertificate};
use colophon_title::{TitleRefused, TrustRoots};
use sqlx::Connection as _;

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
            shop.house.path().join("trust/publisher.licensor.pem"),
        )
        .unwrap();
        Self { publisher, shop }
    }

    /// The publisher's leave to print so often, for the licensor that the center has now.
    fn delegation(&self, book_id: &str, most: u32) -> PathBuf {
        self.delegation_with(book_id, most, &[])
    }

    fn delegation_with(&self, book_id: &str, most: u32, more: &[&str]) -> PathBuf {
        let mut shown = self.shop.house.colophon();
        shown.args(["center", "signer", "certificate", "--role", "licensor"]);
        let licensor = self.publisher.path().join("licensor.pem");
        fs::write(&licensor, succeed(&mut shown)).unwrap();
        let file = self.shop.house.path().join(format!("leave-{most}.xml"));
        let mut command = self.publisher.colophon();
        command.args(["license", "delegate", "--book-id", book_id]);
        command.arg("--to").arg(&licensor);
        command.arg("--rights").arg(printing(&self.publisher, most));
        command.args(more);
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

    /// SHA-256 of the publisher's licensor's certificate.
    fn publishers_licensor(&self) -> String {
        let listed = self.publisher.json(&["center", "signer", "list"]);
        let mut signers = listed.as_array().unwrap().iter();
        let licensor = signers.find(|signer| signer["role"] == "licensor").unwrap();
        licensor["sha256"].as_str().unwrap().to_owned()
    }

    /// What an operator is told of a receipt.
    fn explain(&self, receipt: &str, form: &str) -> serde_json::Value {
        let file = self.shop.house.path().join("form");
        fs::write(&file, form).unwrap();
        let mut command = self.shop.house.colophon();
        command.args(["--json", "receipt", "explain", receipt, "--certificate"]);
        let output = command.arg(&file).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the doctor says.
    fn certificates(&self) -> String {
        let mut doctor = self.shop.house.colophon();
        let output = doctor.args(["--json", "doctor"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
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
    let by = shown["delegated_by"][0].as_str().unwrap();
    assert!(by.contains(&trade.publishers_licensor()), "{by}");
    let mut shown = house.colophon();
    let output = shown
        .args(["license", "show"])
        .arg(&leave)
        .output()
        .unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&trade.publishers_licensor()), "{said}");
    assert!(!trade.certificates().contains("delegation of"));
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
    let explained = trade.explain(&shop.receipt(ADA, "t-3"), &ada.form(&host));
    assert_eq!(explained["code"], "copy-failed");
    let reasons = explained["reasons"].to_string();
    for words in ["delegated the title's rights is not believed", "revoked"] {
        assert!(reasons.contains(words), "{explained}");
    }
    let next = explained["next"].as_str().unwrap();
    assert!(next.contains("--delegation"), "{explained}");
    let said = trade.certificates();
    assert!(said.contains("delegation of ISBN b-1"), "{said}");
    // The center's own authority is as good as before.
    let mut alone = trade.update(&[]);
    succeed(alone.args(["--no-delegation", "--center-rights"]));
    until(|| {
        let copy = buy(shop, &host, &ada)?;
        let (_, report) = open(house, &copy, &ada).unwrap();
        report.delegations.is_empty().then_some(())
    });
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

    // A new key of the center's is another licensor, so the operator is asked first.
    succeed(&mut trade.update(&[("--delegation", &leave), rights]));
    let fresh = |more: &[&str]| {
        let mut fresh = house.colophon();
        fresh.args(["center", "signer", "new", "--role", "licensor"]);
        fresh.args(more);
        fresh
    };
    let said = fail(&mut fresh(&[]));
    assert!(said.contains("Rights of ISBN b-1 were delegated"), "{said}");
    let host = house.serve(&[]);
    let form = trade.shop.activation.persona(ADA).form(&host);
    let sale = trade.shop.receipt(ADA, "t-1");
    assert_eq!(trade.explain(&sale, &form)["code"], "ready");
    succeed(&mut fresh(&["--yes"]));
    let explained = trade.explain(&sale, &form);
    assert_eq!(explained["code"], "copy-failed");
    let reasons = explained["reasons"].to_string();
    assert!(reasons.contains("to another licensor"), "{explained}");
    let said = fail(&mut trade.update(&[("--delegation", &leave), rights]));
    assert!(said.contains("delegated to another licensor"), "{said}");
    let renewed = trade.delegation("b-1", 1);
    succeed(&mut trade.update(&[("--delegation", &renewed), rights]));

    let mut again = house.colophon();
    let file = house.path().join("book.epub");
    again.args(["title", "add", "--book-id", "b-2", "--level", "5"]);
    again.arg(file).arg("--rights").arg(&within);
    let other_title = trade.delegation("b-2", 1);
    succeed(again.arg("--delegation").arg(&other_title));

    let strangers = House::new();
    fs::remove_file(house.path().join("trust/publisher.licensor.pem")).unwrap();
    fs::copy(
        strangers.path().join("trust/roots.pem"),
        house.path().join("trust/strangers.licensor.pem"),
    )
    .unwrap();
    let said = fail(&mut trade.update(&[("--delegation", &renewed), rights]));
    assert!(said.contains("the licensor is not believed"), "{said}");
}

#[test]
fn leave_is_taken_in_where_copies_are_licensed() {
    let trade = Trade::new();
    let house = &trade.shop.house;
    let within = printing(house, 1);
    let book = house.path().join("book.epub");
    let with_leave = |command: &mut std::process::Command, book_id: &str| {
        let leave = trade.delegation(book_id, 1);
        command.args(["--book-id", book_id, "--rights"]);
        command.arg(&within).arg("--delegation").arg(leave);
    };
    let add = |book_id: &str, more: &[&str]| {
        let mut command = house.colophon();
        command.args(["title", "add"]).arg(&book).args(more);
        with_leave(&mut command, book_id);
        command
    };
    let none = "no copy of this title gets a license";
    let said = fail(&mut add("b-2", &["--level", "3"]));
    assert!(said.contains(none) && said.contains("--licensed"), "{said}");
    succeed(&mut add("b-2", &["--level", "3", "--sign", "tool"]));
    house.add_title(&book, "b-3", &["--level", "2"]);
    let update = |more: &[&str]| {
        let mut command = house.colophon();
        command.args(["title", "update"]).args(more);
        with_leave(&mut command, "b-3");
        command
    };
    let said = fail(&mut update(&[]));
    assert!(said.contains(none), "{said}");
    succeed(&mut update(&["--licensed"]));
}

#[test]
fn another_kind_of_copy_is_sold_only_by_leave_that_is_believed() {
    let trade = Trade::new();
    let house = &trade.shop.house;
    let mut add = house.colophon();
    add.args(["title", "add", "--book-id", "b-2", "--level", "3", "--sign"]);
    add.arg("tool").arg(house.path().join("book.epub"));
    add.arg("--rights").arg(printing(house, 1));
    succeed(add.arg("--delegation").arg(trade.delegation("b-2", 1)));
    let sell_licensed = || {
        let mut command = house.colophon();
        command.args(["title", "update", "--book-id", "b-2", "--licensed"]);
        command
    };
    let publisher = house.path().join("trust/publisher.licensor.pem");
    let trusted = fs::read(&publisher).unwrap();
    fs::remove_file(&publisher).unwrap();
    let said = fail(&mut sell_licensed());
    assert!(said.contains("delegation"), "{said}");
    let forms = || house.json(&["title", "show", "--book-id", "b-2"])["forms"].to_string();
    assert!(!forms().contains("licensed"));
    fs::write(&publisher, trusted).unwrap();
    succeed(&mut sell_licensed());
    assert!(forms().contains("licensed"));
}

/// Leave whose every right asks for the licensor that it was given to, as other programs make it.
fn asking_for_the_delegate(trade: &Trade, book_id: &str) -> PathBuf {
    let mut shown = trade.shop.house.colophon();
    shown.args(["center", "signer", "certificate", "--role", "licensor"]);
    let center = certificates_from_pem(&succeed(&mut shown)).unwrap();
    let center = EndCertificate::parse(&center[0]).unwrap();
    let name = Subject {
        common_name: "another licensor of the publisher".to_owned(),
        organization: None,
    };
    let role = CertificateRole::Licensor;
    let leaf = platform(&trade.publisher)
        .issue(role, &name, KeyKind::P256, a_day(), &mut SystemRandom)
        .unwrap();
    let object = |id_type: &str, id: &str| Object {
        id_type: Line::parse(id_type).unwrap(),
        id: Line::parse(id).unwrap(),
        name: None,
    };
    let signer = Arc::new(leaf.licensor().unwrap());
    let licensor = ReadyLicensor::new(&AwsLc, object("center", "publisher"), signer).unwrap();
    let mut rights = RightsTemplate::viewing();
    // One that asks for nobody comes first, for all else that is in it.
    let terms = DelegationTerms {
        id: LicenseId::from_bytes([3; 16]),
        granted_at_unix_s: now_s() - 60,
        work: &object("ISBN", book_id),
        delegate: &center,
        rights: &rights,
        until_unix_s: None,
        delegated_by: None,
    };
    let signed = terms.sign(&AwsLc, &licensor).unwrap();
    let plain = Delegation::read(signed.document()).unwrap();
    let delegate = plain.license().principals[0].reference.clone();
    rights.rights[0].bundle.access = vec![Access::Principals(vec![AccessPrincipal {
        reference: delegate,
        enabling_bits: None,
    }])];
    let asking = License {
        rights: rights.rights,
        ..plain.license().clone()
    };
    let signed = licensor.sign(&AwsLc, &asking).unwrap();
    let file = trade.shop.house.path().join("asking.xml");
    fs::write(&file, signed.document()).unwrap();
    file
}

#[test]
fn rights_are_tried_for_the_copies_that_are_sold() {
    let trade = Trade::new();
    let house = &trade.shop.house;
    let leave = asking_for_the_delegate(&trade, "b-2");
    let viewing = house.path().join("viewing.xml");
    fs::write(&viewing, RightsTemplate::viewing().to_xml()).unwrap();
    let add = |more: &[&str]| {
        let mut command = house.colophon();
        command
            .args(["title", "add", "--book-id", "b-2"])
            .args(more);
        command.arg(house.path().join("book.epub"));
        command.arg("--rights").arg(&viewing);
        command.arg("--delegation").arg(&leave);
        command
    };
    // A license of a signed copy names nobody, and nobody is more than the delegate.
    let said = fail(&mut add(&["--level", "2", "--sign", "tool"]));
    assert!(said.contains("signed copies below level 5"), "{said}");
    let both = ["--level", "2", "--sign", "tool", "--licensed"];
    let said = fail(&mut add(&both));
    assert!(said.contains("signed copies below level 5"), "{said}");
    succeed(&mut add(&["--level", "5"]));
}

#[test]
fn leave_ends_on_its_day_and_what_was_sold_stays_sold() {
    let trade = Trade::new();
    let (shop, house) = (&trade.shop, &trade.shop.house);
    let within = printing(house, 1);
    let rights = ("--rights", &within);
    // Days begin in UTC; the day after tomorrow is more than a day away.
    let end = (now_s() / 86_400 + 2) * 86_400;
    let day = |unix_s: i64| {
        let at = jiff::Timestamp::from_second(unix_s).unwrap();
        at.strftime("%Y-%m-%d").to_string()
    };
    let leave = trade.delegation_with("b-1", 1, &["--until", &day(end)]);
    succeed(&mut trade.update(&[("--delegation", &leave), rights]));
    let shown = house.json(&["title", "show", "--book-id", "b-1"]);
    assert_eq!(shown["delegated_until"], end);
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let copy = buy(shop, &host, &ada).unwrap();
    open_under(&trade.roots(), &copy, &ada).unwrap();
    let dated = |at: i64| {
        let sale = shop.receipt_with(ADA, "t-2", &["--sold-at", &at.to_string()]);
        (trade.explain(&sale, &ada.form(&host)), sale)
    };
    let (in_time, _) = dated(end - 1);
    assert_eq!(in_time["code"], "ready", "{in_time}");
    let (late, sale) = dated(end);
    let reasons = late["reasons"].to_string();
    assert!(reasons.contains("when the delegation had ended"), "{late}");
    let refused = host.download_licensed(&sale, &ada.form(&host));
    assert_eq!(code(&refused), "copy-failed");

    // It does not end before it begins, and what has ended is not taken in.
    let mut over = trade.publisher.colophon();
    over.args(["license", "delegate", "--book-id", "b-1", "--until"]);
    over.arg(day(now_s() - 86_400));
    over.arg("--to")
        .arg(trade.publisher.path().join("licensor.pem"));
    over.arg("--rights").arg(&within);
    let said = fail(over.arg("--out").arg(house.path().join("over.xml")));
    assert!(said.contains("not before it begins"), "{said}");
}

/// Changes a house's database behind its back.
fn meddle(house: &House, sql: &str) {
    let file = format!("sqlite://{}", house.path().join("colophon.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut file = sqlx::SqliteConnection::connect(&file).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::query(sql).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    });
}

#[test]
fn a_title_with_damaged_rights_is_mended() {
    let trade = Trade::new();
    let house = &trade.shop.house;
    let within = printing(house, 1);
    let leave = trade.delegation("b-1", 1);
    let whole: &[(&str, &PathBuf)] = &[("--delegation", &leave), ("--rights", &within)];
    succeed(&mut trade.update(whole));
    let is_sound = || !trade.certificates().contains("damaged");
    assert!(is_sound());

    meddle(house, "UPDATE titles SET delegation = x'00'");
    assert!(
        trade
            .certificates()
            .contains("ISBN b-1 of main are damaged")
    );
    let mut priced = trade.update(&[]);
    let said = fail(priced.args(["--price", "100EUR"]));
    assert!(said.contains("--no-delegation"), "{said}");
    let said = fail(&mut trade.update(&[("--rights", &within)]));
    assert!(said.contains("--no-delegation"), "{said}");
    // The rest of the title is as it was, and the rights that can be read stay.
    let mut alone = trade.update(&[]);
    succeed(alone.args(["--no-delegation", "--price", "100EUR"]));
    let shown = house.json(&["title", "show", "--book-id", "b-1"]);
    assert_eq!(shown["price"], "100 EUR");
    assert!(shown["rights"].as_str().unwrap().contains("<print"));
    assert!(shown.get("delegated_by").is_none() && is_sound());

    succeed(&mut trade.update(whole));
    meddle(house, "UPDATE titles SET rights = NULL");
    assert!(!is_sound());
    succeed(&mut trade.update(&[("--rights", &within)]));
    let shown = house.json(&["title", "show", "--book-id", "b-1"]);
    assert!(shown["delegated_by"].is_array() && is_sound());
    meddle(house, "UPDATE titles SET rights = '<rights'");
    let mut reset = trade.update(&[]);
    succeed(reset.args(["--no-delegation", "--center-rights"]));
    assert!(is_sound());
}
