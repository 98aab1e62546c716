//! TLS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use colophon_core::log::Outcome;
use colophon_http::limits::Limits;
use colophon_http::tls::{Tls, TlsError};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::client::{Client, download_target, request};
use crate::support::content::Pattern;
use crate::support::host::{Host, Options};

/// Writes a fresh certificate for `center.example` and its key into the folder.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["center.example".to_owned()]).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn tls(folder: &Path) -> Result<Tls, TlsError> {
    Tls::from_files(folder.join("chain.pem"), folder.join("key.pem"))
}

async fn connect(
    host: &Host,
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let stream = TcpStream::connect(host.address).await?;
    let name = ServerName::try_from("center.example").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

async fn host(folder: &Path) -> (Host, Arc<Tls>) {
    let tls = Arc::new(tls(folder).unwrap());
    let limits = Limits {
        tls_handshake: Duration::from_millis(300),
        ..Limits::default()
    };
    let options = Options {
        tls: Some(Arc::clone(&tls)),
        limits,
        ..Options::default()
    };
    (Host::with(options).await, tls)
}

#[tokio::test]
async fn downloads_over_both_versions() {
    let folder = TempDir::new().unwrap();
    let root = certify(folder.path());
    let (host, _tls) = host(folder.path()).await;
    host.sell_pattern("111", 3_000_000);
    let (tls12, tls13): (&[_], &[_]) = (&[&version::TLS12], &[&version::TLS13]);
    for (versions, protocols) in [(tls12, &["http/1.1"][..]), (tls13, &[][..])] {
        let stream = connect(&host, &root, versions, protocols).await.unwrap();
        let mut client = Client::over(stream);
        client
            .send(request(
                "GET",
                &download_target(&host.receipt("111")),
                &[],
                "",
            ))
            .await;
        let answer = client.answer_to("GET").await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == Pattern::whole(3_000_000));
    }
    assert!(
        host.outbox
            .rows()
            .iter()
            .all(|row| row.outcome == Outcome::Completed)
    );
}

#[tokio::test]
async fn the_handshake_agrees_on_a_protocol() {
    let folder = TempDir::new().unwrap();
    let root = certify(folder.path());
    let (host, _tls) = host(folder.path()).await;
    let agreed = async |protocols: &[&str]| {
        let stream = connect(&host, &root, rustls::ALL_VERSIONS, protocols).await?;
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        std::io::Result::Ok(agreed.map(|name| String::from_utf8(name).unwrap()))
    };
    assert_eq!(
        agreed(&["h2", "http/1.1"]).await.unwrap().as_deref(),
        Some("h2")
    );
    assert_eq!(
        agreed(&["http/1.1"]).await.unwrap().as_deref(),
        Some("http/1.1")
    );
    assert_eq!(agreed(&[]).await.unwrap(), None);
    assert!(agreed(&["spdy/3"]).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let folder = TempDir::new().unwrap();
    certify(folder.path());
    let (host, _tls) = host(folder.path()).await;
    assert_eq!(Client::connect(host.address).await.rest().await, b"");
    let mut plain = Client::connect(host.address).await;
    plain.send(request("GET", "/livez", &[], "")).await;
    assert!(!plain.rest().await.starts_with(b"HTTP"));
}

#[tokio::test]
async fn certificates_change_while_the_host_runs() {
    let folder = TempDir::new().unwrap();
    let first = certify(folder.path());
    let (host, tls) = host(folder.path()).await;
    let works = async |root| {
        connect(&host, root, rustls::ALL_VERSIONS, &[])
            .await
            .is_ok()
    };
    assert!(works(&first).await);

    let second = certify(folder.path());
    assert!(works(&first).await && !works(&second).await);
    tls.reload().unwrap();
    assert!(works(&second).await && !works(&first).await);

    // What cannot be used does not replace what can.
    std::fs::write(folder.path().join("key.pem"), "not a key").unwrap();
    assert!(tls.reload().is_err());
    assert!(works(&second).await);
}

#[test]
fn files_that_cannot_be_used() {
    let folder = TempDir::new().unwrap();
    assert!(matches!(tls(folder.path()), Err(TlsError::File { .. })));
    certify(folder.path());
    let key = std::fs::read(folder.path().join("key.pem")).unwrap();
    certify(folder.path());
    std::fs::write(folder.path().join("key.pem"), key).unwrap();
    assert!(matches!(tls(folder.path()), Err(TlsError::Unusable(_))));
    std::fs::write(folder.path().join("chain.pem"), "").unwrap();
    assert!(matches!(tls(folder.path()), Err(TlsError::Empty { .. })));
}
