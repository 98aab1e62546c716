//! A person with an account, and the reader beside them.

use std::time::{Duration, Instant};

use colophon_tests::browser::{Browser, Page, form};
use colophon_tests::colophon::{Answer, Host};
use serde_json::Value;

/// A password that is good enough for everybody here.
pub(crate) const PASSWORD: &str = "four plain words here";

/// Signs up and comes out signed in.
pub(crate) fn sign_up(browser: &mut Browser<'_>, username: &str) -> Page {
    browser.open("/activation/sign-up");
    browser.submit(
        "/activation/sign-up",
        &[
            ("name", "Ada Lovelace"),
            ("username", username),
            ("email", &format!("{username}@people.example")),
            ("password", PASSWORD),
        ],
    )
}

/// Signs in, or not.
pub(crate) fn sign_in(browser: &mut Browser<'_>, username: &str, password: &str) -> Page {
    browser.open("/activation/sign-in");
    browser.submit(
        "/activation/sign-in",
        &[("username", username), ("password", password)],
    )
}

/// Whether the browser is signed in.
pub(crate) fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.open("/activation/me").location == "/activation/me"
}

/// Types a reader's code and says yes.
pub(crate) fn approve(browser: &mut Browser<'_>, user_code: &str, device: &str) -> Page {
    browser.open("/activation");
    browser
        .submit("/activation", &[("user_code", user_code)])
        .expect(200, "Is this your device?");
    browser.submit(
        "/activation/approve",
        &[
            ("user_code", user_code),
            ("device_name", device),
            ("purpose", "new"),
            ("answer", "approve"),
        ],
    )
}

/// Opens a page until it says this: what a reader has done is noted a moment after it has its answer.
pub(crate) fn open_until(browser: &mut Browser<'_>, path: &str, text: &str) -> Page {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let page = browser.open(path);
        if page.says(text) || Instant::now() > until {
            page.expect(200, text);
            return page;
        }
    }
}

/// A reader, up to its package.
pub(crate) struct Reader<'a> {
    host: &'a Host,
    /// What the host said when it began.
    pub(crate) begun: Value,
}

impl<'a> Reader<'a> {
    /// Asks to be activated.
    pub(crate) fn begin(host: &'a Host) -> Self {
        let fields = [
            ("client_id", "colophon-reader"),
            ("reader_version", "1.2.3"),
        ];
        let answer = post(host, "/activation/device_authorization", &fields);
        assert_eq!(
            answer.status,
            200,
            "{:?}",
            String::from_utf8_lossy(&answer.body)
        );
        let begun = answer.json();
        Self { host, begun }
    }

    pub(crate) fn user_code(&self) -> String {
        text(&self.begun, "user_code")
    }

    /// Asks whether the person has decided.
    pub(crate) fn poll(&self) -> Answer {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", &text(&self.begun, "device_code")),
        ];
        post(self.host, "/activation/token", &fields)
    }

    /// Its access token, when the person has said yes.
    pub(crate) fn token(&self) -> Value {
        let answer = self.poll();
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }

    /// Asks for its activation on a machine made of these facts, one letter each.
    pub(crate) fn activate(&self, token: &Value, facts: &str) -> Answer {
        activate(self.host, &text(token, "access_token"), facts)
    }
}

/// Posts a form, as a reader does: without cookies.
pub(crate) fn post(host: &Host, path: &str, fields: &[(&str, &str)]) -> Answer {
    host.request("POST", path, &[], Some(&form(fields)))
        .unwrap()
}

/// Asks for an activation with a token.
pub(crate) fn activate(host: &Host, token: &str, facts: &str) -> Answer {
    let body = request(facts).to_string();
    let bearer = format!("Bearer {token}");
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let headers = [("Authorization", bearer.as_str())];
        let answer = host.request_json("/activation/activations", &headers, &body);
        let answer = answer.unwrap();
        // A host that has just begun has no key pairs yet, and says so.
        if answer.status != 503 || Instant::now() > until {
            return answer;
        }
        assert_eq!(answer.json()["code"], "activation-busy");
        assert!(answer.header("retry-after").is_some());
    }
}

/// What a reader sends of a machine made of these facts, one letter each.
pub(crate) fn request(facts: &str) -> Value {
    let digest = |letter: char| letter.to_string().repeat(42) + "A";
    let kinds = [
        "board",
        "system",
        "disk",
        "network-card",
        "host-name",
        "processor",
    ];
    let mut members = serde_json::Map::from_iter([("v".to_owned(), Value::from(1))]);
    for (kind, letter) in kinds.iter().zip(facts.chars()) {
        members.insert((*kind).to_owned(), digest(letter).into());
    }
    serde_json::json!({ "v": 1, "facts": members, "reader_product": "colophon-reader 1.2.3" })
}

pub(crate) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap().to_owned()
}
