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
use std::time::Duration;

use async_trait::async_trait;
use colophon_core::capability::{
    AllowedAddress, FieldName, Name, Network, PrivateNetworks, SecretUse, WebFailure, WebMethod,
    WebRequest, WebResponse, WebServices,
};
use colophon_outbound::web::{
    GrantedWeb, InvalidSecret, Resolver, SharedWeb, WebCaps, WebGrant, WebSecret,
};
use rustls::RootCertStore;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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
        let shared = shared(Arc::new(Names), WebCaps::default());
        version_of("acme", self.grant(allow), &shared)
    }

    /// A grant for these addresses, all of which may lead to this machine, with a secret for
    /// everything below `/v1/` at `here.example`.
    fn grant(&self, allow: &[&str]) -> WebGrant {
        let allow: Vec<_> = allow.iter().map(|text| self.allowed(text)).collect();
        let private = allow.iter().map(|address| PrivateNetworks {
            address: address.clone(),
            networks: vec![Network::parse("127.0.0.0/8").expect("a network")],
        });
        WebGrant {
            private: private.collect(),
            allow,
            secrets: BTreeMap::from([(
                Name::parse("token").expect("a name"),
                self.secret("http://here.example:PORT/v1/"),
            )]),
        }
    }

    fn allowed(&self, text: &str) -> AllowedAddress {
        let text = text.replace("PORT", &self.port.to_string());
        AllowedAddress::parse(&text).expect("an address")
    }

    /// A secret that is bound to what begins with this address.
    fn secret(&self, address: &str) -> WebSecret {
        let bound = SecretUse {
            address: self.allowed(address),
            field: FieldName::parse("Authorization").expect("a field"),
            prefix: "Bearer ".to_owned(),
        };
        WebSecret::new("s3cret\n".to_owned().into(), &bound).expect("a secret")
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

fn shared(resolver: Arc<dyn Resolver>, caps: WebCaps) -> Arc<SharedWeb> {
    SharedWeb::new(RootCertStore::empty(), resolver, caps).expect("a way to the web")
}

/// The services of a version of this plug-in.
fn version_of(plugin: &str, grant: WebGrant, shared: &Arc<SharedWeb>) -> GrantedWeb {
    let center = "main".parse().expect("a center");
    let plugin = Name::parse(plugin).expect("a name");
    GrantedWeb::new(&center, &plugin, grant, Arc::clone(shared))
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
    request.secrets = vec!["token".to_owned()];
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
        request.secrets = vec!["token".to_owned()];
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
async fn a_secret_goes_to_its_own_address_and_field_alone() {
    let server = Server::start().await;
    // Everything at both hosts may be asked; the secret belongs to a part of one of them.
    let mut grant = server.grant(&["http://here.example:PORT/", "http://there.example:PORT/"]);
    let name = Name::parse("narrow").expect("a name");
    let narrow = server.secret("http://here.example:PORT/v1/moved");
    grant.secrets.insert(name, narrow);
    let web = version_of("acme", grant, &shared(Arc::new(Names), WebCaps::default()));
    for url in [
        "http://there.example:PORT/v1/book",
        "http://here.example:PORT/collect",
        "http://here.example:PORT/v1/../collect",
        "http://here.example:PORT/v1",
    ] {
        let mut request = server.get(url);
        request.secrets = vec!["token".to_owned()];
        denied(web.fetch(request).await);
    }
    let twice = ["token".to_owned(), "narrow".to_owned()];
    for secrets in [vec![twice[0].clone(); 2], twice.to_vec()] {
        let mut request = server.get("http://here.example:PORT/v1/moved");
        request.secrets = secrets;
        invalid(web.fetch(request).await);
    }
    assert_eq!(server.asked(), Vec::<String>::new());

    // A redirect on the same server leads out of the narrow place.
    let mut request = server.get("http://here.example:PORT/v1/moved");
    request.secrets = vec!["narrow".to_owned()];
    assert_eq!(body(&web.fetch(request).await), "200 found");
    let asked = server.asked();
    let [first, second] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert!(
        first.contains("authorization: Bearer s3cret\r\n"),
        "{first}"
    );
    assert!(!second.contains("s3cret"), "{second}");
}

#[tokio::test]
async fn a_network_is_open_to_its_own_addresses_alone() {
    let server = Server::start().await;
    let allow = [
        "http://here.example:PORT/v1/",
        "http://there.example:PORT/v1/",
    ];
    let mut grant = server.grant(&allow);
    grant.private.truncate(1);
    let web = version_of("acme", grant, &shared(Arc::new(Names), WebCaps::default()));
    let response = web
        .fetch(server.get("http://here.example:PORT/v1/book"))
        .await;
    assert_eq!(body(&response), "200 found");
    server.asked();
    // The other name leads to the same machine, and was not granted to.
    denied(
        web.fetch(server.get("http://there.example:PORT/v1/book"))
            .await,
    );
    assert_eq!(server.asked(), Vec::<String>::new());
    denied(
        web.fetch(server.get("http://here.example:PORT/v1/other"))
            .await,
    );
}

/// Look-ups that end when the test says so.
struct Slow {
    begun: Arc<Semaphore>,
    ending: Arc<Semaphore>,
}

#[async_trait]
impl Resolver for Slow {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.begun.add_permits(1);
        let ending = self.ending.acquire().await;
        ending.map_err(io::Error::other)?.forget();
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }
}

fn few() -> WebCaps {
    WebCaps {
        connections: 3,
        connections_of_one: 2,
        look_ups: 2,
        look_ups_of_one: 1,
        wait_max: Duration::from_secs(5),
    }
}

/// The same for whoever waits a moment only.
fn few_and_hasty() -> WebCaps {
    WebCaps {
        wait_max: Duration::from_millis(50),
        ..few()
    }
}

#[tokio::test]
async fn a_look_up_that_nobody_waits_for_keeps_its_place() {
    let server = Server::start().await;
    let (begun, ending) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow {
        begun: Arc::clone(&begun),
        ending: Arc::clone(&ending),
    };
    let shared = shared(Arc::new(slow), few());
    let grant = || server.grant(&["http://here.example:PORT/v1/"]);
    let webs = ["a", "b", "c"].map(|plugin| version_of(plugin, grant(), &shared));
    let book = || server.get("http://here.example:PORT/v1/book");
    // Each plug-in gives up, again and again; only one look-up of each begins, and two of all.
    for _ in 0..3 {
        for web in &webs {
            let given_up = tokio::time::timeout(Duration::from_millis(20), web.fetch(book())).await;
            assert!(given_up.is_err(), "{given_up:?}");
        }
    }
    assert_eq!(begun.available_permits(), 2);
    // When they end, everybody's turn comes again.
    ending.add_permits(100);
    for web in &webs {
        assert_eq!(body(&web.fetch(book()).await), "200 found");
    }
}

#[tokio::test]
async fn whoever_finds_no_place_for_a_look_up_is_told_so() {
    let server = Server::start().await;
    let (begun, ending) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = Slow {
        begun: Arc::clone(&begun),
        ending: Arc::clone(&ending),
    };
    let shared = shared(Arc::new(slow), few_and_hasty());
    let grant = || server.grant(&["http://here.example:PORT/v1/"]);
    let webs = ["a", "b", "c"].map(|plugin| Arc::new(version_of(plugin, grant(), &shared)));
    let book = || server.get("http://here.example:PORT/v1/book");
    let mut asking = tokio::task::JoinSet::new();
    for web in webs.iter().take(2) {
        let (web, request) = (Arc::clone(web), book());
        asking.spawn(async move { web.fetch(request).await });
    }
    // Both have their places, however long that takes.
    begun.acquire_many(2).await.expect("it is open").forget();
    let refused = webs[2].fetch(book()).await;
    assert!(
        matches!(&refused, Err(WebFailure::Unavailable(problem)) if problem.contains("look-ups")),
        "{refused:?}"
    );
    ending.add_permits(2);
    while let Some(fetched) = asking.join_next().await {
        assert_eq!(body(&fetched.expect("no panic")), "200 found");
    }
}

#[tokio::test]
async fn connections_are_counted_for_each_plug_in_and_for_all() {
    // A service that accepts and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let server = Server {
        port: listener.local_addr().expect("an address").port(),
        asked: Arc::default(),
    };
    let shared = shared(Arc::new(Names), few_and_hasty());
    let grant = || server.grant(&["http://here.example:PORT/v1/"]);
    let webs = ["a", "b"].map(|plugin| Arc::new(version_of(plugin, grant(), &shared)));
    let mut accepted = Vec::new();
    let mut asking = tokio::task::JoinSet::new();
    for web in [0, 0, 1] {
        let (web, request) = (
            Arc::clone(&webs[web]),
            server.get("http://here.example:PORT/v1/book"),
        );
        asking.spawn(async move { web.fetch(request).await });
        accepted.push(listener.accept().await.expect("a connection"));
    }
    // The first has its own two; the second has one, and the third of all is taken.
    for web in &webs {
        let refused = web
            .fetch(server.get("http://here.example:PORT/v1/book"))
            .await;
        assert!(
            matches!(&refused, Err(WebFailure::Unavailable(problem)) if problem.contains("requests")),
            "{refused:?}"
        );
    }
    // Whoever gives up gives its place back.
    asking.shutdown().await;
    let again = tokio::time::timeout(
        Duration::from_millis(500),
        webs[1].fetch(server.get("http://here.example:PORT/v1/book")),
    );
    let (again, connected) = tokio::join!(again, listener.accept());
    assert!(again.is_err() && connected.is_ok());
}

#[tokio::test]
async fn two_versions_of_a_plug_in_share_its_places() {
    // A service that accepts and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let server = Server {
        port: listener.local_addr().expect("an address").port(),
        asked: Arc::default(),
    };
    let shared = shared(Arc::new(Names), few_and_hasty());
    let version = |plugin| {
        let grant = server.grant(&["http://here.example:PORT/v1/"]);
        Arc::new(version_of(plugin, grant, &shared))
    };
    let book = || server.get("http://here.example:PORT/v1/book");
    let (active, trial) = (version("a"), version("a"));
    let (mut asking, mut accepted) = (tokio::task::JoinSet::new(), Vec::new());
    for version in [&active, &trial] {
        let (version, request) = (Arc::clone(version), book());
        asking.spawn(async move { version.fetch(request).await });
        accepted.push(listener.accept().await.expect("a connection"));
    }
    drop(active);
    for version in [&trial, &version("a")] {
        let refused = version.fetch(book()).await;
        assert!(
            matches!(&refused, Err(WebFailure::Unavailable(problem)) if problem.contains("requests")),
            "{refused:?}"
        );
    }
    // Another plug-in has places of its own, and these are free again when they are given back.
    asking.shutdown().await;
    for version in [version("b"), trial] {
        let request = book();
        let asking = tokio::spawn(async move { version.fetch(request).await });
        listener.accept().await.expect("a connection");
        asking.abort();
    }
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
        request.secrets = vec!["token".to_owned()];
        invalid(web.fetch(request).await);
    }
    let mut request = server.get(url);
    request.secrets = vec!["other-token".to_owned()];
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
        assert!(secret_of(text, "").is_err(), "{text:?}");
    }
    assert!(secret_of("x", "two\nlines").is_err());
    assert!(secret_of("x\r\n", "Bearer ").is_ok());
}

fn secret_of(text: &str, prefix: &str) -> Result<WebSecret, InvalidSecret> {
    let bound = SecretUse {
        address: AllowedAddress::parse("https://a.example/").expect("an address"),
        field: FieldName::parse("x-key").expect("a field"),
        prefix: prefix.to_owned(),
    };
    WebSecret::new(text.to_owned().into(), &bound)
}
