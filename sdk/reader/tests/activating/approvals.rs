//! Approvals that outlive the program that asked for them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use colophon_reader::{ActivateError, ServiceError};
use serde_json::json;

use crate::service::{Reply, Service};
use crate::{Bystander, Reader, busy, bystander, code, package, token};

#[test]
fn an_approval_outlives_the_program_for_a_day() {
    let reader = Reader::new();
    let cut = || Reply::Cut(b"the pack".to_vec());
    let service = Service::start(vec![code(), token(), cut(), cut(), cut(), cut(), package()]);
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(
        matches!(refused, ActivateError::Service(ServiceError::Network(_))),
        "{refused:?}"
    );
    let mode = fs::metadata(reader.grant()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = reader.grant().parent().unwrap().metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    let mut by = bystander();
    by.now += 86_000;
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!((by.steps, by.codes.len()), (vec!["resumed"], 0));
}

#[test]
fn an_approval_that_is_not_good_here_any_more_is_not_used() {
    let forget = |spoil: &dyn Fn(&Path, &mut Bystander)| {
        let reader = Reader::new();
        let busy = (0..11).map(|_| busy());
        let replies = [code(), token()].into_iter().chain(busy);
        let service = Service::start(replies.chain([code(), token(), package()]).collect());
        let mut by = bystander();
        let refused = reader.fetch(&service, &mut by).unwrap_err();
        assert!(matches!(refused, ActivateError::Busy), "{refused:?}");
        let mut by = bystander();
        spoil(&reader.grant(), &mut by);
        reader.fetch(&service, &mut by).unwrap();
        assert_eq!(by.steps, ["approved"]);
    };
    forget(&|_, by| by.now += 86_500);
    forget(&|grant, _| fs::write(grant, "{}").unwrap());
    forget(&|grant, _| {
        let text = fs::read_to_string(grant).unwrap();
        fs::write(
            grant,
            text.replace("http://127.0.0.1", "https://other.example"),
        )
        .unwrap();
    });
    forget(&|grant, _| {
        let text = fs::read_to_string(grant).unwrap();
        fs::write(grant, text.replace("secret-token-1", "secret\\r\\nX: y")).unwrap();
    });
}

#[test]
fn an_approval_the_service_has_forgotten_is_asked_for_again() {
    let reader = Reader::new();
    let service = Service::start(vec![
        code(),
        token(),
        Reply::Nothing,
        Reply::Nothing,
        Reply::Nothing,
        Reply::Nothing,
        Reply::json(401, &json!({})),
        code(),
        token(),
        package(),
    ]);
    reader.fetch(&service, &mut bystander()).unwrap_err();
    let mut by = bystander();
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!(by.steps, ["resumed", "approved"]);
}

#[test]
fn a_fresh_approval_that_is_not_honored_ends_it() {
    let service = Service::start(vec![code(), token(), Reply::json(401, &json!({}))]);
    let reader = Reader::new();
    let refused = reader.fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Forgotten), "{refused:?}");
    assert!(!reader.grant().exists());
}
