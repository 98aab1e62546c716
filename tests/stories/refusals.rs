//! What is refused, and who learns why.

use std::fs;

use colophon_tests::book::epub;
use colophon_tests::colophon::{Host, House, fail, succeed};

#[test]
fn strangers_learn_nothing_and_retailers_learn_the_code() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Refused", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer(
        "shop",
        &["--error-url", "https://shop.example/sorry?lang=en"],
    );
    let nameless = house.add_retailer("kiosk", &[]);
    let host = house.serve(&[]);

    let low = host.download(&house.mint(&secret, "b-1", "t-1", &["--level", "1"]));
    assert_eq!(low.status, 303);
    assert_eq!(
        low.header("location"),
        Some("https://shop.example/sorry?lang=en&code=level-too-low")
    );
    let problem = host.download(&house.mint(&nameless, "b-1", "t-1", &["--level", "1"]));
    assert_eq!(
        (problem.status, problem.header("content-type")),
        (403, Some("application/problem+json"))
    );
    assert_eq!(problem.json()["code"], "level-too-low");

    // A receipt that does not open: its retailer is told so, and nothing more.
    let genuine = house.mint(&secret, "b-1", "t-1", &[]);
    let (head, tag) = genuine.rsplit_once('.').unwrap();
    let other = if tag.starts_with('A') { "B" } else { "A" };
    let forged = host.download(&format!("{head}.{other}{}", &tag[1..]));
    assert_eq!(
        forged.header("location"),
        Some("https://shop.example/sorry?lang=en&code=receipt-invalid")
    );

    // An unknown key, a receipt for another center and plain nonsense look the same to a stranger.
    let other = House::new();
    let foreign = other.mint(&other.add_retailer("other", &[]), "b-1", "t-1", &[]);
    let answers = [
        host.download(&foreign),
        host.download("nonsense"),
        host.download("a.b.c.d.e"),
    ];
    for answer in answers {
        assert_eq!(answer.status, 403);
        let problem = answer.json();
        assert_eq!(problem["code"], "receipt-invalid");
        assert_eq!(problem["type"], "/docs/errors/receipt-invalid");
    }
}

/// Nobody could bill such a download, so there is none; and a balancer learns to go elsewhere.
#[test]
fn a_host_without_room_for_log_rows_refuses_and_is_not_ready() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Full", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &["--level", "1"]);
    let receipt = house.mint(&house.add_retailer("shop", &[]), "b-1", "t-1", &[]);
    let outbox = |host: &Host| {
        let ready = host.request("GET", "/readyz", &[], None).unwrap();
        let report = ready.json();
        let services = report["services"].as_array().unwrap().iter();
        let mut outbox = services.filter(|one| one["service"] == "outbox");
        (ready.status, outbox.next().unwrap().clone())
    };
    let host = house.serve(&[]);
    assert_eq!(outbox(&host).0, 200);
    assert!(host.stop());
    let more_than_there_is = format!("outbox.free_bytes_min={}", u64::MAX / 2);
    let host = house.serve(&["--set", &more_than_there_is]);
    let (status, named) = outbox(&host);
    assert_eq!((status, &named["ready"]), (503, &false.into()));
    let reason = named["reason"].as_str().unwrap();
    assert!(reason.contains("downloads are refused"), "{reason}");
    let refused = host.download(&receipt);
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (503, &"busy".into())
    );
    assert!(host.stop());
    let told = house.log();
    assert!(
        told.contains("COL5001") && told.contains("the disk is full"),
        "{told}"
    );
}

#[test]
fn explain_tells_the_operator_why() {
    let house = House::new();
    let secret = house.add_retailer("shop", &[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &[]);
    let code = |receipt: &str| {
        let out = house
            .colophon()
            .args(["--json", "receipt", "explain", receipt])
            .output()
            .unwrap();
        assert!(!out.status.success(), "a refused receipt is no success");
        let explained: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        explained["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(&receipt), "title-unknown");
    let old = house.mint(&secret, "b-1", "t-1", &["--issued-at", "1700000000"]);
    assert_eq!(code(&old), "receipt-expired");
    assert_eq!(code("nonsense"), "receipt-invalid");
}

#[test]
fn explain_knows_what_the_server_would_refuse() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Explained", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let explain = |receipt: &str| {
        let out = house
            .colophon()
            .args(["--json", "receipt", "explain", receipt])
            .output()
            .unwrap();
        let explained: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        explained["code"].as_str().unwrap().to_owned()
    };
    let limited = house.mint(&secret, "b-1", "t-1", &["--max-downloads", "1"]);
    assert_eq!(explain(&limited), "ready");
    let unmatched = host.download_with(&limited, &[("If-Match", "\"other\"")]);
    assert_eq!(unmatched.status, 412, "no bytes, so nothing is used up");
    assert_eq!(host.download(&limited).status, 200);
    assert_eq!(explain(&limited), "receipt-used-up");
    let signed = house.mint(
        &secret,
        "b-1",
        "t-2",
        &["--level", "4", "--user-name", "Bea"],
    );
    assert_eq!(explain(&signed), "level-unavailable");
    assert_eq!(host.download(&signed).json()["code"], "level-unavailable");
}

#[test]
fn a_lost_master_key_or_database_is_never_replaced() {
    let house = House::new();
    let (key, database) = (
        house.path().join("master.key"),
        house.path().join("colophon.db"),
    );
    let roots = fs::read(house.path().join("trust/roots.pem")).unwrap();
    for lost in [&key, &database] {
        let away = house.path().join("away");
        fs::rename(lost, &away).unwrap();
        for command in ["init", "serve", "doctor", "migrate"] {
            let said = fail(house.colophon().arg(command));
            assert!(
                !lost.exists(),
                "{command} made a new {}: {said}",
                lost.display()
            );
        }
        fs::rename(&away, lost).unwrap();
    }
    assert_eq!(
        fs::read(house.path().join("trust/roots.pem")).unwrap(),
        roots
    );
    let other = House::new();
    fs::copy(other.path().join("master.key"), &key).unwrap();
    let said = fail(house.colophon().args(["title", "list"]));
    assert!(said.contains("master key"), "{said}");
}

#[test]
fn what_is_not_what_it_says_is_not_taken_in() {
    let house = House::new();
    let file = house.path().join("book.epub");
    for bytes in [
        &b"not a book"[..],
        b"%PDF-1.7 in disguise",
        b"PK\x03\x04",
        b"",
    ] {
        fs::write(&file, bytes).unwrap();
        let said = fail(
            house
                .colophon()
                .args(["title", "add"])
                .arg(&file)
                .args(["--book-id", "b-1"]),
        );
        assert_eq!(said.trim().lines().count(), 1, "one clear line: {said}");
    }
    assert_eq!(
        house.json(&["title", "list"])["titles"]
            .as_array()
            .map(Vec::len),
        Some(0)
    );
    let kept = walk(&house.path().join("content"));
    assert!(kept.is_empty(), "the content store is unchanged: {kept:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                walk(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn a_center_that_is_not_there_is_named_as_such() {
    let house = House::new();
    for command in [
        &["title", "list"][..],
        &["title", "verify"],
        &["retailer", "list"],
        &["retailer", "add", "shop", "--name", "Shop"],
        &["log", "report"],
        &["log", "export"],
    ] {
        let said = fail(house.colophon().args(command).args(["--center", "nope"]));
        assert!(
            said.contains("there is no center nope"),
            "{command:?}: {said}"
        );
    }
}

#[test]
fn a_mistake_is_told_once_and_first() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Mistaken", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let said = |arguments: &[&str]| fail(house.colophon().args(arguments));

    let absent = said(&["title", "add", "/nowhere/x.epub", "--book-id", "b-1"]);
    assert!(absent.contains("cannot read /nowhere/x.epub"), "{absent}");
    let url = ["--error-url", "http://shop.example/"];
    let url = said(&[&["retailer", "add", "shop", "--name", "S"][..], &url].concat());
    assert_eq!(url.matches("https").count(), 1, "{url}");
    for command in ["explain", "open"] {
        let nothing = said(&["receipt", command]);
        assert!(nothing.contains("no receipt was given"), "{nothing}");
    }
    let secret = house.add_retailer("shop", &[]);
    let six = ["receipt", "mint", "--secret", &secret, "--level", "6"];
    let book = ["--book-id", "b-1", "--transaction", "t"];
    let six = said(&[&six[..], &book].concat());
    assert!(six.contains("1..=5"), "{six}");
}

#[test]
fn a_folder_with_other_things_in_it_is_not_made_a_data_folder() {
    let house = House::empty();
    let notes = house.path().join("notes.txt");
    fs::write(&notes, "mine").unwrap();
    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let said = fail(house.colophon().args(listen));
    assert!(
        said.contains("notes.txt") && said.contains("init"),
        "{said}"
    );
    assert_eq!(fs::read_dir(house.path()).unwrap().count(), 1);
    fs::remove_file(&notes).unwrap();
    // Settings may come first.
    fs::write(house.path().join("colophon.toml"), "").unwrap();
    assert!(house.serve(&[]).stop());

    let house = House::empty();
    fs::remove_dir(house.path()).unwrap();
    assert!(
        house.serve(&[]).stop(),
        "a folder that is not there is made"
    );
}

#[test]
fn what_is_sealed_into_a_title_changes_with_its_file() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Before", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let update = ["title", "update", "--book-id", "b-1"];
    let renamed = ["--title", "After", "--author", "Bea", "--author", "Cy"];
    let said = fail(house.colophon().args(update).args(renamed));
    assert!(said.contains("--file"), "{said}");
    let file = ["--file", file.to_str().unwrap()];
    let title = house.json(&[&update[..], &renamed, &file].concat());
    assert_eq!(title["title"], "After");
    assert_eq!(title["authors"], serde_json::json!(["Bea", "Cy"]));
    let title = house.json(&[&update[..], &file].concat());
    assert_eq!(
        title["title"], "After",
        "a file alone changes nothing of it"
    );
}

#[test]
fn a_signed_copy_is_called_level_4() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Signed", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &["--level", "3", "--sign", "provider"]);
    let secret = house.add_retailer("shop", &[]);
    let receipt = house.mint(&secret, "b-1", "t-1", &["--user-name", "Bea"]);
    let explained = house.json(&["receipt", "explain", &receipt]);
    assert_eq!(
        explained["verdict"],
        "The download of \"Signed\" at level 4 (level 3 signed by tool, provider) would begin."
    );
    assert_eq!(
        explained["signatures"],
        serde_json::json!(["tool", "provider"])
    );
    let host = house.serve(&[]);
    let target = format!("/main/ds?action=verify&value={receipt}");
    let ready = host.request("GET", &target, &[], None).unwrap().json();
    assert_eq!(ready["levels"], serde_json::json!([3, 4]));
    assert_eq!(ready["signatures"], serde_json::json!(["tool", "provider"]));

    let copy = house.path().join("copy.epub");
    fs::write(&copy, host.download(&receipt).body).unwrap();
    let about = succeed(house.reader().arg("info").arg(&copy));
    assert!(
        about.contains("4, individually sealed and signed"),
        "{about}"
    );
}
