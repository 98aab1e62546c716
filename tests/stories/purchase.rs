//! A purchase at every level, from the shop to the opened book.

use std::fs;

use colophon_tests::book::{epub, noise};
use colophon_tests::colophon::{House, fail, succeed};

/// Entries of an archive with their bytes, in the order of names.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
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

#[test]
fn a_clear_copy_is_the_source_itself() {
    let house = House::new();
    let book = epub("Clear Water", "Ada Writer", 3);
    let file = house.path().join("clear.epub");
    fs::write(&file, &book).unwrap();
    house.add_title(&file, "9780000000002", &["--level", "1"]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let answer = host.download(&house.mint(&secret, "9780000000002", "t-1", &[]));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/epub+zip"));
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert!(
        answer
            .header("content-disposition")
            .unwrap()
            .contains("Clear Water")
    );
    assert_eq!(answer.body, book);
}

#[test]
fn sealed_copies_open_in_the_reader_and_give_the_source_back() {
    let house = House::new();
    let book = epub("Sealed Water", "Ada Writer", 5);
    let file = house.path().join("sealed.epub");
    fs::write(&file, &book).unwrap();
    house.add_title(
        &file,
        "b-1",
        &["--book-id-type", "PATH", "--sign", "tool,provider"],
    );
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let mut copies = Vec::new();
    for (level, name) in [
        ("2", None),
        ("3", Some("Bea Buyer")),
        ("4", Some("Bea Buyer")),
    ] {
        let mut more = vec!["--book-id-type", "PATH", "--level", level];
        more.extend(name.iter().flat_map(|name| ["--user-name", name]));
        let answer = host.download(&house.mint(&secret, "b-1", &format!("t-{level}"), &more));
        assert_eq!(answer.status, 200, "level {level}");
        assert!(answer.complete);
        let copy = house.path().join(format!("copy{level}.epub"));
        fs::write(&copy, &answer.body).unwrap();
        let info = succeed(house.reader().arg("--json").arg("info").arg(&copy));
        let info: serde_json::Value = serde_json::from_str(&info).unwrap();
        assert_eq!(info["title"], "Sealed Water");
        assert_eq!(info["owner"].as_str(), name);
        succeed(house.reader().arg("verify").arg(&copy));
        let opened = house.path().join(format!("opened{level}"));
        succeed(
            house
                .reader()
                .arg("open")
                .arg(&copy)
                .arg("--to")
                .arg(&opened),
        );
        let publication = fs::read_dir(&opened)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        assert_eq!(
            entries(&fs::read(publication).unwrap()),
            entries(&book),
            "level {level}"
        );
        copies.push(answer.body);
    }
    assert_ne!(copies[0], copies[1]);
    assert_ne!(copies[1], copies[2]);
}

#[test]
fn a_file_that_is_no_book_is_sealed_and_opened_like_one() {
    let house = House::new();
    let mut audio = b"ID3\x04\x00\x00\x00\x00\x00\x00".to_vec();
    audio.extend(noise(3_000_000, 3));
    let file = house.path().join("talk.mp3");
    fs::write(&file, &audio).unwrap();
    house.add_title(&file, "talk-1", &["--level", "3", "--title", "A Talk"]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let receipt = house.mint(&secret, "talk-1", "t-1", &["--user-name", "Bea"]);
    let answer = host.download(&receipt);
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/vnd.colophon.title+zip")
    );
    let copy = house.path().join("talk.colophon");
    fs::write(&copy, &answer.body).unwrap();
    let opened = house.path().join("opened");
    succeed(
        house
            .reader()
            .arg("open")
            .arg(&copy)
            .arg("--to")
            .arg(&opened),
    );
    let content = fs::read_dir(&opened)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(fs::read(content).unwrap(), audio);
}

#[test]
fn what_was_delivered_is_in_the_report() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Counted", "Ada", 2)).unwrap();
    house.add_title(&file, "b-1", &[]);
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    for transaction in ["t-1", "t-2"] {
        let answer = host.download(&house.mint(&secret, "b-1", transaction, &[]));
        assert_eq!(answer.status, 200);
    }
    // The same purchase again is delivered but not billed again.
    assert_eq!(
        host.download(&house.mint(&secret, "b-1", "t-2", &["--sold-at", "1"]))
            .status,
        200
    );
    assert!(
        host.stop(),
        "a drained host ends well and leaves nothing in its outbox"
    );
    let report = house.json(&["log", "report"]);
    assert_eq!(report["billing"][0]["retailer"], "shop");
    assert_eq!(report["billing"][0]["purchases"], 2);
    assert_eq!(report["downloads"]["completed"], 3);
}

#[test]
fn an_empty_folder_is_all_it_takes_to_serve() {
    let house = House::empty();
    let host = house.serve(&[]);
    let health = host.request("GET", "/healthz", &[], None).unwrap();
    assert_eq!(health.status, 200);
    let ready = host.request("GET", "/readyz", &[], None).unwrap();
    assert_eq!(
        ready.status,
        200,
        "{}",
        String::from_utf8_lossy(&ready.body)
    );
    let metrics = host.request("GET", "/metrics", &[], None).unwrap();
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("download_requests_total"), "{metrics}");
    assert_eq!(house.json(&["center", "list"])[0]["id"], "main");
}

#[test]
fn doctor_finds_a_sound_house_sound_and_a_damaged_title_damaged() {
    let house = House::new();
    let file = house.path().join("book.epub");
    fs::write(&file, epub("Doctor", "Ada", 2)).unwrap();
    let added = house.add_title(&file, "b-1", &[]);
    succeed(house.colophon().arg("doctor"));
    succeed(house.colophon().args(["title", "verify"]));
    for number in 2..=8 {
        house.add_title(&file, &format!("b-{number}"), &[]);
    }
    let away = house.path().join("away");
    fs::rename(house.path().join("content"), &away).unwrap();
    fs::create_dir(house.path().join("content")).unwrap();
    let out = house
        .colophon()
        .args(["--json", "doctor"])
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(3));
    let findings: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let findings = findings.as_array().unwrap();
    let files = findings.iter().find(|one| one["what"] == "stored files");
    let detail = files.unwrap()["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("8 of 8 titles have files")
            && detail.contains(": ISBN b-1 of main, ISBN b-2 of main, ")
            && detail.contains(" and 3 more; restore"),
        "{detail}"
    );
    fs::remove_dir(house.path().join("content")).unwrap();
    fs::rename(&away, house.path().join("content")).unwrap();
    succeed(house.colophon().arg("doctor"));
    let object = added["forms"][0]["object"].as_str().unwrap();
    let stored = house.path().join("content").join(object);
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&stored, bytes).unwrap();
    fail(house.colophon().args(["title", "verify"]));
    let secret = house.add_retailer("shop", &[]);
    let host = house.serve(&[]);
    let answer = host.download(&house.mint(&secret, "b-1", "t-1", &[]));
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (503, Some("title-not-ready"))
    );
}

#[test]
fn a_new_installation_can_sell_its_sample_at_once() {
    let house = House::empty();
    let made = house.json(&["init", "--sample"]);
    let sample = &made["sample"];
    let text = |name: &str| sample[name].as_str().unwrap().to_owned();
    let secret = fs::read_to_string(text("secret_file")).unwrap();
    let host = house.serve(&[]);
    let (book_id, kind) = (text("book_id"), text("book_id_type"));
    let more = ["--book-id-type", &kind, "--user-name", "Ada"];
    let answer = host.download(&house.mint(secret.trim(), &book_id, "order-1", &more));
    assert_eq!(answer.status, 200);
    let copy = house.path().join("copy.epub");
    fs::write(&copy, &answer.body).unwrap();
    succeed(house.reader().arg("verify").arg(&copy));
}
