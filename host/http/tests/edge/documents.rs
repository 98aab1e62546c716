//! The pages that errors and events refer to.

use colophon_core::code::Code;
use colophon_core::event::NamedEvent;

use crate::support::client::ask;
use crate::support::host::Host;

async fn page(host: &Host, target: &str) -> String {
    let answer = ask(host.address, "GET", target, &[]).await;
    answer.check(200, &[("content-type", "text/html; charset=utf-8")]);
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    String::from_utf8(answer.body).unwrap()
}

#[tokio::test]
async fn every_error_has_a_page() {
    let host = Host::start().await;
    let list = page(&host, "/docs/errors").await;
    for code in Code::ALL {
        let target = format!("/docs/errors/{}", code.slug());
        assert!(list.contains(&format!("href=\"{target}\"")), "{target}");
        let one = page(&host, &target).await;
        assert!(one.contains(&format!("<code>{}</code>", code.slug())));
        assert!(one.contains(&format!("HTTP {}", code.status())));
    }
    ask(host.address, "GET", "/docs/errors/nothing", &[])
        .await
        .check_problem(404, "address-unknown");
}

#[tokio::test]
async fn every_event_is_listed() {
    let host = Host::start().await;
    let list = page(&host, "/docs/events").await;
    for event in NamedEvent::ALL {
        assert!(
            list.contains(event.code()) && list.contains(event.slug()),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn pages_have_what_they_refer_to() {
    let host = Host::start().await;
    let list = page(&host, "/docs/errors").await;
    assert!(list.contains("href=\"/docs/style.css\"") && list.contains("name=\"viewport\""));
    let style = ask(host.address, "GET", "/docs/style.css", &[]).await;
    style.check(200, &[("content-type", "text/css; charset=utf-8")]);
}
