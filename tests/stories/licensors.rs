//! Licensors and rights: changed while the host runs, and never for the worse unseen.

use std::fs;

use colophon_keys::{
    Authority, KeyKind, Revocation, Subject, SystemRandom, Validity, certificates_from_pem,
    serial_number,
};
use colophon_tests::colophon::{Host, House, fail, succeed};
use colophon_tests::persona::{FormTerms, Persona, a_day, center_chain, now_s, platform};
use colophon_title::license::{LicenseReport, RightKind};
use colophon_title::trust::CertificateRole;

use crate::licensed::{ADA, Shop, code, open, until};

/// Buys a copy and opens it.
fn buy(shop: &Shop, host: &Host, ada: &Persona) -> LicenseReport {
    let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), &ada.form(host));
    assert_eq!(answer.status, 200);
    open(&shop.house, &answer.body, ada).unwrap().1
}

/// The rights of a license: kinds with their counts, group by group.
fn rights(report: &LicenseReport) -> Vec<(RightKind, Option<u32>)> {
    let groups = report.license.rights.iter();
    let rights = groups.flat_map(|group| &group.rights);
    rights.map(|right| (right.kind, right.max_count)).collect()
}

#[test]
fn a_licensor_is_replaced_without_a_restart() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let before = buy(&shop, &host, &ada).license.licensor.certificate_sha256;
    let signer = |more: &[&str]| {
        let listed = house.json(&[&["center", "signer"][..], more].concat());
        let roles = listed.as_array().unwrap().iter();
        let roles = roles.map(|row| row["role"].as_str().unwrap().to_owned());
        roles.collect::<Vec<_>>()
    };
    assert_eq!(
        signer(&["list"]),
        ["center", "licensor", "provider", "tool"]
    );
    signer(&["new", "--role", "licensor", "--kind", "p256"]);
    let changed = until(|| {
        let report = buy(&shop, &host, &ada);
        (report.license.licensor.certificate_sha256 != before).then_some(report)
    });
    assert_eq!(changed.licensor_subject, "CN=main licensor");

    // From files: one under this host's root is taken, another is not.
    let set = |root: &Authority, role: CertificateRole| {
        let name = Subject {
            common_name: "Licensor from elsewhere".to_owned(),
            organization: None,
        };
        let leaf = root.issue(role, &name, KeyKind::P256, a_day(), &mut SystemRandom);
        let leaf = leaf.unwrap();
        let (key, certificate) = (house.path().join("l.key"), house.path().join("l.pem"));
        fs::write(&key, leaf.key_pem().as_bytes()).unwrap();
        fs::write(&certificate, leaf.chain_pem()).unwrap();
        let mut command = house.colophon();
        command.args(["center", "signer", "set", "--role", "licensor"]);
        command.arg("--certificate").arg(certificate);
        command.arg("--key").arg(key);
        command
    };
    let root = platform(house);
    succeed(&mut set(&root, CertificateRole::Licensor));
    until(|| {
        let subject = buy(&shop, &host, &ada).licensor_subject;
        (subject == "CN=Licensor from elsewhere").then_some(())
    });
    let said = fail(&mut set(&root, CertificateRole::Provider));
    assert!(
        said.contains("for the role provider, not licensor"),
        "{said}"
    );
    let name = Subject {
        common_name: "Strangers".to_owned(),
        organization: None,
    };
    let stranger = Authority::create_root(&name, KeyKind::P256, a_day(), &mut SystemRandom);
    let said = fail(&mut set(&stranger.unwrap(), CertificateRole::Licensor));
    assert!(said.contains("does not verify under this host's"), "{said}");
    assert_eq!(
        buy(&shop, &host, &ada).licensor_subject,
        "CN=Licensor from elsewhere"
    );
}

#[test]
fn an_operator_is_told_why_the_licensor_cannot_license() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let form = house.path().join("form");
    let ada = shop.activation.persona(ADA);
    fs::write(&form, ada.form(&host)).unwrap();
    let explain = |more: &[&str]| -> serde_json::Value {
        let sale = shop.receipt_with(ADA, "t-1", more);
        let mut command = house.colophon();
        command.args(["--json", "receipt", "explain", &sale, "--certificate"]);
        let output = command.arg(&form).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let cannot = |explained: &serde_json::Value, why: &str| {
        assert_eq!(explained["code"], "copy-failed", "{explained}");
        let reasons = explained["reasons"].to_string();
        assert!(reasons.contains("licensor is not believed"), "{explained}");
        assert!(reasons.contains(why), "{explained}");
        let next = explained["next"].as_str().unwrap();
        assert!(next.contains("center signer new"), "{explained}");
    };
    assert_eq!(explain(&[])["code"], "ready");
    // A sale that is dated when the licensor's certificate is over.
    let far = ["--sold-at", "32472144000"];
    cannot(&explain(&far), "not valid at the time");

    let mut shown = house.colophon();
    shown.args(["center", "signer", "certificate", "--role", "licensor"]);
    let certificates = certificates_from_pem(&succeed(&mut shown)).unwrap();
    let revoked = Revocation {
        serial: serial_number(&certificates[0]).unwrap(),
        at_unix_s: now_s() - 60,
    };
    let list = platform(house).revocation_list(&[revoked], 1, a_day());
    fs::write(house.path().join("trust/licensor.crl"), list.unwrap()).unwrap();
    cannot(&explain(&[]), "revoked");
    // A new licensor sells.
    let new = ["center", "signer", "new", "--role", "licensor"];
    succeed(house.colophon().args(new));
    assert_eq!(explain(&[])["code"], "ready");
}

#[test]
fn the_doctor_says_which_revocation_list_is_old() {
    let house = House::new();
    let doctor = || {
        let mut command = house.colophon();
        let output = command.args(["--json", "doctor"]).output().unwrap();
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut findings = findings.as_array().unwrap().iter();
        let found = findings.find(|finding| finding["what"] == "revocation lists");
        let found = found.unwrap().clone();
        (
            found["healthy"].as_bool().unwrap(),
            found["detail"].to_string(),
        )
    };
    assert_eq!(doctor(), (true, "\"none\"".to_owned()));
    house.json(&["activation", "revoked"]);
    let (healthy, detail) = doctor();
    assert!(
        healthy && detail.contains("activation.crl is of"),
        "{detail}"
    );
    let past = |from: i64, until: i64| Validity {
        from_unix_s: now_s() - from,
        until_unix_s: now_s() - until,
    };
    let list = platform(&house).revocation_list(&[], 1, past(9_000, 60));
    let file = house.path().join("trust/elsewhere.crl");
    fs::write(&file, list.unwrap()).unwrap();
    let (healthy, detail) = doctor();
    assert!(!healthy && detail.contains("elsewhere.crl"), "{detail}");
    assert!(detail.contains("Colophon platform authority"), "{detail}");
    assert!(!detail.contains("activation.crl"), "{detail}");
    let list = platform(&house).revocation_list(&[], 2, a_day());
    fs::write(&file, list.unwrap()).unwrap();
    assert!(doctor().0);
}

#[test]
fn forms_sealed_before_the_centers_key_was_replaced_still_open() {
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    let chains: Vec<_> = (0..3)
        .map(|turn| {
            let before = center_chain(&host);
            if turn < 2 {
                house.json(&["center", "signer", "new", "--role", "center"]);
                until(|| (center_chain(&host) != before).then_some(()));
            }
            before
        })
        .collect();
    let told = |chain: &[Vec<u8>]| {
        let form = ada.form_with(chain, &FormTerms::default());
        let answer = host.download_licensed(&shop.receipt(ADA, "t-1"), &form);
        match answer.status {
            200 => "accepted".to_owned(),
            _ => code(&answer),
        }
    };
    // Two replacements later, the first key is gone.
    assert_eq!(told(&chains[0]), "certificate-refused");
    assert_eq!(told(&chains[1]), "accepted");
    assert_eq!(told(&chains[2]), "accepted");
    let curve = [
        "center", "signer", "new", "--role", "center", "--kind", "p256",
    ];
    let said = fail(house.colophon().args(curve));
    assert!(said.contains("RSA"), "{said}");
    let unknown = host.request("GET", "/nowhere/certificate", &[], None);
    assert_eq!(code(&unknown.unwrap()), "center-unknown");
}

#[test]
fn rights_are_the_titles_or_else_the_centers() {
    use RightKind::{Copy, Print, View};
    let shop = Shop::new(&["--level", "5"]);
    let house = &shop.house;
    let host = house.serve(&[]);
    let ada = shop.activation.persona(ADA);
    assert_eq!(rights(&buy(&shop, &host, &ada)), [(View, None)]);
    let file = |name: &str, inside: &str| {
        let path = house.path().join(name);
        let text = format!("<rights xmlns='urn:colophon:license:1'>\n{inside}\n</rights>\n");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let group =
        |inside: &str| format!("<rights-group name='reading'><bundle/>{inside}</rights-group>");
    let printing = file("center.xml", &group("<view/><print max-count='3'/>"));
    let copying = file("title.xml", &group("<view/><copy max-count='2'/>"));
    let center = house.json(&["center", "rights", "--set", &printing]);
    assert!(
        center["rights"]
            .as_str()
            .unwrap()
            .contains("max-count=\"3\"")
    );
    let bought = |expected: &[(RightKind, Option<u32>)]| {
        until(|| (rights(&buy(&shop, &host, &ada)) == expected).then_some(()));
    };
    bought(&[(View, None), (Print, Some(3))]);
    let update = |more: &[&str]| {
        let arguments = [&["title", "update", "--book-id", "b-1"][..], more].concat();
        house.json(&arguments)
    };
    let title = update(&["--rights", &copying]);
    assert!(title["rights"].as_str().unwrap().contains("<copy"));
    bought(&[(View, None), (Copy, Some(2))]);

    // What makes no license is told, and changes nothing.
    let refused = [
        (group("<lend/>"), "<lend> in <rights-group>"),
        (group("<print/><view/>"), "once and in order"),
        (group("<view max-count='0'/>"), "may be used no times"),
        (String::new(), "no license can be made"),
        (
            "<rights-group name='a'><bundle><time from='2' until='1'/></bundle><view/>\
             </rights-group>"
                .to_owned(),
            "ends before it begins",
        ),
        (
            "<rights-group name='a'><bundle><access licensor='true'/></bundle><view/>\
             </rights-group>"
                .to_owned(),
            "no way to open the copy",
        ),
        (
            "<rights-group name='a'><bundle><access><needs principal='x'/></access></bundle>\
             <view/></rights-group>"
                .to_owned(),
            "no principal",
        ),
    ];
    for (inside, expected) in refused {
        let path = file("refused.xml", &inside);
        let said = fail(house.colophon().args(["center", "rights", "--set", &path]));
        assert!(said.contains(expected), "{inside}: {said}");
        let said =
            fail(
                house
                    .colophon()
                    .args(["title", "update", "--book-id", "b-1", "--rights", &path]),
            );
        assert!(said.contains(expected), "{inside}: {said}");
    }
    bought(&[(View, None), (Copy, Some(2))]);
    update(&["--center-rights"]);
    bought(&[(View, None), (Print, Some(3))]);
    house.json(&["center", "rights", "--reset"]);
    bought(&[(View, None)]);
}
