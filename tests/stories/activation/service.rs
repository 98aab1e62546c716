//! From an account to an activated reader.

use colophon_tests::browser::Browser;
use colophon_tests::colophon::{House, fail, succeed};

use super::people::{Reader, approve, open_until, sign_up, text};

#[test]
fn a_reader_is_activated_from_a_new_account() {
    let house = House::new();
    let host = house.serve(&[]);
    let reader = Reader::begin(&host);
    let code = reader.user_code();
    let address = format!("http://{}/activation", host.address());
    assert_eq!(text(&reader.begun, "verification_uri"), address);
    assert_eq!(
        text(&reader.begun, "verification_uri_complete"),
        format!("{address}?user_code={code}")
    );
    assert_eq!(reader.poll().json()["error"], "authorization_pending");

    // The address with the code in it leads through sign-up to the question.
    let mut browser = Browser::new(&host);
    browser
        .open(&format!("/activation?user_code={code}"))
        .expect(200, &code);
    let page = browser.submit("/activation", &[("user_code", &code)]);
    assert!(
        page.location.starts_with("/activation/sign-in?user_code="),
        "{page:?}"
    );
    browser.open(&page.location.replace("sign-in", "sign-up"));
    let page = browser.submit(
        "/activation/sign-up",
        &[
            ("name", "Ada Lovelace"),
            ("username", "ada"),
            ("email", "ada@people.example"),
            ("password", super::people::PASSWORD),
            ("user_code", &code),
        ],
    );
    page.expect(200, "Is this your device?")
        .expect(200, "colophon-reader 1.2.3");

    let page = approve(&mut browser, &code, "Ada’s laptop");
    page.expect(200, "Waiting for your reader");
    assert_eq!(page.answer.header("refresh"), Some("4"));
    assert!(!page.says("<script"));

    let token = reader.token();
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["persona"], "ada@localhost");
    assert_eq!(token["expires_in"], 86_400);
    let package = reader.activate(&token, "abcdef");
    assert_eq!(
        package.status,
        200,
        "{:?}",
        String::from_utf8_lossy(&package.body)
    );
    assert_eq!(
        package.header("content-type"),
        Some("application/vnd.colophon.activation+json")
    );
    assert_eq!(package.json()["v"], 1);

    // Once more: the same bytes, and nothing is counted.
    assert_eq!(reader.activate(&token, "abcdef").body, package.body);
    let page = open_until(&mut browser, &page.location, "Congratulations!");
    page.expect(200, "Ada’s laptop");
    assert_eq!(page.answer.header("refresh"), None);
    browser
        .open("/activation/me")
        .expect(200, "1 of 5 activations used")
        .expect(200, "Ada’s laptop");
}

#[test]
fn a_refused_reader_gets_nothing() {
    let house = House::new();
    let host = house.serve(&[]);
    let reader = Reader::begin(&host);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada").expect(200, "Your devices");
    let code = reader.user_code();
    browser.open(&format!("/activation/approve?user_code={code}"));
    browser
        .submit(
            "/activation/approve",
            &[("user_code", &code), ("answer", "deny")],
        )
        .expect(200, "The device was refused");
    assert_eq!(reader.poll().json()["error"], "access_denied");
    browser
        .submit(
            "/activation/approve",
            &[("user_code", &code), ("answer", "approve")],
        )
        .expect(410, "This code is over");
    browser
        .open("/activation/me")
        .expect(200, "0 of 5 activations used");
}

#[test]
fn a_form_that_is_not_complete_is_shown_again_with_what_was_typed() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    browser.open("/activation/sign-up");
    let page = browser.submit(
        "/activation/sign-up",
        &[
            ("name", "<b>Ada</b>"),
            ("username", "a"),
            ("email", "nowhere"),
            ("password", "short"),
        ],
    );
    page.expect(422, "Choose 3 to 32 small letters")
        .expect(422, "This is not an e-mail address")
        .expect(422, "Choose at least 10 characters")
        .expect(422, "aria-invalid=\"true\"")
        .expect(422, "value=\"nowhere\"");
    assert!(!page.says("<b>Ada"), "{}", page.html());
    assert!(!page.says("short"), "a password is not shown again");

    sign_up(&mut browser, "ada");
    let code = Reader::begin(&host).user_code();
    browser.open(&format!("/activation/approve?user_code={code}"));
    let page = browser.submit(
        "/activation/approve",
        &[
            ("user_code", &code),
            ("device_name", ""),
            ("purpose", "recovery"),
            ("answer", "approve"),
        ],
    );
    page.expect(422, "Give the device a name")
        .expect(422, "value=\"recovery\" checked");
}

#[test]
fn codes_are_read_as_people_type_them() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    sign_up(&mut browser, "ada");
    let code = Reader::begin(&host).user_code();
    let typed = format!(" {} ", code.to_lowercase().replace('-', " "));
    browser.open("/activation");
    browser
        .submit("/activation", &[("user_code", &typed)])
        .expect(200, "Is this your device?");
    browser.open("/activation");
    browser
        .submit("/activation", &[("user_code", "HELLO")])
        .expect(422, "A code has eight letters");
    browser
        .submit("/activation", &[("user_code", "BCDF-GHJK")])
        .expect(404, "No reader waits with this code");
}

#[test]
fn another_persona_neither_sees_nor_releases_a_device() {
    let house = House::new();
    let host = house.serve(&[]);
    let mut ada = Browser::new(&host);
    sign_up(&mut ada, "ada");
    let reader = Reader::begin(&host);
    let progress = approve(&mut ada, &reader.user_code(), "Desk").location;
    let token = reader.token();
    assert_eq!(reader.activate(&token, "abcdef").status, 200);
    let page = ada.open("/activation/me").html();
    let id = colophon_tests::browser::between(&page, "name=\"device\" value=\"", "\"").unwrap();

    let mut eve = Browser::new(&host);
    sign_up(&mut eve, "eve");
    eve.open(&progress).expect(410, "This code is over");
    let sure = [("device", id.as_str()), ("sure", "yes")];
    eve.open("/activation/me");
    eve.submit("/activation/me/release", &sure)
        .expect(404, "not on your list");
    eve.submit("/activation/me/rename", &sure)
        .expect(404, "not on your list");
    ada.open("/activation/me").expect(200, "Desk");

    // Its own persona gives it another name.
    let rename = "/activation/me/rename";
    ada.submit(rename, &[("device", &id)])
        .expect(200, "Rename Desk")
        .expect(200, "value=\"Desk\"");
    let named = |name| {
        [
            ("device", id.as_str()),
            ("named", "yes"),
            ("device_name", name),
        ]
    };
    ada.submit(rename, &named(" "))
        .expect(422, "Give the device a name");
    ada.submit(rename, &named("Kitchen"))
        .expect(200, "The device has its new name.")
        .expect(200, "<strong>Kitchen</strong>");

    // Its own persona is asked once, and then it is released.
    ada.submit("/activation/me/release", &[("device", &id)])
        .expect(200, "Release Kitchen?");
    ada.submit("/activation/me/release", &sure)
        .expect(200, "The device was released.")
        .expect(200, "1 of 5 activations used");
    // Its reader fetches nothing more with what it was approved with.
    let refused = reader.activate(&token, "abcdef");
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json()["code"], "access-token-invalid");
    ada.open(&progress).expect(410, "This code is over");
}

#[test]
fn a_shop_s_page_leads_here_and_back() {
    let house = House::new();
    std::fs::write(
        house.path().join("colophon.toml"),
        "[activation]\nreturn_addresses = [\"https://shop.example/thanks\"]\n",
    )
    .unwrap();
    let host = house.serve(&[]);
    let mut browser = Browser::new(&host);
    for wish in [
        "https%3A%2F%2Fevil.example%2F",
        "https%3A%2F%2Fshop.example%2Fthanks%2F..%2F",
        "https%3A%2F%2Fshop.example.evil.example%2Fthanks",
        "%2F%2Fevil.example",
        "javascript%3Aalert(1)",
    ] {
        let page = browser.open(&format!("/activation?return={wish}"));
        assert!(!page.says("Back to the shop"), "{wish}");
        assert!(!page.says("evil"), "{wish}");
    }
    let reader = Reader::begin(&host);
    let code = reader.user_code();
    let back = "return=https%3A%2F%2Fshop.example%2Fthanks";
    let link = "href=\"https://shop.example/thanks\"";
    browser
        .open(&format!("/activation?{back}"))
        .expect(200, link);
    let with = ("return", "https://shop.example/thanks");
    let page = browser.submit("/activation", &[("user_code", &code), with]);
    assert!(page.location.contains(back), "{}", page.location);
    sign_up(&mut browser, "ada");
    browser.open(&format!("/activation/approve?user_code={code}&{back}"));
    let progress = browser.submit(
        "/activation/approve",
        &[
            ("user_code", &code),
            with,
            ("device_name", "Desk"),
            ("answer", "approve"),
        ],
    );
    assert_eq!(reader.activate(&reader.token(), "abcdef").status, 200);
    open_until(&mut browser, &progress.location, "Congratulations!").expect(200, link);
}

#[test]
fn no_center_has_the_name_of_the_service() {
    let house = House::new();
    let refused = fail(house.colophon().args(["center", "add", "activation"]));
    assert!(refused.contains("choose another name"), "{refused}");
}

#[test]
fn settings_that_nobody_could_sign_in_with_are_refused() {
    let house = House::new();
    let check = |settings: &str| {
        let file = house.path().join("colophon.toml");
        std::fs::write(file, format!("[activation]\n{settings}\n")).unwrap();
        fail(house.colophon().args(["config", "check"]))
    };
    let refused = check("accounts = false");
    assert!(refused.contains("nobody could sign in"), "{refused}");
    let refused = check("oidc_issuer = \"http://id.example\"\noidc_client_id = \"c\"");
    assert!(refused.contains("activation.oidc_issuer"), "{refused}");
    let refused = check("return_addresses = [\"javascript:alert(1)\"]");
    assert!(refused.contains("activation.return_addresses"), "{refused}");
    for address in ["books.example", "http://books.example", "http://192.0.2.1"] {
        let refused = check(&format!("public_url = \"{address}\""));
        assert!(refused.contains("activation.public_url"), "{refused}");
    }

    let file = house.path().join("colophon.toml");
    std::fs::write(file, "[activation]\noidc_client_secret = \"hush\"\n").unwrap();
    let shown = succeed(house.colophon().args(["config", "show"]));
    assert!(shown.contains("activation.oidc_client_secret") && !shown.contains("hush"));
}
