//! A small HTTP server of the test's own: one answer for each request, in the order they come.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a request asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// Headers, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fitting = self.headers.iter().filter(|(key, _)| key == name);
        fitting.next().map(|(_, value)| value.as_str())
    }
}

/// What it is answered with.
pub(crate) enum Reply {
    /// A status, more header lines and a body.
    Full(u16, &'static str, Vec<u8>),
    /// The beginning of a longer body; then the connection breaks.
    Cut(Vec<u8>),
    /// Nothing; the connection breaks.
    Nothing,
}

impl Reply {
    pub(crate) fn json(status: u16, json: &serde_json::Value) -> Reply {
        Reply::Full(status, "", json.to_string().into_bytes())
    }
}

/// A running server. It ends with its last answer.
pub(crate) struct Service {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Service {
    /// A server on this machine without TLS.
    pub(crate) fn start(replies: Vec<Reply>) -> Service {
        Service::run(replies, |stream, serve| serve(&mut { stream }))
    }

    /// A server with TLS.
    pub(crate) fn start_tls(
        replies: Vec<Reply>,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Service {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(crypto)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        Service::run(replies, move |stream, serve| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            // A client that does not believe the certificate ends the handshake.
            if stream.conn.complete_io(&mut stream.sock).is_err() {
                return false;
            }
            let went_on = serve(&mut stream);
            stream.conn.send_close_notify();
            let _gone = stream.flush();
            went_on
        })
    }

    fn run(
        replies: Vec<Reply>,
        connected: impl Fn(TcpStream, &mut dyn FnMut(&mut dyn Stream) -> bool) -> bool + Send + 'static,
    ) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let mut replies = VecDeque::from(replies);
        thread::spawn(move || {
            while !replies.is_empty() {
                let (stream, _) = listener.accept().unwrap();
                connected(stream, &mut |stream| {
                    let Some(request) = read(stream) else {
                        return false;
                    };
                    noted.lock().unwrap().push(request);
                    write(stream, replies.pop_front().unwrap());
                    true
                });
            }
        });
        Service { address, asked }
    }

    /// Its address with this scheme and path.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A connection, with TLS or without.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn read(stream: &mut dyn Stream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

fn write(stream: &mut dyn Stream, reply: Reply) {
    let (status, more, length, body) = match reply {
        Reply::Full(status, more, body) => (status, more, body.len(), body),
        Reply::Cut(body) => (200, "", body.len() + 1, body),
        Reply::Nothing => return,
    };
    let head = format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\nConnection: close\r\n{more}\r\n"
    );
    // A reader that has seen enough may be gone.
    let _gone = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(&body))
        .and_then(|()| stream.flush());
}
