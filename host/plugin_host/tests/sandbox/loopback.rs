//! A real server on this machine, and the real way to it for plug-ins.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use colophon_core::capability::{
    AllowedAddress, FieldName, Name, Network, PrivateNetworks, SecretUse,
};
use colophon_outbound::web::{GrantedWeb, Resolver, SharedWeb, WebCaps, WebGrant, WebSecret};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::services::name;

/// How the server behaves once it has heard the head of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Answering,
    /// Says nothing.
    Silent,
    /// Begins an answer and says no more.
    HalfWay,
    /// Sends fields without end.
    EndlessHead,
    /// Sends a body without end.
    EndlessBody,
}

/// A server that behaves in one way.
pub(crate) struct Loopback {
    port: u16,
    /// Heads of the requests that it was sent.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
    /// Gets a permit for each connection that the other side has given up.
    pub(crate) given_up: Arc<Semaphore>,
}

impl Loopback {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let given_up = Arc::new(Semaphore::new(0));
        let (kept, ended) = (Arc::clone(&heads), Arc::clone(&given_up));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, ended) = (Arc::clone(&kept), Arc::clone(&ended));
                tokio::spawn(async move {
                    serve(stream, manner, &kept).await;
                    ended.add_permits(1);
                });
            }
        });
        Self {
            port,
            heads,
            given_up,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://here.example:{}/v1/book", self.port)
    }

    /// The way to this server, for a plug-in that knows a secret by the name `token`.
    pub(crate) fn web(&self, secret: &str) -> GrantedWeb {
        let address = format!("http://here.example:{}/v1/", self.port);
        let address = AllowedAddress::parse(&address).expect("an address");
        let bound = SecretUse {
            address: address.clone(),
            field: FieldName::parse("Authorization").expect("a field"),
            prefix: "Bearer ".to_owned(),
        };
        let secret = WebSecret::new(secret.to_owned().into(), &bound).expect("a secret");
        let grant = WebGrant {
            allow: vec![address.clone()],
            private: vec![PrivateNetworks {
                address,
                networks: vec![Network::parse("127.0.0.0/8").expect("a network")],
            }],
            secrets: BTreeMap::<Name, WebSecret>::from([(name("token"), secret)]),
        };
        let roots = RootCertStore::empty();
        let shared = SharedWeb::new(roots, Arc::new(ThisMachine), WebCaps::default());
        GrantedWeb::new(
            &crate::world::center("north"),
            &name("acme"),
            grant,
            shared.expect("a way to the web"),
        )
    }
}

/// Every name leads to this machine.
struct ThisMachine;

#[async_trait]
impl Resolver for ThisMachine {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, heads: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => head.extend_from_slice(&chunk[..count]),
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    heads.lock().expect("a list").push(text);
    let begun = match manner {
        Manner::Answering => {
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nfound"
        }
        Manner::Silent => "",
        Manner::HalfWay => "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf",
        Manner::EndlessHead | Manner::EndlessBody => "HTTP/1.1 200 OK\r\n",
    };
    if stream.write_all(begun.as_bytes()).await.is_err() || manner == Manner::Answering {
        return;
    }
    let more = match manner {
        Manner::EndlessHead => "x-more: and more\r\n".repeat(50),
        Manner::EndlessBody => {
            if stream.write_all(b"\r\n").await.is_err() {
                return;
            }
            "and more ".repeat(100)
        }
        Manner::Answering | Manner::Silent | Manner::HalfWay => String::new(),
    };
    // Whoever has heard enough hangs up.
    if more.is_empty() {
        while !matches!(stream.read(&mut chunk).await, Ok(0) | Err(_)) {}
    } else {
        while stream.write_all(more.as_bytes()).await.is_ok() {}
    }
}
