//! Whom the reader asks, and whom it believes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/service.rs"]
#[expect(dead_code, reason = "shared by several test binaries")]
mod service;

use colophon_reader::{ActivationService, Address, Network, NetworkError, ServiceError, TlsRoots};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use service::{Reply, Service};

fn code_answer() -> Reply {
    Reply::json(
        200,
        &json!({
            "device_code": "device", "user_code": "ABCD-EFGH",
            "verification_uri": "https://books.example/activation",
            "expires_in": 1800, "interval": 5,
        }),
    )
}

/// An authority, and a server's certificate with key by it.
fn server_certificate(name: &str) -> (String, CertificateDer<'static>, PrivateKeyDer<'static>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    (
        authority.pem(),
        certificate.der().clone(),
        PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    )
}

fn ask(address: &Address, roots: &TlsRoots) -> Result<String, ServiceError> {
    let network = Network::new(roots);
    let code = ActivationService::new(&network, address).device_code(None);
    code.map(|code| code.user_code)
}

#[test]
fn a_server_under_a_trusted_root_is_believed() {
    let (root, certificate, key) = server_certificate("127.0.0.1");
    let service = Service::start_tls(vec![code_answer()], certificate, key);
    let mut roots = TlsRoots::of_system();
    roots.add_pem(root.as_bytes()).unwrap();
    let address = service.url("https", "/activation").parse().unwrap();
    assert_eq!(ask(&address, &roots).unwrap(), "ABCD-EFGH");
    let asked = service.asked();
    assert_eq!(asked[0].line, "POST /activation/device_authorization");
    assert!(asked[0].body.contains("client_id=colophon-reader"));
}

#[test]
fn a_server_under_an_unknown_root_is_told_nothing() {
    let (_, certificate, key) = server_certificate("127.0.0.1");
    let service = Service::start_tls(vec![code_answer()], certificate, key);
    let address = service.url("https", "/activation").parse().unwrap();
    let refused = ask(&address, &TlsRoots::of_system()).unwrap_err();
    assert!(
        matches!(
            refused,
            ServiceError::Network(NetworkError::Identity { .. })
        ),
        "{refused:?}"
    );
    assert!(service.asked().is_empty());
}

#[test]
fn a_server_of_another_name_is_told_nothing() {
    let (root, certificate, key) = server_certificate("books.example");
    let service = Service::start_tls(vec![code_answer()], certificate, key);
    let mut roots = TlsRoots::of_system();
    roots.add_pem(root.as_bytes()).unwrap();
    let address = service.url("https", "/activation").parse().unwrap();
    let refused = ask(&address, &roots).unwrap_err();
    assert!(
        matches!(
            refused,
            ServiceError::Network(NetworkError::Identity { .. })
        ),
        "{refused:?}"
    );
    assert!(service.asked().is_empty());
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = Service::start(vec![code_answer()]);
    let location = format!("Location: {}\r\n", elsewhere.url("http", "/"));
    let service = Service::start(vec![Reply::Full(307, location.leak(), Vec::new())]);
    let address = service.url("http", "/activation").parse().unwrap();
    let refused = ask(&address, &TlsRoots::of_system()).unwrap_err();
    assert!(
        matches!(refused, ServiceError::NotUnderstood { status: 307, .. }),
        "{refused:?}"
    );
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn an_endless_answer_is_not_read_to_its_end() {
    let service = Service::start(vec![Reply::Full(200, "", vec![b' '; 1 << 20])]);
    let address = service.url("http", "/activation").parse().unwrap();
    let refused = ask(&address, &TlsRoots::of_system()).unwrap_err();
    assert!(
        matches!(refused, ServiceError::Network(NetworkError::TooLong { .. })),
        "{refused:?}"
    );
}

#[test]
fn codes_that_mislead_are_refused() {
    let good = json!({
        "device_code": "d", "user_code": "ABCD", "verification_uri": "https://a.example/",
        "expires_in": 1800,
    });
    for (member, bad) in [
        ("user_code", json!("")),
        ("user_code", json!("AB\u{1b}[2J")),
        ("verification_uri", json!("http://a.example/")),
        ("verification_uri", json!("javascript:alert(1)")),
        ("verification_uri_complete", json!("file:///etc/passwd")),
        (
            "verification_uri_complete",
            json!("https://ada:secret@a.example/"),
        ),
        ("expires_in", json!(-1)),
        ("device_code", json!("")),
    ] {
        let mut answer = good.clone();
        answer[member] = bad;
        let service = Service::start(vec![Reply::json(200, &answer)]);
        let address = service.url("http", "/activation").parse().unwrap();
        let refused = ask(&address, &TlsRoots::of_system()).unwrap_err();
        assert!(
            matches!(refused, ServiceError::NotUnderstood { .. }),
            "{answer}: {refused:?}"
        );
    }
}

#[test]
fn a_text_without_certificates_adds_no_root() {
    let mut roots = TlsRoots::of_system();
    assert!(roots.add_pem(b"").is_err());
    assert!(
        roots
            .add_pem(b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n")
            .is_err()
    );
}
