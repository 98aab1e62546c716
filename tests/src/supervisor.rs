//! Sockets that outlive the hosts they are handed to, as a supervisor such as systemd keeps them.

use std::fs::read_to_string;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::colophon::{Host, House};

/// How long a host may take to say how it stands.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts the two sockets where the protocol wants them, says so, and becomes the host. Only a process
/// that was started knows its number.
const HAND_OVER: &str = "exec 3<&0 4<&2 0</dev/null 2>\"$1\"; shift; \
    export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=public:admin; exec \"$@\"";

/// Keeps the sockets of a host, and hears how it stands.
pub struct Supervisor {
    public: TcpListener,
    administration: TcpListener,
    heard: UnixDatagram,
    /// After what time without a word it would take a host for stuck.
    watchdog: Option<Duration>,
    folder: tempfile::TempDir,
}

impl Supervisor {
    /// Listens on free ports.
    pub fn new() -> Self {
        let listen = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let heard = UnixDatagram::bind(folder.path().join("notices")).expect("a socket in it");
        heard
            .set_read_timeout(Some(PATIENCE))
            .expect("a read may take its time");
        Self {
            public: listen(),
            administration: listen(),
            heard,
            watchdog: None,
            folder,
        }
    }

    /// The same for hosts that have to say all along that they are at work.
    pub fn watching(patience: Duration) -> Self {
        Self {
            watchdog: Some(patience),
            ..Self::new()
        }
    }

    /// Where people reach whichever host is there.
    pub fn address(&self) -> SocketAddr {
        self.public.local_addr().expect("a bound socket")
    }

    /// Starts a host on the sockets, and returns when it has said that it serves.
    pub fn start(&self, house: &House, name: &str, more: &[&str]) -> Host {
        let host = house.colophon();
        let mut command = Command::new("sh");
        command.args(["-c", HAND_OVER, "sh"]);
        command.arg(self.log_file(name));
        command.arg(host.get_program()).args(host.get_args());
        // What its own environment lacks, the shell's must lack too.
        for (variable, value) in host.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        command.arg("serve").args(more);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notices"));
        if let Some(patience) = self.watchdog {
            command.env("WATCHDOG_USEC", patience.as_micros().to_string());
        }
        command.stdin(handed(&self.public));
        command.stderr(handed(&self.administration));
        let host = Host::begin(&mut command, || self.log(name));
        self.hears("READY=1");
        host
    }

    /// What the host that was started under this name says on standard error.
    pub fn log(&self, name: &str) -> String {
        read_to_string(self.log_file(name)).unwrap_or_default()
    }

    /// Waits until a host has said this.
    pub fn hears(&self, notice: &str) {
        let mut heard = [0; 256];
        loop {
            let length = self.heard.recv(&mut heard).expect("a notice in time");
            let lines = String::from_utf8_lossy(&heard[..length]).into_owned();
            if lines.lines().any(|line| line == notice) {
                return;
            }
        }
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Self::new()
    }
}

/// The same socket once more.
fn handed(socket: &TcpListener) -> Stdio {
    let same = socket.try_clone().expect("another descriptor");
    OwnedFd::from(same).into()
}
