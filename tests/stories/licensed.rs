//! Level 5: a copy that opens for one persona alone.

use std::fs;
use std::io::Cursor;

use colophon_crypto::Portable;
use colophon_tests::book::epub;
use colophon_tests::colophon::{Answer, Host, House, fail, succeed};
use colophon_tests::persona::{Activation, Persona};
use colophon_tests::tool::{on_path, skipped};
use colophon_title::license::{LicenseReport, RightKind};
use colophon_title::{Level, OpenTitle, TitleRefused, TrustRoots};

pub(crate) const ADA: &str = "ada@people.example";

/// A house that sells one title at level 5.
pub(crate) struct Shop {
    pub(crate) house: House,
    pub(crate) book: Vec<u8>,
    pub(crate) secret: String,
    pub(crate) activation: Activation,
}

impl Shop {
    pub(crate) fn new(more: &[&str]) -> Self {
        let house = House::new();
        let book = epub("For Ada Alone", "Ada Writer", 4);
        let file = house.path().join("book.epub");
        fs::write(&file, &book).unwrap();
        house.add_title(&file, "b-1", more);
        let secret = house.add_retailer("shop", &[]);
        let activation = Activation::of(&house);
        Self {
            house,
            book,
            secret,
            activation,
        }
    }

    /// A receipt at level 5 for a persona.
    pub(crate) fn receipt(&self, persona: &str, transaction: &str) -> String {
        self.receipt_with(persona, transaction, &[])
    }

    pub(crate) fn receipt_with(&self, persona: &str, transaction: &str, more: &[&str]) -> String {
        let claims = [
            "--level",
            "5",
            "--user-name",
            "Ada L.",
            "--persona",
            persona,
        ];
        let claims = [&claims[..], more].concat();
        self.house.mint(&self.secret, "b-1", transaction, &claims)
    }
}

pub(crate) fn roots(house: &House) -> TrustRoots {
    let mut roots = TrustRoots::new();
    roots
        .add_roots(&fs::read(house.path().join("trust/roots.pem")).unwrap())
        .unwrap();
    roots
}

pub(crate) fn code(answer: &Answer) -> String {
    answer.json()["code"].as_str().unwrap().to_owned()
}

/// Opens a delivered copy with a persona's key: its publication and its license.
pub(crate) fn open(
    house: &House,
    copy: &[u8],
    persona: &Persona,
) -> Result<(Vec<u8>, LicenseReport), TitleRefused> {
    open_under(&roots(house), copy, persona)
}

/// Likewise, under trusted roots of one's choice.
pub(crate) fn open_under(
    roots: &TrustRoots,
    copy: &[u8],
    persona: &Persona,
) -> Result<(Vec<u8>, LicenseReport), TitleRefused> {
    let mut opened =
        OpenTitle::open_licensed(&Portable, Cursor::new(copy.to_vec()), roots, persona)?;
    assert_eq!(opened.level(), Level::FullyIndividualized);
    let license = opened.license().unwrap().clone();
    let mut publication = Cursor::new(Vec::new());
    opened.write_publication(&mut publication).unwrap();
    Ok((publication.into_inner(), license))
}

/// Entries of an archive with their bytes, in the order of names.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut list: Vec<(String, Vec<u8>)> = (0..zip.len())
        .map(|index| {
            let mut entry = zip.by_index(index).unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.name().unwrap().into_owned(), bytes)
        })
        .collect();
    list.sort();
    list
}

fn entry(archive: &[u8], name: &str) -> Vec<u8> {
    let found = entries(archive).into_iter().find(|(path, _)| path == name);
    found.unwrap().1
}

#[test]
fn a_copy_is_bought_opened_and_recorded_for_one_persona() {
    let shop = Shop::new(&["--level", "5", "--sign", "tool,provider"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let receipt = shop.receipt(ADA, "t-1");

    let verified = verify(&host, &receipt);
    assert_eq!(verified["levels"], serde_json::json!([5]));
    let answer = host.download_licensed(&receipt, &ada.form(&host));
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    assert!(answer.complete);
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));

    let (publication, report) = open(house, &answer.body, &ada).unwrap();
    assert_eq!(entries(&publication), entries(&shop.book));
    assert_eq!(report.licensor_subject, "CN=main licensor");
    let kinds: Vec<RightKind> = report.license.rights[0]
        .rights
        .iter()
        .map(|right| right.kind)
        .collect();
    assert_eq!(kinds, [RightKind::View]);

    let eve = shop.activation.persona(ADA);
    assert!(matches!(
        open(house, &answer.body, &eve),
        Err(TitleRefused::OtherPersona)
    ));
    let unlicensed = OpenTitle::open(&Portable, Cursor::new(answer.body.clone()), &roots(house));
    assert!(unlicensed.is_err(), "there is no seal to open it with");

    assert!(host.stop());
    let rows = house.json(&["log", "export"]);
    let row = &rows["rows"][0];
    let license = entry(&answer.body, "META-INF/rights.xml");
    assert_eq!(row["level"], 5);
    assert_eq!(row["license"].as_str().unwrap().as_bytes(), license);

    let event = row["event"].as_str().unwrap();
    let shown = house.json(&["license", "show", "--event", event]);
    assert_eq!(shown["license"].as_str().unwrap().as_bytes(), license);
    assert_eq!(shown["licensor"], "CN=main licensor");
    let copy = house.path().join("copy.epub");
    fs::write(&copy, &answer.body).unwrap();
    // What is printed for people can be read again, and is not believed once it was changed.
    let printed = succeed(house.colophon().args(["license", "show"]).arg(&copy));
    let file = house.path().join("license.xml");
    fs::write(&file, &printed).unwrap();
    let again = succeed(house.colophon().args(["license", "show"]).arg(&file));
    assert_eq!(again, printed);
    fs::write(&file, printed.replacen("main", "mine", 1)).unwrap();
    let refused = fail(house.colophon().args(["license", "show"]).arg(&file));
    assert!(refused.contains("nobody should believe"), "{refused}");
    let odrl = house.json(&["license", "odrl", copy.to_str().unwrap()]);
    assert_eq!(odrl["@type"], "Agreement");
    assert_eq!(odrl["permission"][0]["action"], "display");
    succeed(house.colophon().args(["title", "verify"]));
}

fn verify(host: &Host, receipt: &str) -> serde_json::Value {
    let form = format!("action=verify&value={receipt}");
    let answer = host.request("POST", "/main/ds", &[], Some(&form)).unwrap();
    assert_eq!(answer.status, 200);
    answer.json()
}

#[test]
fn a_delivered_license_is_judged_by_xmlsec() {
    let name = "a_delivered_license_is_judged_by_xmlsec";
    let Some(xmlsec1) = on_path("xmlsec1") else {
        return skipped(name, "xmlsec1");
    };
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), &ada.form(&host));
    let license = String::from_utf8(entry(&answer.body, "META-INF/rights.xml")).unwrap();
    let check = |document: &str| {
        let file = house.path().join("rights.xml");
        fs::write(&file, document).unwrap();
        let mut command = std::process::Command::new(&xmlsec1);
        command
            .args(["--verify", "--trusted-pem"])
            .arg(house.path().join("trust/roots.pem"))
            .args(["--enabled-key-data", "x509"])
            .arg(&file);
        command.output().unwrap().status.success()
    };
    assert!(check(&license), "{license}");
    assert!(!check(&license.replacen(ADA, "eve@people.example", 1)));
}

#[test]
fn two_hosts_with_the_centers_keys_make_the_same_bytes() {
    let shop = Shop::new(&["--level", "2", "--licensed", "--sign", "tool,provider"]);
    let ada = shop.activation.persona(ADA);
    let second = House::copy_of(&shop.house);
    let host = shop.house.serve(&[]);
    // Sold long before those who sign were certified: the copy is dated by their certificates.
    let sale = ["--sold-at", "1500000000"];
    let receipt = shop.receipt_with(ADA, "t-1", &sale);
    let whole = host.download_licensed(&receipt, &ada.form(&host));
    assert_eq!(whole.status, 200);
    open(&shop.house, &whole.body, &ada).unwrap();
    let etag = whole.header("etag").unwrap();

    let other = second.serve(&[]);
    let later = shop.receipt_with(ADA, "t-1", &sale);
    // Another form of the same certificate, and then none at all.
    let again = other.download_licensed(&later, &ada.form(&other));
    assert_eq!(again.header("etag"), Some(etag));
    assert!(
        again.body == whole.body,
        "another host makes the same bytes"
    );
    // A part of what was begun needs no form: the certificate is known here by now.
    let part = until(|| {
        let range = [("Range", "bytes=-900"), ("If-Range", etag)];
        Some(other.download_with(&later, &range)).filter(|answer| answer.status == 206)
    });
    assert!(part.body == whole.body[whole.body.len() - 900..]);

    let sealed = shop
        .house
        .mint(&shop.secret, "b-1", "t-1", &["--level", "2"]);
    let sealed = host.download(&sealed);
    assert_eq!(sealed.status, 200);
    let stolen = OpenTitle::open(&Portable, Cursor::new(sealed.body), &roots(&shop.house));
    assert_eq!(stolen.unwrap().level(), Level::SourceSealed);
}

#[test]
fn a_title_gets_its_licensed_form_when_it_is_first_offered() {
    let shop = Shop::new(&["--level", "3", "--sign", "tool"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let refused = host.download_licensed(&shop.receipt(ADA, "t-1"), &ada.form(&host));
    assert_eq!(code(&refused), "level-unavailable");

    let updated = house.json(&["title", "update", "--book-id", "b-1", "--licensed"]);
    let forms: Vec<&str> = updated["forms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|form| form["form"].as_str().unwrap())
        .collect();
    assert_eq!(forms, ["sealed", "licensed"]);
    let answer = until(|| {
        let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), &ada.form(&host));
        (answer.status == 200).then_some(answer)
    });
    let (publication, _) = open(house, &answer.body, &ada).unwrap();
    assert_eq!(entries(&publication), entries(&shop.book));

    // Raised to level 5, it is sold at no other.
    house.json(&["title", "update", "--book-id", "b-1", "--level", "5"]);
    let three = house.mint(
        &shop.secret,
        "b-1",
        "t-2",
        &["--level", "3", "--user-name", "Ada"],
    );
    until(|| (host.download(&three).status == 403).then_some(()));
    assert_eq!(code(&host.download(&three)), "level-too-low");
    succeed(house.colophon().args(["title", "verify"]));
    succeed(house.colophon().arg("doctor"));
}

#[test]
fn a_file_that_is_no_book_gets_its_licensed_form_too() {
    let house = House::new();
    let file = house.path().join("talk.txt");
    fs::write(&file, "A talk, word by word.").unwrap();
    house.add_title(&file, "b-1", &["--level", "2"]);
    house.json(&["title", "update", "--book-id", "b-1", "--licensed"]);
    let secret = house.add_retailer("shop", &[]);
    let activation = Activation::of(&house);
    let ada = activation.persona(ADA);
    let host = house.serve(&[]);
    let claims = ["--level", "5", "--user-name", "Ada", "--persona", ADA];
    let receipt = house.mint(&secret, "b-1", "t-1", &claims);
    let answer = host.download_licensed(&receipt, &ada.form(&host));
    assert_eq!(answer.status, 200);
    let (content, _) = open(&house, &answer.body, &ada).unwrap();
    assert_eq!(content, b"A talk, word by word.");
}

/// Asks until there is an answer, which must come within seconds.
pub(crate) fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed().as_secs() < 20, "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn a_signed_copy_carries_the_rights_of_its_title() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Signed and Licensed", "Ada Writer", 2)).unwrap();
    let rights = house.path().join("rights.xml");
    let text = "<rights xmlns='urn:colophon:license:1'><rights-group name='a'><bundle/>\
                <view/><print max-count='2'/></rights-group></rights>";
    fs::write(&rights, text).unwrap();
    let rights = rights.to_str().unwrap();
    house.add_title(&file, "b-1", &["--sign", "tool", "--rights", rights]);
    house.add_title(&file, "b-2", &["--sign", "tool"]);
    house.add_title(&file, "b-3", &["--rights", rights]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let licensed = |book_id: &str| {
        let claims = ["--level", "3", "--user-name", "Ada"];
        let answer = host.download(&house.mint(&secret, book_id, "t-1", &claims));
        assert_eq!(answer.status, 200, "{book_id}");
        let roots = roots(&house);
        let opened = OpenTitle::open(&Portable, Cursor::new(answer.body), &roots).unwrap();
        let license = opened.license().map(|report| report.license.clone());
        license.map(|license| {
            assert!(
                license.principals.is_empty(),
                "a sealed copy names no persona"
            );
            license.rights[0].rights.len()
        })
    };
    assert_eq!(licensed("b-1"), Some(2));
    assert_eq!(licensed("b-2"), None, "nobody said what its copies grant");
    assert_eq!(licensed("b-3"), None, "it is not signed");
}
