//! The device flow: a code is shown, somebody decides, the package comes.

use colophon_reader::ActivateError;
use serde_json::{Value, json};

use crate::service::{Reply, Service};
use crate::{NOW, Reader, bystander, code, code_with, error, package, token};

#[test]
fn a_person_approves_and_the_package_comes() {
    let service = Service::start(vec![
        code(),
        error("authorization_pending"),
        token(),
        package(),
    ]);
    let (reader, mut by) = (Reader::new(), bystander());
    let fetched = reader.fetch(&service, &mut by).unwrap();
    assert_eq!(fetched.package, b"the package");
    assert_eq!(fetched.grant.persona.as_str(), "ada@people.example");
    assert_eq!(
        (by.codes, by.waited),
        (vec!["ABCD-EFGH".to_owned()], vec![5, 5])
    );
    let asked = service.asked();
    assert!(
        asked[1].body.contains("device_code=device-code-1"),
        "{asked:?}"
    );
    assert!(
        asked[1]
            .body
            .contains("grant_type=urn%3Aietf%3Aparams%3Aoauth"),
        "{asked:?}"
    );
    assert_eq!(asked[3].line, "POST /activation/activations");
    assert_eq!(
        asked[3].header("authorization"),
        Some("Bearer secret-token-1")
    );
    let request: Value = serde_json::from_str(&asked[3].body).unwrap();
    assert_eq!(
        (&request["v"], &request["device_name"]),
        (&json!(1), &json!("Ada's desk"))
    );
    let facts = request["facts"].as_object().unwrap();
    let mut kinds: Vec<_> = facts.keys().map(String::as_str).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["host-name", "processor", "system", "v"]);
    // Digests only: what the machine is made of stays on it.
    assert!(!asked[3].body.contains("3d1219c7") && !asked[3].body.contains("Some CPU"));
}

#[test]
fn who_asks_too_often_asks_more_slowly() {
    let slow = || error("slow_down");
    let service = Service::start(vec![code(), slow(), slow(), token(), package()]);
    let (reader, mut by) = (Reader::new(), bystander());
    reader.fetch(&service, &mut by).unwrap();
    assert_eq!(by.waited, [5, 10, 15]);
}

#[test]
fn an_interval_without_reason_is_not_followed() {
    for (told, waited) in [(json!(0), 1), (json!(1_000_000), 300), (Value::Null, 5)] {
        let service = Service::start(vec![code_with(&told), token(), package()]);
        let (reader, mut by) = (Reader::new(), bystander());
        reader.fetch(&service, &mut by).unwrap();
        assert_eq!(by.waited, [waited], "{told}");
    }
}

#[test]
fn denied_and_expired_are_told_apart() {
    let service = Service::start(vec![code(), error("access_denied")]);
    let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Denied), "{refused:?}");
    let service = Service::start(vec![code(), error("expired_token")]);
    let refused = Reader::new().fetch(&service, &mut bystander()).unwrap_err();
    assert!(matches!(refused, ActivateError::Expired), "{refused:?}");
}

#[test]
fn a_service_that_never_decides_is_left_in_the_end() {
    let mut replies = vec![code_with(&json!(300))];
    replies.extend((0..6).map(|_| error("authorization_pending")));
    let service = Service::start(replies);
    let mut by = bystander();
    let refused = Reader::new().fetch(&service, &mut by).unwrap_err();
    assert!(matches!(refused, ActivateError::Expired), "{refused:?}");
    assert_eq!(by.now, NOW + 1800);
}

#[test]
fn a_network_that_fails_for_a_moment_is_waited_for() {
    let service = Service::start(vec![code(), Reply::Nothing, token(), package()]);
    let mut by = bystander();
    Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(by.steps, ["unreachable", "approved"]);
    assert_eq!(by.waited, [5, 10]);
}

#[test]
fn a_download_that_broke_off_is_begun_again_with_the_same_token() {
    let cut = || Reply::Cut(b"the pack".to_vec());
    let service = Service::start(vec![code(), token(), cut(), cut(), package()]);
    let mut by = bystander();
    let fetched = Reader::new().fetch(&service, &mut by).unwrap();
    assert_eq!(fetched.package, b"the package");
    assert_eq!(by.codes.len(), 1);
    assert_eq!(by.waited, [5, 2, 4]);
    let asked = service.asked();
    let tokens: Vec<_> = asked[2..]
        .iter()
        .map(|asked| asked.header("authorization"))
        .collect();
    assert_eq!(tokens, [Some("Bearer secret-token-1"); 3]);
}
