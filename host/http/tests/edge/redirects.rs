//! No request can send a buyer to an address that the retailer did not register.

use crate::support::client::{Client, form_request};
use crate::support::host::{Host, OTHER_SORRY, SORRY};

/// Where an attacker would like buyers to land; none is registered, though some nearly are.
const TARGETS: &[&str] = &[
    "https://evil.example/",
    "http://shop.example/other",
    "https://shop.example/other/",
    "https://shop.example/other?",
    "https://shop.example/other?x=y",
    "https://shop.example/other#x",
    "https://shop.example/Other",
    "https://shop.example/othe",
    "https://shop.example/other/../x",
    "https://shop.example/%6fther",
    "https://shop.example:443/other",
    "https://shop.example:444/other",
    "https://SHOP.example/other",
    "HTTPS://shop.example/other",
    "https://shop.example./other",
    "https://www.shop.example/other",
    "https://shop.example.evil.example/other",
    "https://shop.example@evil.example/other",
    "https://evil.example@shop.example/other",
    "https://shop.example:x@evil.example/",
    "https://shop.example\\@evil.example/other",
    "https://evil.example\\.shop.example/other",
    "https://evil.example/https://shop.example/other",
    "https://evil.example?https://shop.example/other",
    "https://evil.example#https://shop.example/other",
    "//evil.example/other",
    "///evil.example/other",
    "/\\evil.example",
    "\\\\evil.example\\other",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "/other",
    "other",
    "?code=x",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://shop.example/other",
    "https://sh\u{43e}p.example/other",
    "https://xn--shp-tfd.example/other",
    "https://shop.example/other\r\nLocation: https://evil.example/",
    "https://shop.example/other%0d%0aLocation:%20https://evil.example/",
    "https://shop.example/other\0",
    " https://shop.example/other",
    "https://shop.example/other ",
    "\thttps://evil.example/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://[::ffff:127.0.0.1]/",
    "http://127.0.0.1:80/",
    "https://evil.example\u{2044}shop.example/other",
    "https://shop.example%00.evil.example/",
    "https://shop.example%2eevil.example/",
];

async fn location(host: &Host, receipt: &str, error_url: &str) -> String {
    let fields = [
        ("action", "download"),
        ("value", receipt),
        ("ErrorURL", error_url),
    ];
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let mut client = Client::connect(host.address).await;
    client
        .send(form_request("/main/ds", &form.finish(), &[]))
        .await;
    let answer = client.answer_to("POST").await;
    assert_eq!(answer.status, 303, "{error_url:?}");
    answer.header("location").unwrap().to_owned()
}

#[tokio::test]
async fn only_registered_addresses_are_used() {
    let host = Host::start().await;
    let unopened = {
        let mut receipt = host.receipt("999");
        receipt.truncate(receipt.rfind('.').unwrap());
        format!("{receipt}.AAAAAAAAAAAAAAAAAAAAAA")
    };
    for (receipt, code) in [
        (host.receipt("999"), "title-unknown"),
        (unopened, "receipt-invalid"),
    ] {
        for target in TARGETS {
            let expected = format!("{SORRY}&code={code}");
            assert_eq!(
                location(&host, &receipt, target).await,
                expected,
                "{target:?}"
            );
        }
        let registered = location(&host, &receipt, OTHER_SORRY).await;
        assert_eq!(registered, format!("{OTHER_SORRY}?code={code}"));
    }
    assert!(TARGETS.len() >= 40);
}

#[tokio::test]
async fn nor_does_a_receipt_choose_freely() {
    let host = Host::start().await;
    let claim = |url: &str| {
        let url = url.parse().unwrap();
        host.receipt_with("999", |claims| claims.error_url = Some(url))
    };
    let foreign = claim("https://evil.example/");
    assert_eq!(
        location(&host, &foreign, "").await,
        format!("{SORRY}&code=title-unknown")
    );
    let own = claim(OTHER_SORRY);
    let expected = format!("{OTHER_SORRY}?code=title-unknown");
    assert_eq!(
        location(&host, &own, "https://evil.example/").await,
        expected
    );
    assert_eq!(location(&host, &own, SORRY).await, expected);
}
