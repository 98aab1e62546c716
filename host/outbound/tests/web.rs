//! What a plug-in's requests do, and what they are kept from.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what stands around the tests fails them like they fail themselves"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use colophon_core::capability::{
    AllowedAddress, Name, Network, WebFailure, WebMethod, WebRequest, WebResponse, WebServices,
};
use colophon_outbound::web::{GrantedWeb, Resolver, WebGrant, WebSecret};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Names that lead to this machine, and to others that nobody may be led to.
struct Names;

#[async_trait]
impl Resolver for Names {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses: &[&str] = match host {
            "here.example" | "there.example" | "elsewhere.example" => &["127.0.0.1"],
            "inside.example" => &["10.0.0.7"],
            "mapped.example" => &["::ffff:169.254.169.254"],
            "metadata.example" => &["169.254.169.254"],
            // The first may be asked, the second not.
            "both.example" => &["127.0.0.1", "10.0.0.7"],
            "nobody.example" => &[],
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let parsed = addresses.iter().map(|text| text.parse::<IpAddr>());
        let parsed = parsed.map(|ip| SocketAddr::new(ip.expect("an address"), port));
        Ok(parsed.collect())
    }
}

/// A server that answers by path and keeps what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    let request = whole(&mut stream).await;
                    let answer = answer(&request, port);
                    kept.lock().expect("a list").push(request);
                    // Whoever has heard enough hangs up.
                    let _ = stream.write_all(&answer).await;
                });
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().expect("a list"))
    }

    /// Services under a grant for everything below `/v1/` at `here.example`, by this server.
    fn web(&self) -> GrantedWeb {
        self.web_for(&["http://here.example:PORT/v1/"])
    }

    fn web_for(&self, allow: &[&str]) -> GrantedWeb {
        let allow = allow
            .iter()
            .map(|text| text.replace("PORT", &self.port.to_string()));
        let allow = allow.map(|text| AllowedAddress::parse(&text).expect("an address"));
        let secret = WebSecret::new("Bearer s3cret\n".to_owned().into()).expect("a secret");
        let grant = WebGrant {
            allow: allow.collect(),
            private: vec![Network::parse("127.0.0.0/8").expect("a network")],
            secrets: BTreeMap::from([(Name::parse("token").expect("a name"), secret)]),
        };
        GrantedWeb::new(grant, RootCertStore::empty(), Arc::new(Names)).expect("services")
    }

    fn get(&self, url: &str) -> WebRequest {
        WebRequest {
            method: WebMethod::Get,
            url: url.replace("PORT", &self.port.to_string()),
            fields: Vec::new(),
            secrets: Vec::new(),
            body: None,
        }
    }
}

/// A request with its body, as it came.
async fn whole(stream: &mut tokio::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 {
                return text;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
        if count == 0 || body.len() >= length {
            return text;
        }
    }
}

fn answer(request: &str, port: u16) -> Vec<u8> {
    let path = request.split(' ').nth(1).unwrap_or("");
    let redirect = |status: u16, to: &str| {
        let to = to.replace("PORT", &port.to_string());
        format!("HTTP/1.1 {status} Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
    };
    let text = match path {
        "/v1/book" => {
            "HTTP/1.1 200 OK\r\nX-Shelf: 7\r\nSet-Cookie: a=b\r\ncontent-length: 5\r\n\r\nfound"
                .to_owned()
        }
        "/v1/missing" => "HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "/v1/large" => format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{}",
            "x".repeat(300_000)
        ),
        "/v1/endless" => format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(300_000)),
        "/v1/many" => {
            let fields: String = (0..90).map(|n| format!("x-{n}: {n}\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")
        }
        "/v1/too-many" => {
            let fields: String = (0..200).map(|n| format!("x-{n}: {n}\r\n")).collect();
            format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")
        }
        "/v1/broken" => "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf".to_owned(),
        "/v1/noise" => "220 mail.example ESMTP\r\n".to_owned(),
        "/v1/moved" => redirect(302, "/v1/book"),
        "/v1/moved-twice" => redirect(301, "moved"),
        "/v1/kept" => redirect(307, "/v1/book"),
        "/v1/loop" => redirect(302, "/v1/loop"),
        "/v1/other" => redirect(302, "http://there.example:PORT/v1/book"),
        "/v1/kept-other" => redirect(308, "http://there.example:PORT/v1/book"),
        "/v1/out" => redirect(302, "http://elsewhere.example:PORT/v1/book"),
        "/v1/up" => redirect(302, "../admin"),
        "/v1/escaped" => redirect(302, "/v1/%2e%2e/admin"),
        "/v1/inside" => redirect(302, "http://10.0.0.7/v1/"),
        "/v1/inside-name" => redirect(302, "http://inside.example:PORT/v1/"),
        "/v1/file" => redirect(302, "file:///etc/passwd"),
        "/v1/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_owned(),
    };
    text.into_bytes()
}

fn body(response: &Result<WebResponse, WebFailure>) -> String {
    match response {
        Ok(response) => format!(
            "{} {}",
            response.status,
            String::from_utf8_lossy(&response.body)
        ),
        Err(failure) => panic!("{failure:?}"),
    }
}

#[track_caller]
fn denied(response: Result<WebResponse, WebFailure>) {
    assert!(
        matches!(response, Err(WebFailure::Denied(_))),
        "{response:?}"
    );
}

#[track_caller]
fn invalid(response: Result<WebResponse, WebFailure>) {
    assert!(
        matches!(response, Err(WebFailure::Invalid(_))),
        "{response:?}"
    );
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_granted_address_is_asked_and_answers() {
    let server = Server::start().await;
    let web = server.web();
    let mut request = server.get("http://HERE.example:PORT/v1/./book");
    request.fields = vec![
        pair("Accept", "text/plain"),
        pair("x-two", "1"),
        pair("x-two", "2"),
    ];
    request.secrets = vec![pair("Authorization", "token")];
    let response = web.fetch(request).await.expect("an answer");
    assert_eq!(
        (response.status, response.body.as_slice()),
        (200, &b"found"[..])
    );
    let shown: Vec<_> = response
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(shown, ["x-shelf", "content-length"]);
    let asked = server.asked();
    let [asked] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert!(asked.starts_with("GET /v1/book HTTP/1.1\r\n"), "{asked}");
    for line in [
        "accept: text/plain",
        "x-two: 1",
        "x-two: 2",
        "authorization: Bearer s3cret",
        "user-agent: colophon",
    ] {
        assert!(asked.contains(&format!("{line}\r\n")), "{line} in {asked}");
    }
    let status = web
        .fetch(server.get("http://here.example:PORT/v1/missing"))
        .await;
    assert_eq!(body(&status), "404 ");
}

#[tokio::test]
async fn addresses_that_the_grant_does_not_name() {
    let server = Server::start().await;
    let web = server.web();
    for url in [
        "http://here.example:PORT/",
        "http://here.example:PORT/v1",
        "http://here.example:PORT/v1/../admin",
        "http://here.example:PORT/v1/%2e%2E/admin",
        "http://here.example/v1/book",
        "https://here.example:PORT/v1/book",
        "http://there.example:PORT/v1/book",
        "http://127.0.0.1:PORT/v1/book",
        "http://[::ffff:127.0.0.1]:PORT/v1/book",
        "http://here.example.evil.example:PORT/v1/",
    ] {
        denied(web.fetch(server.get(url)).await);
    }
    for url in [
        "",
        "/v1/book",
        "file:///v1/book",
        "http://here.example:PORT/v1/\r\nHost: x",
        "http://here.example:PORT@evil.example/v1/",
        "http://2130706433:PORT/v1/",
        "http://0x7f.1/v1/",
    ] {
        invalid(web.fetch(server.get(url)).await);
    }
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn names_that_lead_into_networks_of_ones_own() {
    let server = Server::start().await;
    for host in [
        "inside.example",
        "mapped.example",
        "metadata.example",
        "both.example",
        "10.0.0.7",
        "169.254.169.254",
        "[::ffff:10.0.0.7]",
        "[::1]",
        "[fd00:ec2::254]",
    ] {
        let url = format!("http://{host}:PORT/v1/");
        denied(server.web_for(&[&url]).fetch(server.get(&url)).await);
    }
    for host in ["nobody.example", "unknown.example"] {
        let url = format!("http://{host}:PORT/v1/");
        let response = server.web_for(&[&url]).fetch(server.get(&url)).await;
        assert!(
            matches!(response, Err(WebFailure::Unavailable(_))),
            "{response:?}"
        );
    }
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn redirects_are_followed_where_the_grant_goes() {
    let server = Server::start().await;
    let web = server.web();
    for path in ["moved", "moved-twice", "kept"] {
        let response = web
            .fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
            .await;
        assert_eq!(body(&response), "200 found", "{path}");
    }
    for path in ["other", "out", "up", "escaped", "inside", "inside-name"] {
        denied(
            web.fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
                .await,
        );
    }
    server.asked();
    for (path, asked) in [("loop", 4), ("file", 1)] {
        let response = web
            .fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
            .await;
        assert!(
            matches!(response, Err(WebFailure::Unavailable(_))),
            "{response:?}"
        );
        assert_eq!(server.asked().len(), asked, "{path}");
    }
    let response = web
        .fetch(server.get("http://here.example:PORT/v1/nowhere"))
        .await;
    assert_eq!(body(&response), "302 ");
}

#[tokio::test]
async fn a_granted_name_that_leads_inside_is_not_redirected_to() {
    let server = Server::start().await;
    let allow = [
        "http://here.example:PORT/v1/",
        "http://inside.example:PORT/v1/",
        "http://10.0.0.7/v1/",
    ];
    let web = server.web_for(&allow);
    for path in ["inside", "inside-name"] {
        denied(
            web.fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
                .await,
        );
    }
}

#[tokio::test]
async fn secrets_do_not_go_along_to_another_server() {
    let server = Server::start().await;
    let allow = [
        "http://here.example:PORT/v1/",
        "http://there.example:PORT/v1/",
    ];
    let web = server.web_for(&allow);
    let ask = async |path: &str| {
        let mut request = server.get(&format!("http://here.example:PORT/v1/{path}"));
        request.method = WebMethod::Post;
        request.body = Some(b"question".to_vec());
        request.fields = vec![
            pair("cookie", "own=1"),
            pair("x-kept", "1"),
            pair("content-type", "text/plain"),
        ];
        request.secrets = vec![pair("authorization", "token")];
        assert_eq!(body(&web.fetch(request).await), "200 found");
        let asked = server.asked();
        let [first, second] = asked.as_slice() else {
            panic!("{asked:?}")
        };
        assert!(
            first.contains("s3cret") && first.ends_with("question"),
            "{first}"
        );
        second.clone()
    };
    let second = ask("other").await;
    assert!(second.starts_with("GET /v1/book"), "{second}");
    assert!(second.contains("host: there.example"), "{second}");
    assert!(second.contains("x-kept: 1"), "{second}");
    for gone in [
        "s3cret",
        "authorization",
        "cookie",
        "content-type",
        "question",
    ] {
        assert!(!second.contains(gone), "{gone} in {second}");
    }
    let second = ask("kept-other").await;
    assert!(
        second.starts_with("POST /v1/book") && second.ends_with("question"),
        "{second}"
    );
    assert!(
        !second.contains("s3cret") && !second.contains("cookie"),
        "{second}"
    );
    let second = ask("moved").await;
    assert!(second.contains("s3cret"), "{second}");
}

#[tokio::test]
async fn fields_that_no_plug_in_may_set() {
    let server = Server::start().await;
    let web = server.web();
    let url = "http://here.example:PORT/v1/book";
    for (name, value) in [
        ("host", "evil.example"),
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("upgrade", "h2c"),
        ("user-agent", "me"),
        ("proxy-authorization", "x"),
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("x\r\ny", "x"),
        ("x", "a\r\nhost: evil.example"),
        ("x", "a\0"),
    ] {
        let mut request = server.get(url);
        request.fields = vec![pair(name, value)];
        invalid(web.fetch(request).await);
        if !value.contains(['\r', '\0']) {
            let mut request = server.get(url);
            request.secrets = vec![pair(name, "token")];
            invalid(web.fetch(request).await);
        }
    }
    let long = "a".repeat(4097);
    for fields in [
        vec![pair("x", &long)],
        vec![pair(&long[..65], "x")],
        vec![pair("x", "y"); 33],
        vec![pair("x", "y"); 200],
        vec![pair("authorization", "mine")],
    ] {
        let mut request = server.get(url);
        request.fields = fields;
        request.secrets = vec![pair("authorization", "token")];
        invalid(web.fetch(request).await);
    }
    let mut request = server.get(url);
    request.secrets = vec![pair("authorization", "other-token")];
    denied(web.fetch(request).await);
    let mut request = server.get(url);
    request.body = Some(vec![0; (256 << 10) + 1]);
    assert_eq!(web.fetch(request).await, Err(WebFailure::TooLarge));
    assert_eq!(server.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn answers_that_are_none() {
    let server = Server::start().await;
    let web = server.web();
    for path in ["large", "endless"] {
        let response = web
            .fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
            .await;
        assert_eq!(response, Err(WebFailure::TooLarge), "{path}");
    }
    for path in ["broken", "noise", "too-many"] {
        let response = web
            .fetch(server.get(&format!("http://here.example:PORT/v1/{path}")))
            .await;
        assert!(
            matches!(response, Err(WebFailure::Unavailable(_))),
            "{path}: {response:?}"
        );
    }
    let many = web
        .fetch(server.get("http://here.example:PORT/v1/many"))
        .await;
    assert_eq!(many.expect("an answer").fields.len(), 64);
    // Nobody listens on the first port.
    let url = "http://here.example:1/v1/";
    let response = server.web_for(&[url]).fetch(server.get(url)).await;
    assert!(
        matches!(response, Err(WebFailure::Unavailable(_))),
        "{response:?}"
    );
}

#[test]
fn what_is_no_secret() {
    for text in [
        "",
        "\n",
        "two\nlines",
        "tab\there",
        "ümlaut",
        &"x".repeat(4097),
    ] {
        assert!(WebSecret::new(text.to_owned().into()).is_err(), "{text:?}");
    }
    assert!(WebSecret::new("Bearer x\r\n".to_owned().into()).is_ok());
}
