//! Addresses in all their spellings.

use super::*;

#[track_caller]
fn spells(text: &str, expected: &str) {
    assert_eq!(
        WebAddress::parse(text).unwrap().to_string(),
        expected,
        "{text}"
    );
}

#[track_caller]
fn refused(text: &str, expected: AddressRefused) {
    assert_eq!(WebAddress::parse(text), Err(expected), "{text}");
}

#[test]
fn every_address_has_one_spelling() {
    spells("https://API.example", "https://api.example/");
    spells("HTTPS://api.example:443/v1", "https://api.example/v1");
    spells("http://api.example:080/", "http://api.example/");
    spells(
        "https://api.example:8443?a=b",
        "https://api.example:8443/?a=b",
    );
    spells(
        "https://a.example/%7euser/%61%2d%c3%bc",
        "https://a.example/~user/a-%C3%BC",
    );
    spells("https://a.example/v1/../secret", "https://a.example/secret");
    spells(
        "https://a.example/v1/%2e%2e/secret",
        "https://a.example/secret",
    );
    spells("https://a.example/../../x", "https://a.example/x");
    spells("https://a.example/v1/..", "https://a.example/");
    spells("https://a.example/v1/x/.", "https://a.example/v1/x/");
    spells("https://a.example/v1//x", "https://a.example/v1//x");
    spells(
        "https://a.example/works/10.1000%2f182?doi=10.1000%2f182%0a",
        "https://a.example/works/10.1000%2F182?doi=10.1000%2F182%0A",
    );
    spells("https://[0:0:0:0:0:0:0:1]/", "https://[::1]/");
    spells("https://[::FFFF:127.0.0.1]/", "https://[::ffff:127.0.0.1]/");
    spells("http://127.0.0.1:8480/x", "http://127.0.0.1:8480/x");
}

#[test]
fn spelling_again_changes_nothing() {
    for text in [
        "https://a.example/%25%2E/./b/../c?x=%2e",
        "http://[::1]:81/%41/..",
    ] {
        let once = WebAddress::parse(text).unwrap();
        assert_eq!(WebAddress::parse(&once.to_string()), Ok(once));
    }
}

#[test]
fn what_is_no_address() {
    refused("", AddressRefused::Scheme);
    refused("/v1", AddressRefused::Scheme);
    refused("ftp://a.example/", AddressRefused::Scheme);
    refused("javascript:alert(1)", AddressRefused::Scheme);
    refused("https:/a.example/", AddressRefused::Scheme);
    refused("https://", AddressRefused::Host);
    refused("https:///etc", AddressRefused::Host);
    refused("https://a@b.example/", AddressRefused::User);
    refused("https://a:b@c.example/", AddressRefused::User);
    refused("https://a.example:/", AddressRefused::Port);
    refused("https://a.example:0/", AddressRefused::Port);
    refused("https://a.example:65536/", AddressRefused::Port);
    refused("https://a.example:+80/", AddressRefused::Port);
    refused("https://a.example/#x", AddressRefused::Fragment);
    refused("https://a.example/a b", AddressRefused::Character);
    refused(
        "https://a.example\\@evil.example/",
        AddressRefused::Character,
    );
    refused("https://a.example/\r\nhost: x", AddressRefused::Character);
    refused("https://ä.example/", AddressRefused::Character);
    refused("https://a.example/v1/..%2fx", AddressRefused::Escape);
    refused("https://a.example/v1/x%2f%2e%2e", AddressRefused::Escape);
    refused("https://a.example/%5cx", AddressRefused::Escape);
    refused("https://a.example/%00", AddressRefused::Escape);
    refused("https://a.example/%+1", AddressRefused::Escape);
    refused("https://a.example/%4", AddressRefused::Escape);
    refused("https://a.example/?%", AddressRefused::Escape);
    refused(
        &format!("https://a.example/{}", "a".repeat(2048)),
        AddressRefused::Length,
    );
}

#[test]
fn hosts_have_no_second_spelling() {
    for host in [
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.1",
        "127.0.0.01",
        "0177.0.0.1",
        "1.2.3.4.5",
        "256.0.0.1",
        "a..example",
        ".example",
        "a.example.",
        "-a.example",
        "a-.example",
        "a_b.example",
        "%61.example",
        "[::1",
        "[::1]x",
        "[fe80::1%25eth0]",
        "[1.2.3.4]",
        "::1",
    ] {
        let refused = WebAddress::parse(&format!("https://{host}/"));
        assert!(
            matches!(refused, Err(AddressRefused::Host | AddressRefused::Port)),
            "{host}: {refused:?}"
        );
    }
}

#[test]
fn an_address_is_allowed_by_its_beginning() {
    let allowed = AllowedAddress::parse("https://api.example/v1").unwrap();
    let check = |text: &str, expected: bool| {
        let address = WebAddress::parse(text).unwrap();
        assert_eq!(allowed.allows(&address), expected, "{text}");
    };
    check("https://api.example/v1", true);
    check("https://API.example:443/v1/books?x=1", true);
    check("https://api.example/v1?x=1", true);
    check("https://api.example/v12", false);
    check("https://api.example/V1", false);
    check("https://api.example/", false);
    check("https://api.example/v1/../v2", false);
    check("https://api.example/v1/%2e%2e/v2", false);
    check("http://api.example/v1", false);
    check("https://api.example:8443/v1", false);
    check("https://api.example.evil.example/v1", false);
    check("https://evil.example/https://api.example/v1", false);
}

#[test]
fn a_grant_covers_what_lies_below_it() {
    let allowed = |text| AllowedAddress::parse(text).unwrap();
    let grant = allowed("https://api.example/v1/");
    assert!(grant.covers(&allowed("https://api.example/v1/books/")));
    assert!(grant.covers(&grant));
    assert!(!grant.covers(&allowed("https://api.example/v1")));
    assert!(!grant.covers(&allowed("https://api.example/")));
    assert!(AllowedAddress::parse("https://api.example/?x").is_err());
}

#[test]
fn redirects_lead_where_a_browser_would_go() {
    let from = WebAddress::parse("https://a.example/v1/books/1?x=2").unwrap();
    let check = |location: &str, expected: Result<&str, AddressRefused>| {
        let to = from.redirected(location).map(|to| to.to_string());
        assert_eq!(to, expected.map(str::to_owned), "{location}");
    };
    check("https://b.example/", Ok("https://b.example/"));
    check("//b.example/x", Ok("https://b.example/x"));
    check("/x#y", Ok("https://a.example/x"));
    check("2?z", Ok("https://a.example/v1/books/2?z"));
    check("../../x", Ok("https://a.example/x"));
    check("?z", Ok("https://a.example/v1/books/1?z"));
    check("", Ok("https://a.example/v1/books/1"));
    check("file:///etc/passwd", Err(AddressRefused::Scheme));
    check("javascript:alert(1)", Err(AddressRefused::Scheme));
    check("//a@b.example/", Err(AddressRefused::User));
    check("/a\\b", Err(AddressRefused::Character));
}
