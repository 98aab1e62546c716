//! What readers ask, and what they get that ask wrongly.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use colophon_tests::browser::Browser;
use colophon_tests::colophon::{Host, House};

use super::people::{Reader, activate, approve, open_until, post, request, sign_up, text};

/// A host with somebody signed in, and a reader that was approved.
fn approved(host: &Host) -> (Browser<'_>, Reader<'_>, String) {
    let mut browser = Browser::new(host);
    sign_up(&mut browser, "ada");
    let reader = Reader::begin(host);
    let progress = approve(&mut browser, &reader.user_code(), "Desk").location;
    (browser, reader, progress)
}

#[test]
fn a_reader_that_asks_wrongly_is_told_in_oauth_s_words() {
    let house = House::new();
    let host = house.serve(&[]);
    let error = |path: &str, fields: &[(&str, &str)]| {
        let answer = post(&host, path, fields);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        text(&answer.json(), "error")
    };
    let begin = "/activation/device_authorization";
    assert_eq!(error(begin, &[]), "invalid_client");
    assert_eq!(
        error(begin, &[("client_id", "other"), ("reader_version", "1")]),
        "invalid_client"
    );
    let me = ("client_id", "colophon-reader");
    assert_eq!(
        error(begin, &[me, ("reader_version", "1\n2")]),
        "invalid_request"
    );
    assert_eq!(error(begin, &[me, me]), "invalid_request");
    let token = "/activation/token";
    let kind = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
    assert_eq!(error(token, &[]), "unsupported_grant_type");
    assert_eq!(error(token, &[kind]), "invalid_grant");
    assert_eq!(error(token, &[kind, ("device_code", "x")]), "invalid_grant");
    let unknown = "A".repeat(43);
    assert_eq!(
        error(token, &[kind, ("device_code", &unknown)]),
        "invalid_grant"
    );
}

#[test]
fn a_reader_in_a_hurry_is_slowed_down() {
    let house = House::new();
    let host = house.serve(&[]);
    let reader = Reader::begin(&host);
    assert_eq!(reader.poll().json()["error"], "authorization_pending");
    assert_eq!(reader.poll().json()["error"], "slow_down");
}

#[test]
fn nothing_is_activated_without_the_token() {
    let house = House::new();
    let host = house.serve(&[]);
    let (_, reader, _) = approved(&host);
    let token = text(&reader.token(), "access_token");
    let wrong = |token: &str| {
        let answer = activate(&host, token, "abcdef");
        assert_eq!(answer.status, 401, "{}", answer.json());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.json()["code"], "access-token-invalid");
    };
    wrong("");
    wrong(&"A".repeat(43));
    wrong(&token[1..]);
    wrong(&text(&reader.begun, "device_code"));
    let without = host
        .request_json(
            "/activation/activations",
            &[],
            &request("abcdef").to_string(),
        )
        .unwrap();
    assert_eq!(without.status, 401);
    assert_eq!(activate(&host, &token, "abcdef").status, 200);
}

#[test]
fn a_token_that_was_not_received_is_given_again_and_the_old_one_ends() {
    let house = House::new();
    let host = house.serve(&[]);
    let (_, reader, _) = approved(&host);
    let lost = text(&reader.token(), "access_token");
    let received = text(&reader.token(), "access_token");
    assert_ne!(lost, received);
    assert_eq!(activate(&host, &lost, "abcdef").status, 401);
    assert_eq!(activate(&host, &received, "abcdef").status, 200);
}

#[test]
fn a_machine_that_describes_itself_wrongly_is_refused() {
    let house = House::new();
    let host = house.serve(&[]);
    let (_, reader, _) = approved(&host);
    let token = text(&reader.token(), "access_token");
    let bearer = format!("Bearer {token}");
    let good = request("abcdef");
    let mut few = request("ab");
    let mut unknown = good.clone();
    unknown["more"] = 1.into();
    few["v"] = 1.into();
    let mut other_version = good.clone();
    other_version["v"] = 2.into();
    let twice = good.to_string().replacen("\"disk\"", "\"board\"", 1);
    for body in [
        String::new(),
        "{}".to_owned(),
        few.to_string(),
        unknown.to_string(),
        other_version.to_string(),
        twice,
        "[".repeat(5_000),
    ] {
        let answer = host
            .request_json(
                "/activation/activations",
                &[("Authorization", &bearer)],
                &body,
            )
            .unwrap();
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["code"], "request-illegal", "{body}");
    }
    assert_eq!(activate(&host, &token, "abcdef").status, 200);
}

#[test]
fn one_approval_is_for_one_machine() {
    let house = House::new();
    let host = house.serve(&[]);
    let (_, reader, _) = approved(&host);
    let token = reader.token();
    assert_eq!(reader.activate(&token, "abcdef").status, 200);
    let other = reader.activate(&token, "uvwxyz");
    assert_eq!(other.status, 403);
    assert_eq!(other.json()["code"], "activation-other-machine");
    // One changed part is the same machine.
    assert_eq!(reader.activate(&token, "abcdeX").status, 200);
}

#[test]
fn a_connection_that_breaks_costs_no_place() {
    let house = House::new();
    let host = house.serve(&[]);
    let (mut browser, reader, progress) = approved(&host);
    let token = text(&reader.token(), "access_token");
    let body = request("abcdef").to_string();
    let head = format!(
        "POST /activation/activations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let until = Instant::now() + Duration::from_secs(60);
    let mut broken = 0;
    while broken < 3 {
        assert!(Instant::now() < until, "no key pair was made");
        let mut stream = TcpStream::connect(host.address()).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut some = [0; 64];
        stream.read_exact(&mut some).unwrap();
        // Until the first key pair is ready nobody is served.
        let is_served = some.starts_with(b"HTTP/1.1 200");
        assert!(is_served || some.starts_with(b"HTTP/1.1 503"));
        broken += usize::from(is_served);
    }
    let whole = activate(&host, &token, "abcdef");
    assert!(whole.complete && whole.status == 200);
    assert_eq!(activate(&host, &token, "abcdef").body, whole.body);
    open_until(&mut browser, &progress, "Congratulations!");
    browser
        .open("/activation/me")
        .expect(200, "1 of 5 activations used");
}

#[test]
fn a_connection_that_breaks_near_the_end_is_made_up_for() {
    let house = House::new();
    let host = house.serve(&[]);
    let (mut browser, reader, progress) = approved(&host);
    let token = text(&reader.token(), "access_token");
    let whole = activate(&host, &token, "abcdef");
    assert_eq!(whole.status, 200);
    let body = request("abcdef").to_string();
    let ask = format!(
        "POST /activation/activations HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // All but the last bytes, and then the reader is gone.
    let mut stream = TcpStream::connect(host.address()).unwrap();
    stream.write_all(ask.as_bytes()).unwrap();
    let mut most = vec![0; whole.body.len() - 1_000];
    stream.read_exact(&mut most).unwrap();
    drop(stream);
    // The host cannot know what became of the rest, so the page says what to do.
    open_until(&mut browser, &progress, "Does your reader not say so?")
        .expect(200, "that counts nothing");
    assert_eq!(activate(&host, &token, "abcdef").body, whole.body);
    browser
        .open("/activation/me")
        .expect(200, "1 of 5 activations used");
}
