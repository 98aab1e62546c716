//! What a supervisor is told, in systemd's notification protocol: one datagram for each notice.

use std::ffi::OsString;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use thiserror::Error;

/// Something that a supervisor is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// The host accepts requests.
    Ready,
    /// It was told to stop, and finishes what it has begun.
    Stopping,
    /// It is not stuck.
    AtWork,
}

impl Notice {
    fn text(self) -> &'static str {
        match self {
            Self::Ready => "READY=1\n",
            Self::Stopping => "STOPPING=1\n",
            Self::AtWork => "WATCHDOG=1\n",
        }
    }
}

/// The way to the supervisor.
#[derive(Debug)]
pub(super) struct Notices(Option<Way>);

#[derive(Debug)]
struct Way {
    socket: UnixDatagram,
    to: SocketAddr,
}

/// Why a supervisor that waits for notices cannot be told.
#[derive(Debug, Error)]
pub(super) enum NoWay {
    /// The address is none that this host can send to.
    #[error("{0:?} is neither a path nor the name of an abstract socket")]
    Address(OsString),
    /// The path or name is none that a socket could have.
    #[error("{0:?} is no address of a socket")]
    Malformed(OsString, #[source] std::io::Error),
    /// There is no socket to send from.
    #[error("no socket can be made")]
    Socket(#[source] std::io::Error),
}

impl Notices {
    /// To the socket at this address; to nobody where there is none.
    pub(super) fn to(address: Option<OsString>) -> Result<Self, NoWay> {
        let Some(address) = address.filter(|address| !address.is_empty()) else {
            return Ok(Self(None));
        };
        let to = match address.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(&address),
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => return Err(NoWay::Address(address)),
        };
        let to = to.map_err(|error| NoWay::Malformed(address, error))?;
        let socket = UnixDatagram::unbound().map_err(NoWay::Socket)?;
        // A supervisor that does not read is no reason to stand still.
        socket.set_nonblocking(true).map_err(NoWay::Socket)?;
        Ok(Self(Some(Way { socket, to })))
    }

    /// Tells it. A supervisor that does not listen misses the notice, and the host goes on.
    pub(super) fn give(&self, notice: Notice) {
        let Some(Way { socket, to }) = &self.0 else {
            return;
        };
        if let Err(error) = socket.send_to_addr(notice.text().as_bytes(), to) {
            tracing::warn!(%error, ?notice, "the supervisor at NOTIFY_SOCKET was not reached");
        }
    }
}

/// How often a supervisor is told that the host is at work: twice in the time after which it would
/// take it for stuck. None where nobody asks, or another process is meant.
pub(super) fn watchdog(
    microseconds: Option<&str>,
    meant: Option<&str>,
    process: u32,
) -> Option<Duration> {
    let is_meant = meant.is_none_or(|meant| meant.parse().ok() == Some(process));
    let patience: u64 = microseconds.filter(|_| is_meant)?.parse().ok()?;
    let half = Duration::from_micros(patience / 2);
    (!half.is_zero()).then_some(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_arrive_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices");
        let name = format!("colophon-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (address, supervisor) in [
            (path.clone().into_os_string(), UnixDatagram::bind(&path)),
            (
                format!("@{name}").into(),
                UnixDatagram::bind_addr(&abstract_name),
            ),
        ] {
            let supervisor = supervisor.unwrap();
            let notices = Notices::to(Some(address)).unwrap();
            notices.give(Notice::Ready);
            notices.give(Notice::Stopping);
            for expected in ["READY=1\n", "STOPPING=1\n"] {
                let mut told = [0; 64];
                let length = supervisor.recv(&mut told).unwrap();
                assert_eq!(&told[..length], expected.as_bytes());
            }
        }
    }

    #[test]
    fn nobody_is_told_where_nobody_listens() {
        Notices::to(None).unwrap().give(Notice::Ready);
        Notices::to(Some("".into())).unwrap().give(Notice::Ready);
        let nowhere = Notices::to(Some("/nowhere/at/all".into())).unwrap();
        nowhere.give(Notice::Ready);
        assert!(Notices::to(Some("vsock:2:1".into())).is_err());
    }

    #[test]
    fn the_watchdog_is_heard_twice_in_its_time() {
        let check = |microseconds, meant, expected: Option<u64>| {
            let every = watchdog(microseconds, meant, 7);
            assert_eq!(every, expected.map(Duration::from_millis));
        };
        check(Some("30000000"), None, Some(15_000));
        check(Some("30000000"), Some("7"), Some(15_000));
        check(Some("30000000"), Some("8"), None);
        check(Some("1"), None, None);
        check(Some("soon"), None, None);
        check(None, Some("7"), None);
    }
}
