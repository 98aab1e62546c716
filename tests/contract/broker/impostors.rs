//! A program that only says it is a broker, and what a host tells it.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener as Unvisited};

use colophon_pipeline::jetstream::Credentials;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::ground::{PATIENCE, access, connect, entering};

/// The first byte of what begins TLS.
const HANDSHAKE: u8 = 22;

struct Impostor {
    listener: TcpListener,
    address: SocketAddr,
}

impl Impostor {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { listener, address }
    }

    async fn accept(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        accepted.unwrap().unwrap().0
    }

    /// Lets a client in, and tells it of another server.
    async fn greet(&self, another: SocketAddr) -> TcpStream {
        let mut client = self.accept().await;
        let info = format!(
            "INFO {{\"server_id\":\"x\",\"version\":\"2.15.1\",\"proto\":1,\"host\":\"127.0.0.1\",\
             \"port\":{},\"headers\":true,\"max_payload\":1048576,\"jetstream\":true,\
             \"connect_urls\":[\"{another}\"]}}\r\n",
            self.address.port()
        );
        client.write_all(info.as_bytes()).await.unwrap();
        client
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_where_there_is_an_authority() {
    let folder = tempfile::tempdir().unwrap();
    let (password, authority) = (folder.path().join("password"), folder.path().join("ca.pem"));
    fs::write(&password, "s3cret").unwrap();
    let certificate = CertificateParams::default().self_signed(&KeyPair::generate().unwrap());
    fs::write(&authority, certificate.unwrap().pem()).unwrap();
    let shown = Credentials::Password {
        user: "ada".to_owned(),
        file: password,
    };
    let impostor = Impostor::new().await;
    for scheme in ["nats", "tls"] {
        let address = format!("{scheme}://{}", impostor.address);
        let settings = entering(access(&address, shown.clone(), Some(&authority)));
        let _broker = connect(&settings).await;
        let mut client = impostor.greet(impostor.address).await;
        let first = timeout(PATIENCE, client.read_u8()).await;
        assert_eq!(first.unwrap().unwrap(), HANDSHAKE);
    }
}

#[tokio::test]
async fn servers_that_a_broker_names_are_not_gone_to() {
    let impostor = Impostor::new().await;
    let another = Unvisited::bind("127.0.0.1:0").unwrap();
    another.set_nonblocking(true).unwrap();
    let address = format!("nats://{}", impostor.address);
    let _broker = connect(&entering(access(&address, Credentials::Anonymous, None))).await;
    let mut client = impostor.greet(another.local_addr().unwrap()).await;
    let mut said = String::new();
    while !said.contains("PING") {
        let mut part = [0; 4096];
        let length = timeout(PATIENCE, client.read(&mut part)).await;
        let length = length.unwrap().unwrap();
        assert_ne!(length, 0, "{said}");
        said.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    client.write_all(b"PONG\r\n").await.unwrap();
    drop(client);
    // A client that knew of two would try both in turn.
    for _ in 0..3 {
        impostor.accept().await;
    }
    let nobody = another.accept().unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::WouldBlock);
}
