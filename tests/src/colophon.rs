//! A host in a folder of its own, driven by the `colophon` and `colophon-reader` binaries as an
//! operator, a retailer and a buyer would drive them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use crate::tool::target;

/// A built program of the workspace.
pub fn binary(name: &str) -> PathBuf {
    // Test binaries live in <profile>/deps, the workspace's binaries one folder up.
    let running = std::env::current_exe().expect("the program has a path");
    // Test binaries lie in <profile>/deps, the workspace's programs one folder up.
    let folder = running.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") {
        folder.parent().expect("deps lies in a profile's folder")
    } else {
        folder
    };
    let beside = profile.join(name);
    if beside.is_file() {
        beside
    } else {
        target().join("debug").join(name)
    }
}

/// Runs a command to its end and returns what it printed, which must be on success.
pub fn succeed(command: &mut Command) -> String {
    let out = run(command);
    assert!(
        out.status.success(),
        "{command:?} failed:\n{}",
        text(&out.stderr)
    );
    text(&out.stdout)
}

/// Runs a command that has to fail, and returns what it said.
pub fn fail(command: &mut Command) -> String {
    let out = run(command);
    assert!(
        !out.status.success(),
        "{command:?} should have failed:\n{}",
        text(&out.stdout)
    );
    text(&out.stderr)
}

fn run(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("{command:?} could not be started: {error}; build the workspace first")
        })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A data folder, made by `colophon init`.
pub struct House {
    folder: tempfile::TempDir,
    data: PathBuf,
}

impl House {
    /// Makes a fresh one with the center `main`.
    pub fn new() -> Self {
        let house = Self::empty();
        succeed(house.colophon().arg("init"));
        house
    }

    /// A folder without anything in it.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        std::fs::create_dir(&data).expect("a folder in it");
        Self { folder, data }
    }

    /// A house with a copy of another's data: the same center keys on another machine.
    pub fn copy_of(other: &Self) -> Self {
        let house = Self::empty();
        succeed(
            Command::new("cp")
                .arg("-a")
                .arg(other.path().join("."))
                .arg(house.path()),
        );
        house
    }

    /// The data folder.
    pub fn path(&self) -> &Path {
        &self.data
    }

    /// What the host that was started last says on standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Beside the data folder, which a host fills by itself.
    fn log_file(&self) -> PathBuf {
        self.folder.path().join("serve.log")
    }

    /// The `colophon` command on this data.
    pub fn colophon(&self) -> Command {
        let mut command = Command::new(binary("colophon"));
        command.arg("--data").arg(self.path());
        // The tests' own environment must not configure the host.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COLOPHON_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// The `colophon-reader` command with a library and trust store inside the data folder.
    pub fn reader(&self) -> Command {
        let mut command = Command::new(binary("colophon-reader"));
        command.env("COLOPHON_LIBRARY", self.path().join("library"));
        command.env("XDG_CONFIG_HOME", self.path().join("reader-config"));
        command
    }

    /// Runs `colophon` with these arguments and returns its JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let printed = succeed(self.colophon().arg("--json").args(arguments));
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error} in {printed}"))
    }

    /// Adds a title and returns what was printed of it.
    pub fn add_title(&self, file: &Path, book_id: &str, more: &[&str]) -> serde_json::Value {
        let file = file.to_str().expect("a readable path");
        let mut arguments = vec!["title", "add", file, "--book-id", book_id];
        arguments.extend(more);
        self.json(&arguments)
    }

    /// Adds a retailer and returns its secret.
    pub fn add_retailer(&self, id: &str, more: &[&str]) -> String {
        let mut arguments = vec!["retailer", "add", id, "--name", id];
        arguments.extend(more);
        let printed = self.json(&arguments);
        printed["secret"]
            .as_str()
            .expect("a secret is printed once")
            .to_owned()
    }

    /// Mints a receipt with `colophon receipt mint`.
    pub fn mint(&self, secret: &str, book_id: &str, transaction: &str, more: &[&str]) -> String {
        let mut command = self.colophon();
        command.env("COLOPHON_RETAILER_SECRET", secret);
        command.args([
            "receipt",
            "mint",
            "--book-id",
            book_id,
            "--transaction",
            transaction,
        ]);
        succeed(command.args(more)).trim().to_owned()
    }

    /// Starts the host on a free port and waits until it says that it accepts requests.
    pub fn serve(&self, more: &[&str]) -> Host {
        self.serve_at("127.0.0.1:0", more)
    }

    /// The same at an address of the test's choice.
    pub fn serve_at(&self, listen: &str, more: &[&str]) -> Host {
        let mut arguments = vec!["serve", "--listen", listen];
        arguments.extend(more);
        self.start(&arguments)
    }

    /// Starts a host that only makes repositories, with `/metrics` and `/readyz` on a free port.
    pub fn make_repositories(&self, more: &[&str]) -> Host {
        let mut arguments = vec!["serve", "--roles", "repository"];
        arguments.extend(["--set", "listen.admin=127.0.0.1:0"]);
        arguments.extend(more);
        self.start(&arguments)
    }

    /// Starts a program that runs until it is stopped, and waits until it says where it listens.
    fn start(&self, arguments: &[&str]) -> Host {
        let mut command = self.colophon();
        command.args(arguments);
        let log = std::fs::File::create(self.log_file()).expect("a log file");
        command.stdin(Stdio::null()).stderr(log);
        Host::begin(&mut command, || self.log())
    }
}

impl Default for House {
    fn default() -> Self {
        Self::new()
    }
}

/// A running host. Killed when dropped.
pub struct Host {
    child: Child,
    address: SocketAddr,
    /// Where it tells how it stands; the same as its address if it serves nobody.
    administration: SocketAddr,
    /// Kept open, so that the host never writes into a closed pipe.
    lines: BufReader<ChildStdout>,
}

/// An HTTP answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the whole body that `Content-Length` announced arrived.
    pub complete: bool,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", text(&self.body)))
    }
}

/// What is asked at the address for administration, and nowhere else.
pub const PRIVATE_PATHS: [&str; 2] = ["/readyz", "/metrics"];

impl Host {
    /// Starts it and waits until it has said where it listens.
    pub(crate) fn begin(command: &mut Command, log: impl Fn() -> String) -> Self {
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("the host starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut address = None;
        let mut line = String::new();
        let administration = loop {
            line.clear();
            let read = lines.read_line(&mut line).expect("its output can be read");
            assert!(
                read > 0,
                "the host ended before it accepted requests:\n{}",
                log()
            );
            let Some((words, rest)) = line.split_once("://") else {
                continue;
            };
            let found = rest.split('/').next().unwrap_or_default().trim();
            let found = found.parse().expect("an address and port");
            if words.starts_with("Administration") {
                break found;
            }
            address.get_or_insert(found);
        };
        Self {
            child,
            address: address.unwrap_or(administration),
            administration,
            lines,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it tells how it stands.
    pub fn administration(&self) -> SocketAddr {
        self.administration
    }

    /// The process, for signals and accounting.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it says after its address, up to a line with this text.
    pub fn says(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.lines.read_line(&mut line);
            assert!(read.is_ok_and(|read| read > 0), "it never said {text}");
        }
    }

    /// Downloads with a receipt by POST at the center `main`.
    pub fn download(&self, receipt: &str) -> Answer {
        self.download_with(receipt, &[])
    }

    /// The same with more request headers.
    pub fn download_with(&self, receipt: &str, headers: &[(&str, &str)]) -> Answer {
        let form = format!("action=download&value={receipt}");
        self.request("POST", "/main/ds", headers, Some(&form))
            .expect("an answer")
    }

    /// Downloads with a receipt and an activation certificate in its upload form.
    pub fn download_licensed(&self, receipt: &str, certificate: &str) -> Answer {
        let form = format!("action=download&value={receipt}&Certificate={certificate}");
        self.request("POST", "/main/ds", &[], Some(&form))
            .expect("an answer")
    }

    /// One request on a connection of its own, at the address for its path. `None` if the host closed
    /// it without an answer.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: Option<&str>,
    ) -> Option<Answer> {
        let address = match PRIVATE_PATHS.contains(&path) {
            true => self.administration,
            false => self.address,
        };
        let form = form.map(|form| ("application/x-www-form-urlencoded", form));
        request(address, method, path, headers, form)
    }

    /// The same, with JSON that is posted.
    pub fn request_json(&self, path: &str, headers: &[(&str, &str)], json: &str) -> Option<Answer> {
        let json = Some(("application/json", json));
        request(self.address, "POST", path, headers, json)
    }

    /// Kills it at once, as a power cut to the process would.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop and waits until it has; returns whether it ended well.
    pub fn stop(self) -> bool {
        self.ask_to_stop();
        self.ended_well()
    }

    /// Asks it to stop.
    pub fn ask_to_stop(&self) {
        succeed(Command::new("kill").args(["-TERM", &self.id().to_string()]));
    }

    /// Waits until it has ended; returns whether it ended well.
    pub fn ended_well(mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request to whoever listens there, with a body of some media type. `None` if the connection
/// closed without an answer.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<(&str, &str)>,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some((media_type, body)) = body {
        head.push_str(&format!("Content-Type: {media_type}\r\n"));
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    head.push_str(body.map_or("", |(_, body)| body));
    stream.write_all(head.as_bytes()).ok()?;
    read_answer(stream, method)
}

fn read_answer(stream: TcpStream, method: &str) -> Option<Answer> {
    let mut stream = BufReader::with_capacity(256 * 1024, stream);
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse::<usize>().ok());
    let mut body = Vec::with_capacity(length.unwrap_or(0));
    // A broken connection ends the body early; `complete` tells.
    let _ = stream.read_to_end(&mut body);
    let complete = method == "HEAD" || length.is_none_or(|length| length == body.len());
    Some(Answer {
        status,
        headers,
        body,
        complete,
    })
}
