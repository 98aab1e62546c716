//! Every form is the visitor's own, and no page lets anything in.

use colophon_console::routes::{Kind, listed};
use colophon_tests::browser::Browser;
use colophon_tests::colophon::House;

use super::people::{Reader, approve, is_signed_in, sign_up};

#[test]
fn no_form_is_taken_without_its_token() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut ada = Browser::new(&host);
    sign_up(&mut ada, "ada");
    ada.open("/activation/me");
    let own = ada.token().to_owned();
    let mut eve = Browser::new(&host);
    sign_up(&mut eve, "eve");
    eve.open("/activation/me");
    let strange = eve.token().to_owned();
    assert_ne!(own, strange);

    let forms = of_kind(Kind::Form);
    assert!(forms.len() >= 8, "{forms:?}");
    let cut = &own[1..];
    for path in forms {
        for fields in [
            &[][..],
            &[("token", "")],
            &[("token", strange.as_str())],
            &[("token", cut)],
        ] {
            let answer = ada.post(path, fields);
            assert_eq!(answer.status, 403, "{path} {fields:?}");
        }
        // A visitor without a cookie has no form to post.
        let answer = Browser::new(&host).post(path, &[("token", &own)]);
        assert_eq!(answer.status, 403, "{path}");
        // In the query it is no form's.
        let in_query = format!("{path}?token={own}");
        assert_eq!(ada.post(&in_query, &[]).status, 403, "{path}");
    }
    assert!(is_signed_in(&mut ada), "nothing was changed");
}

#[test]
fn what_changes_something_is_posted() {
    let house = House::new();
    let host = house.serve(&[]);
    let pages: Vec<&str> = of_kind(Kind::Page);
    for path in [of_kind(Kind::Form), of_kind(Kind::Reader)].concat() {
        let answer = Browser::new(&host).ask("GET", path, None);
        match pages.contains(&path) {
            true => assert_ne!(answer.status, 405, "{path}"),
            false => assert_eq!(answer.status, 405, "{path}"),
        }
    }
}

fn of_kind(kind: Kind) -> Vec<&'static str> {
    let listed = listed().into_iter().filter(|listed| listed.kind == kind);
    listed.map(|listed| listed.path).collect()
}

#[test]
fn every_page_says_what_browsers_may_do_with_it() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let code = Reader::begin(&host).user_code();
    for path in of_kind(Kind::Page) {
        let answer = browser.ask("GET", &format!("{path}?user_code={code}"), None);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", path);
        if answer.status == 303 {
            continue;
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8(answer.body).unwrap();
        for forbidden in [
            "<script",
            "style=",
            " onclick",
            " onload",
            "<iframe",
            "javascript:",
        ] {
            assert!(!html.contains(forbidden), "{forbidden} in {}", path);
        }
    }
}

#[test]
fn what_somebody_typed_stands_for_itself() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    let attack = "\"><script>alert(1)</script>";
    for path in ["/activation", "/activation/sign-in", "/activation/sign-up"] {
        let query = colophon_tests::browser::form(&[("user_code", attack), ("return", attack)]);
        let page = browser.open(&format!("{path}?{query}"));
        assert!(!page.says("<script"), "{}", page.html());
    }
    browser.open("/activation/sign-up");
    browser.submit(
        "/activation/sign-up",
        &[
            ("name", attack),
            ("username", "eve"),
            ("email", "\"><script>@people.example"),
            ("password", super::people::PASSWORD),
        ],
    );
    let page = browser.open("/activation/me");
    page.expect(200, "alert(1)");
    assert!(!page.says("<script"), "{}", page.html());
}

#[test]
fn a_form_is_bounded_and_unambiguous() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    browser.open("/activation/sign-in");
    let token = browser.token().to_owned();
    let long = "a".repeat(33 * 1024);
    let answer = browser.post(
        "/activation/sign-in",
        &[("token", &token), ("username", &long)],
    );
    assert_eq!(answer.status, 413);
    let twice = [("token", token.as_str()), ("token", token.as_str())];
    assert_eq!(browser.post("/activation/sign-in", &twice).status, 400);
}

#[test]
fn codes_are_guessed_on_no_page() {
    let guess = "user_code=BCDF-GHJK";
    let pages = [
        ("/activation/approve", 410, "This code is over"),
        ("/activation/progress", 410, "This code is over"),
    ];
    for (page, status, text) in pages {
        let house = House::new();
        let host = house.serve(&[]);
        let mut ada = Browser::new(&host);
        sign_up(&mut ada, "ada");
        let reader = Reader::begin(&host);
        let own = approve(&mut ada, &reader.user_code(), "Desk").location;
        // One's own page asks again and again, and that is no guess.
        for _ in 0..40 {
            ada.open(&own).expect(200, "Waiting for your reader");
        }
        let guessed = format!("{page}?{guess}");
        for _ in 0..30 {
            ada.open(&guessed).expect(status, text);
        }
        ada.open(&guessed).expect(429, "Too many tries");
        ada.open("/activation");
        ada.submit("/activation", &[("user_code", "BCDF-GHJK")])
            .expect(429, "Too many tries");
    }
}
