//! The host's own TLS: what it says of its address, and how browsers keep its cookies.

use std::fs;
use std::process::Command;

use colophon_tests::colophon::{House, succeed};
use colophon_tests::tool::{on_path, skipped};

/// The settings of a host that answers over TLS, with a certificate that nobody vouches for.
fn tls(house: &House) -> Vec<String> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let setting = |name: &str, pem: String| {
        let file = house.path().join(name);
        fs::write(&file, pem).unwrap();
        format!("listen.{name}={}", file.display())
    };
    let certificate = setting("tls_certificate", made.cert.pem());
    let key = setting("tls_key", made.signing_key.serialize_pem());
    let set = || "--set".to_owned();
    vec![set(), certificate, set(), key]
}

#[test]
fn cookies_of_a_host_with_tls_are_bound_to_it_and_to_tls() {
    let name = "cookies_of_a_host_with_tls_are_bound_to_it_and_to_tls";
    if on_path("curl").is_none() {
        return skipped(name, "curl is not installed");
    }
    let house = House::new();
    let settings = tls(&house);
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let host = house.serve(&settings);
    let home = format!("https://{}/activation", host.address());
    let jar = house.path().join("cookies");
    let curl = |more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sSk", "-D", "-", "-b"])
            .arg(&jar)
            .arg("-c")
            .arg(&jar);
        succeed(curl.args(more))
    };
    let shown = curl(&[&format!("{home}/sign-up")]);
    let lower = shown.to_lowercase();
    let cookies: Vec<&str> = lower
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "))
        .collect();
    assert_eq!(cookies.len(), 1, "{shown}");
    for cookie in cookies {
        let mut parts = cookie.split(';').map(str::trim);
        assert!(
            parts.next().unwrap().starts_with("__host-colophon="),
            "{cookie}"
        );
        let parts: Vec<&str> = parts.collect();
        for part in ["secure", "httponly", "path=/", "samesite=lax"] {
            assert!(parts.contains(&part), "{part} is not in {cookie}");
        }
        // Browsers refuse the name with a domain.
        assert!(!cookie.contains("domain="), "{cookie}");
    }
    // curl keeps to the rules of the name, and comes in with it.
    let token = colophon_tests::browser::between(&shown, "name=\"token\" value=\"", "\"");
    let fields = [
        ("token", token.unwrap()),
        ("name", "Ada Lovelace".to_owned()),
        ("username", "ada".to_owned()),
        ("email", "ada@people.example".to_owned()),
        ("password", "four plain words here".to_owned()),
    ];
    let mut sent = Vec::new();
    for (name, value) in &fields {
        sent.push("--data-urlencode".to_owned());
        sent.push(format!("{name}={value}"));
    }
    sent.push(format!("{home}/sign-up"));
    let sent: Vec<&str> = sent.iter().map(String::as_str).collect();
    curl(&sent);
    let me = curl(&[&format!("{home}/me")]);
    assert!(me.contains("Your devices"), "{me}");
    // Readers are sent to the same place.
    let begun = curl(&[
        "-d",
        "client_id=colophon-reader&reader_version=1",
        &format!("{home}/device_authorization"),
    ]);
    assert!(begun.contains(&format!("\"{home}\"")), "{begun}");
}
