//! Activation certificates that arrive with a request, and what becomes of those that should not.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use colophon_keys::{Authority, KeyKind, PrivateKey, SystemRandom, Validity, certificates_to_pem};
use colophon_tests::colophon::{Host, House};
use colophon_tests::persona::{Activation, FormTerms, Persona, a_day, center_chain, now_s};

use crate::licensed::{ADA, Shop, code, open, until};

/// What a retailer learns of a request with this form.
fn told(shop: &Shop, host: &Host, form: &str) -> String {
    let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), form);
    match answer.status {
        200 => "accepted".to_owned(),
        _ => code(&answer),
    }
}

#[test]
fn every_certificate_that_should_not_be_believed_is_refused() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let center = center_chain(&host);
    let ada = shop.activation.persona(ADA);
    let form = |persona: &Persona, terms: FormTerms| persona.form_with(&center, &terms);
    let terms = FormTerms::default;
    assert_eq!(told(&shop, &host, &form(&ada, terms())), "accepted");

    // Of others, or for others.
    let eve = shop.activation.persona("eve@people.example");
    assert_eq!(
        told(&shop, &host, &form(&eve, terms())),
        "certificate-other-persona"
    );
    let posing = FormTerms {
        persona: Some(ADA.to_owned()),
        ..terms()
    };
    assert_eq!(
        told(&shop, &host, &form(&eve, posing)),
        "certificate-refused"
    );
    let elsewhere = FormTerms {
        center: "other".to_owned(),
        ..terms()
    };
    assert_eq!(
        told(&shop, &host, &form(&ada, elsewhere)),
        "certificate-refused"
    );
    let other_house = House::new();
    let other_host = other_house.serve(&[]);
    assert_eq!(
        told(&shop, &host, &ada.form(&other_host)),
        "certificate-refused"
    );

    // At another time.
    let over = FormTerms {
        issued_at: now_s() - 7200,
        expires_at: now_s() - 3600,
        ..terms()
    };
    assert_eq!(told(&shop, &host, &form(&ada, over)), "certificate-expired");
    let early = FormTerms {
        issued_at: now_s() + 3600,
        expires_at: now_s() + 7200,
        ..terms()
    };
    assert_eq!(
        told(&shop, &host, &form(&ada, early)),
        "certificate-refused"
    );
    let ended = Validity {
        from_unix_s: now_s() - 7200,
        until_unix_s: now_s() - 3600,
    };
    let ended = shop.activation.persona_for(ADA, ended);
    assert_eq!(
        told(&shop, &host, &form(&ended, terms())),
        "certificate-expired"
    );

    // By others.
    let subject = colophon_keys::Subject {
        common_name: "Colophon platform authority".to_owned(),
        organization: None,
    };
    let foreign = Authority::create_root(&subject, KeyKind::Rsa3072, a_day(), &mut SystemRandom);
    let foreign = Activation::under(&foreign.unwrap()).persona(ADA);
    assert_eq!(
        told(&shop, &host, &form(&foreign, terms())),
        "certificate-refused"
    );
    let mut unchained = shop.activation.persona(ADA);
    unchained.chain.pop();
    assert_eq!(
        told(&shop, &host, &form(&unchained, terms())),
        "certificate-refused"
    );
    let mut grafted = shop.activation.persona(ADA);
    grafted.chain[1].clone_from(&foreign.chain[1]);
    assert_eq!(
        told(&shop, &host, &form(&grafted, terms())),
        "certificate-refused"
    );
    // Certificates of other roles, and keys that nothing can be encrypted to.
    let mut licensor = shop.activation.persona(ADA);
    licensor.chain = center.clone();
    assert_eq!(
        told(&shop, &host, &form(&licensor, terms())),
        "certificate-refused"
    );
    let curve = PrivateKey::generate(KeyKind::P256).unwrap();
    let curve = shop.activation.certify(ADA, curve, a_day());
    assert_eq!(
        told(&shop, &host, &form(&curve, terms())),
        "certificate-refused"
    );

    // No form, and none where one is needed.
    for nonsense in ["abc", "a.b.c.d.e", &shop.receipt(ADA, "t-1")] {
        assert_eq!(told(&shop, &host, nonsense), "certificate-refused");
    }
    let none = host.download(&shop.receipt("nobody@people.example", "t-1"));
    assert_eq!(code(&none), "certificate-missing");
    let claims = ["--level", "5", "--user-name", "Ada"];
    let unnamed = house.mint(&shop.secret, "b-1", "t-1", &claims);
    let unnamed = host.download_licensed(&unnamed, &ada.form(&host));
    assert_eq!(code(&unnamed), "persona-missing");

    // The operator learns the reason, which no retailer did.
    assert!(host.stop());
    let events = house.json(&["log", "events", "--name", "certificate-refused"]);
    let reasons = events.to_string();
    for reason in [
        "sealed to no key of this center",
        "meant for another center",
        "has expired",
        "not yet valid",
        "of another persona",
        "not that of the persona it comes with",
        "no trusted root stands behind",
        "are not a chain",
        "not for this role",
        "is not RSA",
        "holds no upload form",
    ] {
        assert!(reasons.contains(reason), "{reason}: {reasons}");
    }
}

#[test]
fn every_flipped_byte_of_a_form_is_noticed() {
    let shop = Shop::new(&["--level", "5"]);
    let host = shop.house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let form = ada.form(&host);
    let receipt = shop.receipt(ADA, "t-1");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for place in 0..form.len() {
        let mut flipped = form.clone().into_bytes();
        let letter = alphabet.iter().position(|letter| *letter == flipped[place]);
        // A point, or a letter whose lowest bit is turned over.
        flipped[place] = letter.map_or(b'A', |letter| alphabet[letter ^ 1]);
        let flipped = String::from_utf8(flipped).unwrap();
        let answer = host.download_licensed(&receipt, &flipped);
        assert_eq!(answer.status, 403, "at {place} of {}", form.len());
        assert_eq!(code(&answer), "certificate-refused", "at {place}");
    }
    assert_eq!(host.download_licensed(&receipt, &form).status, 200);
}

#[test]
fn a_revocation_list_takes_effect_without_a_restart() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&["--set", "trust.poll_ms=20"]);
    let (ada, bea) = (shop.activation.persona(ADA), shop.activation.persona(ADA));
    assert_eq!(told(&shop, &host, &ada.form(&host)), "accepted");
    let list = house.path().join("trust/activation.crl");
    // A list that cannot be read changes nothing.
    fs::write(&list, "no list").unwrap();
    until(|| house.log().contains("trust-changed").then_some(()));
    assert_eq!(told(&shop, &host, &ada.form(&host)), "accepted");

    let beside = house.path().join("activation.crl");
    fs::write(&beside, shop.activation.revocation_list(&[&ada], 1)).unwrap();
    fs::rename(&beside, &list).unwrap();
    until(|| (told(&shop, &host, &ada.form(&host)) == "certificate-revoked").then_some(()));
    assert_eq!(told(&shop, &host, &bea.form(&host)), "accepted");
}

#[test]
fn what_was_supplied_once_is_known_from_then_on() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&["--set", "trust.poll_ms=20"]);
    let ada = shop.activation.persona(ADA);
    let first = shop.receipt(ADA, "t-1");
    assert_eq!(code(&host.download(&first)), "certificate-missing");
    let explain = |receipt: &str, form: Option<&str>| {
        let file = house.path().join("form");
        let mut arguments = vec!["--json", "receipt", "explain", receipt];
        if let Some(form) = form {
            fs::write(&file, form).unwrap();
            arguments.extend(["--certificate", file.to_str().unwrap()]);
        }
        let out = house.colophon().args(arguments).output().unwrap();
        let explained: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        explained
    };
    assert_eq!(explain(&first, None)["code"], "certificate-missing");
    assert_eq!(explain(&first, Some(&ada.form(&host)))["code"], "ready");
    let refused = explain(&first, Some("abc"));
    assert_eq!(refused["code"], "certificate-refused");
    assert!(
        refused["reasons"]
            .to_string()
            .contains("holds no upload form")
    );
    assert_eq!(
        code(&host.download(&first)),
        "certificate-missing",
        "explaining keeps nothing"
    );

    assert_eq!(host.download_licensed(&first, &ada.form(&host)).status, 200);
    let second = shop.receipt(ADA, "t-2");
    let known = until(|| Some(host.download(&second)).filter(|answer| answer.status == 200));
    open(house, &known.body, &ada).unwrap();
    // What is kept is judged each time.
    let list = shop.activation.revocation_list(&[&ada], 1);
    fs::write(house.path().join("trust/activation.crl"), list).unwrap();
    until(|| (host.download(&second).status == 403).then_some(()));
    assert_eq!(code(&host.download(&second)), "certificate-revoked");

    let raw = fs::read(house.path().join("colophon.db")).unwrap();
    let raw = [
        raw,
        fs::read(house.path().join("colophon.db-wal")).unwrap_or_default(),
    ]
    .concat();
    let holds = |text: &str| raw.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!holds(ADA), "no persona is readable in the database");
}

#[test]
fn what_nobody_supplied_is_fetched_where_it_is_registered() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let ada = shop.activation.persona(ADA);
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = registry.local_addr().unwrap();
    let pem = certificates_to_pem(&ada.chain);
    let serving = std::thread::spawn(move || {
        let mut asked = Vec::new();
        // The registry knows nobody, then is broken, then knows Ada; then it is gone.
        let bodies = ["404 Not Found", "500 Internal Server Error", "200 OK"];
        for status in bodies {
            let (mut stream, _) = registry.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            asked.push(String::from_utf8(head).unwrap());
            let body = if status == "200 OK" { pem.as_str() } else { "" };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
        asked
    });
    let setting = format!("registration.url=http://{address}/certificates");
    let host = house.serve(&["--set", &setting]);
    let receipt = shop.receipt(ADA, "t-1");
    assert_eq!(code(&host.download(&receipt)), "certificate-missing");
    assert_eq!(code(&host.download(&receipt)), "unavailable");
    let answer = host.download(&receipt);
    assert_eq!(answer.status, 200);
    open(house, &answer.body, &ada).unwrap();
    let asked = serving.join().unwrap();
    assert!(
        asked[0].starts_with("GET /certificates?persona=ada%40people.example HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    // Fetched once, it is known: nobody answers there any more.
    until(|| (host.download(&receipt).status == 200).then_some(()));
    let stranger = host.download(&shop.receipt("bea@people.example", "t-2"));
    assert_eq!(code(&stranger), "unavailable");
    assert!(host.stop());
    let events = house.json(&["log", "events", "--name", "registration-failed"]);
    let reasons = events.to_string();
    assert!(reasons.contains("it answered 500"), "{reasons}");
    assert!(reasons.contains("could not be reached"), "{reasons}");
}
