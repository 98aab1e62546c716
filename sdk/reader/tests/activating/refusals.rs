//! What a service says no with.

use colophon_reader::{ActivateError, Limit, ServiceError};
use serde_json::json;

use crate::service::{Reply, Service};
use crate::{Reader, busy, bystander, code, package, problem, token};

#[test]
fn a_limit_says_when_the_next_is_granted_and_whom_to_ask() {
    let limit = json!({
        "code": "activation-limit", "title": "All activations are used", "status": 403,
        "next_grant": "2027-04-15T00:00:00Z", "support": "help@books.example",
    });
    let service = Service::start(vec![code(), token(), problem(403, "", &limit)]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    let ActivateError::LimitReached(limit) = refused else {
        panic!("{refused:?}");
    };
    let expected = Limit {
        next_grant_unix_s: Some(1_807_747_200),
        support: Some("help@books.example".to_owned()),
    };
    assert_eq!(limit, expected);
    assert!(
        !reader.grant().exists(),
        "next time somebody else may approve"
    );
}

#[test]
fn a_busy_service_is_asked_again_when_it_says_so() {
    let service = Service::start(vec![code(), token(), busy(), busy(), package()]);
    let mut by = bystander();
    Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(by.waited, [5, 7, 7]);
}

#[test]
fn a_refusal_keeps_the_words_of_the_service() {
    let withdrawn = json!({
        "code": "persona-withdrawn", "title": "This persona was withdrawn", "next": "Ask support",
    });
    let service = Service::start(vec![code(), token(), problem(403, "", &withdrawn)]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(!reader.grant().exists());
    let ActivateError::Service(ServiceError::Refused { code, next, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (code.as_str(), next.as_deref()),
        ("persona-withdrawn", Some("Ask support"))
    );
}

#[test]
fn tokens_that_are_none_are_refused() {
    let good = json!({
        "access_token": "t", "token_type": "Bearer", "expires_in": 60,
        "persona": "ada", "fact_salt": "BwcHBwcHBwcHBwcHBwcHBw",
    });
    for (member, bad) in [
        ("access_token", json!("")),
        ("access_token", json!("a\r\nX-Evil: b")),
        ("token_type", json!("DPoP")),
        ("expires_in", json!("soon")),
        ("persona", json!("two\nlines")),
        ("fact_salt", json!("BwcHBwc")),
    ] {
        let mut answer = good.clone();
        answer[member] = bad;
        let service = Service::start(vec![code(), Reply::json(200, &answer)]);
        let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
        assert!(
            matches!(
                refused,
                ActivateError::Service(ServiceError::NotUnderstood { .. })
            ),
            "{answer}: {refused:?}"
        );
    }
}
