//! A host that is killed while it makes an activation.

use std::thread;
use std::time::{Duration, Instant};

use colophon_tests::browser::Browser;
use colophon_tests::colophon::House;
use serde_json::Value;

use super::people::{Reader, activate, approve, request, sign_up, text};

/// What the operator sees of the one persona.
fn persona(house: &House) -> Value {
    let list = house.json(&["activation", "list"]);
    house.json(&["activation", "show", &text(&list[0], "persona")])
}

/// The dated list of the persona.
fn activations(house: &House) -> Vec<Value> {
    persona(house)["activations"].as_array().unwrap().clone()
}

/// Killed between admission and delivery, again and again, the host loses no place and counts
/// none twice; whoever asks again goes on with the same activation.
#[test]
fn a_host_killed_while_it_makes_a_package_goes_on_with_the_same_activation() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let reader = Reader::begin(&host);
    approve(&mut browser, &reader.user_code(), "Desk");
    let token = text(&reader.token(), "access_token");
    drop(browser);
    await_keys(&house);

    let bearer = format!("Bearer {token}");
    let body = request("abcdef").to_string();
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let headers = [("Authorization", bearer.as_str())];
            host.request_json("/activation/activations", &headers, &body)
        });
        let until = Instant::now() + Duration::from_secs(60);
        while activations(&house).is_empty() {
            assert!(Instant::now() < until, "{}", house.log());
        }
        let killed = std::process::Command::new("kill")
            .args(["-KILL", &host.id().to_string()])
            .status();
        assert!(killed.unwrap().success());
        let answer = asking.join().unwrap();
        assert!(answer.is_none_or(|answer| !answer.complete || answer.status == 200));
    });
    drop(host);
    let before = activations(&house);
    assert_eq!(before.len(), 1);

    let host = house.serve(&[]);
    let package = activate(&host, &token, "abcdef");
    assert_eq!(package.status, 200);
    assert_eq!(activate(&host, &token, "abcdef").body, package.body);
    let after = activations(&house);
    assert_eq!(after.len(), 1);
    assert_eq!(after[0]["at"], before[0]["at"]);
    assert_eq!(after[0]["device"], before[0]["device"]);
    assert!(after[0]["finished"].is_string(), "{after:?}");
    let shown = persona(&house);
    assert_eq!(
        (&shown["used"], shown["devices"].as_array().unwrap().len()),
        (&1.into(), 1)
    );
}

fn await_keys(house: &House) {
    let until = Instant::now() + Duration::from_secs(60);
    while house.json(&["activation", "report"])["total"]["keys_waiting"] == 0 {
        assert!(Instant::now() < until, "no key pair was made");
    }
}
