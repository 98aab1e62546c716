//! A client that sends exactly what it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The only header field of this name.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    #[track_caller]
    pub(crate) fn check(&self, status: u16, headers: &[(&str, &str)]) {
        assert_eq!(self.status, status, "{self:?}");
        for (name, value) in headers {
            assert_eq!(self.header(name), Some(*value), "{name}");
        }
    }

    /// Checks that this is a problem with this code.
    #[track_caller]
    pub(crate) fn check_problem(&self, status: u16, code: &str) {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/docs/errors/{code}"));
        assert_eq!(problem["instance"], self.header("x-request-id").unwrap());
        assert!(
            problem["next"]
                .as_str()
                .is_some_and(|next| !next.is_empty())
        );
    }
}

/// A connection.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer, with a body of the length it announces; without one for HEAD.
    pub(crate) async fn answer_to(&mut self, method: &str) -> Answer {
        let mut answer = self.head().await;
        let length = answer
            .header("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let bodiless = method == "HEAD" || answer.status == 304;
        answer.body = if bodiless {
            Vec::new()
        } else {
            self.exactly(length).await
        };
        answer
    }

    /// Everything up to the body of the next answer.
    pub(crate) async fn head(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break end + 4;
            }
            assert!(
                self.fill().await > 0,
                "closed before the head ended: {:?}",
                self.text()
            );
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Answer {
            status,
            headers: lines.map(header).collect(),
            body: Vec::new(),
        }
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert!(
                self.fill().await > 0,
                "closed after {} of {count}",
                self.buffer.len()
            );
        }
        self.buffer.drain(..count).collect()
    }

    /// All bytes until the server closes, or breaks, the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self
            .stream
            .read_buf(&mut self.buffer)
            .await
            .is_ok_and(|count| count > 0)
        {}
        std::mem::take(&mut self.buffer)
    }

    /// Whether more has been received than was asked for.
    pub(crate) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    async fn fill(&mut self) -> usize {
        self.stream.read_buf(&mut self.buffer).await.unwrap_or(0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

/// One request on a connection of its own.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Answer {
    let mut client = Client::connect(address).await;
    client.send(request(method, target, headers, "")).await;
    client.answer_to(method).await
}

/// A posted form on a connection of its own.
pub(crate) async fn post(address: SocketAddr, target: &str, form: &str) -> Answer {
    let mut client = Client::connect(address).await;
    client.send(form_request(target, form, &[])).await;
    client.answer_to("POST").await
}

/// A GET for a download with this receipt.
pub(crate) async fn get_copy(
    address: SocketAddr,
    receipt: &str,
    headers: &[(&str, &str)],
) -> Answer {
    ask(address, "GET", &download_target(receipt), headers).await
}

pub(crate) fn download_target(receipt: &str) -> String {
    format!("/main/ds?action=download&value={receipt}")
}

pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{method} {target} HTTP/1.1\r\nHost: center.example\r\n{lines}\r\n{body}")
}

pub(crate) fn form_request(target: &str, form: &str, headers: &[(&str, &str)]) -> String {
    let length = form.len().to_string();
    let mut lines = vec![
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Length", length.as_str()),
    ];
    lines.extend_from_slice(headers);
    request("POST", target, &lines, form)
}
