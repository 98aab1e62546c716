//! Accounts: signing in, being told nothing, and a new password by letter.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use colophon_tests::browser::{Browser, between};
use colophon_tests::colophon::House;

use super::people::{PASSWORD, is_signed_in, sign_in, sign_up};

#[test]
fn a_session_is_new_when_somebody_has_signed_in() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada");

    let mut browser = Browser::new(&host);
    browser.open("/activation/sign-in");
    let before = browser.cookie("colophon").unwrap().to_owned();
    let token_before = browser.token().to_owned();
    let answer = browser.post(
        "/activation/sign-in",
        &[
            ("token", &token_before),
            ("username", "ada"),
            ("password", PASSWORD),
        ],
    );
    assert_eq!(answer.status, 303);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    let after = browser.cookie("colophon").unwrap().to_owned();
    assert_ne!(before, after);
    browser.open("/activation/me").expect(200, "Your devices");
    assert_ne!(browser.token(), token_before);

    // Whoever knew the cookie from before knows nothing now.
    let mut other = Browser::new(&host);
    other.plant("colophon", &before);
    assert!(!is_signed_in(&mut other));

    // Signed out, the cookie is worth nothing any more.
    browser.submit("/activation/sign-out", &[]);
    assert_eq!(
        browser.cookie("colophon").map(|now| now == after),
        Some(false)
    );
    other.plant("colophon", &after);
    assert!(!is_signed_in(&mut other));
}

#[test]
fn a_planted_session_is_not_taken_over() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut eve = Browser::new(&host);
    eve.open("/activation/sign-in");
    let planted = eve.cookie("colophon").unwrap().to_owned();

    let mut ada = Browser::new(&host);
    ada.plant("colophon", &planted);
    sign_up(&mut ada, "ada");
    assert!(is_signed_in(&mut ada));
    assert!(
        !is_signed_in(&mut eve),
        "the cookie that was planted is worth nothing"
    );
}

#[test]
fn whether_there_is_an_account_is_not_told() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada");
    let mut browser = Browser::new(&host);
    let without_token = |page: &colophon_tests::browser::Page, name: &str| {
        let token = between(&page.html(), "name=\"token\" value=\"", "\"").unwrap_or_default();
        page.html().replace(name, "NAME").replace(&token, "TOKEN")
    };
    let known = sign_in(&mut browser, "ada", "not the password");
    let unknown = sign_in(&mut browser, "eva", "not the password");
    known.expect(401, "do not belong together");
    assert_eq!(unknown.answer.status, 401);
    assert_eq!(without_token(&known, "ada"), without_token(&unknown, "eva"));

    let mut reset = |name: &str| {
        browser.open("/activation/reset");
        let page = browser.submit("/activation/reset", &[("username", name)]);
        page.expect(200, "If there is an account of this name");
        without_token(&page, name)
    };
    assert_eq!(reset("ada"), reset("eva"));
}

/// The median of some tries, which a busy machine does not spoil as it does a single one.
fn median(mut tries: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = (0..9).map(|_| tries()).collect();
    times.sort();
    times[4]
}

#[test]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada");
    let mut browser = Browser::new(&host);
    browser.open("/activation/sign-in");
    let mut time = |name: &str| {
        median(|| {
            let token = browser.token().to_owned();
            let fields = [
                ("token", token.as_str()),
                ("username", name),
                ("password", "not the password"),
            ];
            let started = Instant::now();
            assert_eq!(browser.post("/activation/sign-in", &fields).status, 401);
            started.elapsed()
        })
    };
    let (known, unknown) = (time("ada"), time("eva"));
    // Without the hash of nobody an unknown name is answered about a hundred times faster.
    assert!(
        unknown * 2 > known && known * 2 > unknown,
        "{known:?} {unknown:?}"
    );
}

#[test]
fn passwords_cannot_be_tried_for_ever() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada");
    let mut browser = Browser::new(&host);
    for name in ["ada", "eva"] {
        for _ in 0..10 {
            sign_in(&mut browser, name, "not the password").expect(401, "do not belong");
        }
        sign_in(&mut browser, name, PASSWORD).expect(429, "Too many tries");
    }
    assert!(!is_signed_in(&mut browser));
}

#[test]
fn a_name_is_given_once() {
    let house = House::new();
    let host = house.serve(&[]);
    sign_up(&mut Browser::new(&host), "ada").expect(200, "Your devices");
    let mut eve = Browser::new(&host);
    sign_up(&mut eve, "ADA").expect(409, "This name is taken");
    assert!(!is_signed_in(&mut eve));
}

/// Waits for the letters that are to come.
fn letters(house: &House, count: usize) -> Vec<(PathBuf, String)> {
    let folder = house.path().join("mail");
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let files = std::fs::read_dir(&folder).into_iter().flatten();
        let mut files: Vec<PathBuf> = files
            .map(|entry| entry.unwrap().path())
            .filter(|file| file.extension().is_some_and(|ending| ending == "eml"))
            .collect();
        if files.len() >= count {
            files.sort();
            let read = |file: PathBuf| (file.clone(), std::fs::read_to_string(file).unwrap());
            return files.into_iter().map(read).collect();
        }
        assert!(Instant::now() < until, "no letter came");
        std::thread::yield_now();
    }
}

#[test]
fn a_password_is_reset_by_letter_once() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut signed_in = Browser::new(&host);
    sign_up(&mut signed_in, "ada");

    let mut browser = Browser::new(&host);
    browser.open("/activation/reset");
    browser.submit("/activation/reset", &[("username", "nobody")]);
    browser.open("/activation/reset");
    browser.submit("/activation/reset", &[("username", "ada")]);
    let letters = letters(&house, 1);
    assert_eq!(letters.len(), 1, "nobody is written to");
    let (file, letter) = &letters[0];
    assert!(letter.contains("To: ada@people.example\r\n"), "{letter}");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let folder = file.parent().unwrap().metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);

    let token = between(letter, "?reset=", "\r\n").unwrap();
    let link = format!("/activation/reset/choose?reset={token}");
    browser.open(&link).expect(200, "Choose a new password");
    let choose = |browser: &mut Browser<'_>, password: &str| {
        let fields = [("reset", token.as_str()), ("password", password)];
        browser.submit("/activation/reset/choose", &fields)
    };
    choose(&mut browser, "short").expect(422, "at least 10 characters");
    choose(&mut browser, "the words of Ada").expect(422, "too easy to guess");
    let new = "five quite different words now";
    choose(&mut browser, new).expect(200, "The password is changed");
    assert!(!is_signed_in(&mut signed_in), "everybody is signed out");

    browser.open("/activation/reset");
    choose(&mut browser, "another password").expect(410, "This link is over");
    browser.open(&link).expect(410, "This link is over");
    sign_in(&mut browser, "ada", PASSWORD).expect(401, "do not belong together");
    sign_in(&mut browser, "ada", new).expect(200, "Your devices");
}

#[test]
fn a_password_is_changed_by_whoever_knows_it() {
    let house = House::new();
    let host = house.serve(&[]);
    let (mut ada, mut elsewhere) = (Browser::new(&host), Browser::new(&host));
    sign_up(&mut ada, "ada");
    sign_in(&mut elsewhere, "ada", PASSWORD).expect(200, "Your devices");
    ada.open("/activation/me")
        .expect(200, "Change your password");
    let page = "/activation/me/password";
    ada.open(page).expect(200, "Your password until now");
    let new = "five quite different words now";
    let change = |browser: &mut Browser<'_>, current: &str, new: &str| {
        browser.submit(page, &[("current", current), ("password", new)])
    };
    change(&mut ada, PASSWORD, "short").expect(422, "at least 10 characters");
    change(&mut ada, PASSWORD, "all about ADA here").expect(422, "too easy to guess");
    change(&mut ada, "not the password", new).expect(422, "This is not your password.");
    change(&mut ada, "", new).expect(422, "This is not your password.");
    assert!(is_signed_in(&mut elsewhere), "nothing was changed");

    let before = ada.cookie("colophon").unwrap().to_owned();
    ada.open(page);
    change(&mut ada, PASSWORD, new).expect(200, "Your new password holds");
    assert!(is_signed_in(&mut ada));
    assert_ne!(ada.cookie("colophon"), Some(before.as_str()));
    assert!(!is_signed_in(&mut elsewhere), "signed out everywhere else");
    sign_in(&mut elsewhere, "ada", PASSWORD).expect(401, "do not belong together");
    sign_in(&mut elsewhere, "ada", new).expect(200, "Your devices");

    // Guessing here is guessing all the same: with the three above, ten tries are used up.
    ada.open(page);
    for _ in 0..7 {
        change(&mut ada, "not the password", PASSWORD).expect(422, "not your password");
    }
    change(&mut ada, new, PASSWORD).expect(429, "Too many tries");
}

#[test]
fn over_tls_the_cookie_is_this_host_s_alone() {
    let house = House::new();
    std::fs::write(
        house.path().join("colophon.toml"),
        "[activation]\npublic_url = \"https://books.example\"\n",
    )
    .unwrap();
    // A proxy in front of this host speaks TLS.
    let host = house.serve(&[]);
    let answer = Browser::new(&host).ask("GET", "/activation", None);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-colophon="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let begun = super::people::Reader::begin(&host).begun;
    assert_eq!(
        begun["verification_uri"],
        "https://books.example/activation"
    );
}
