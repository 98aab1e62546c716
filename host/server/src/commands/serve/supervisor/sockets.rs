//! Listening sockets that a supervisor hands over (systemd's socket activation), each by its name.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use socket2::SockRef;
use thiserror::Error;

/// What a socket is called that nobody has named, by the protocol.
const NAMELESS: &str = "unknown";

/// The sockets that were handed over.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// For buyers, shops and readers.
    pub(crate) public: Vec<TcpListener>,
    /// For `/metrics` and `/readyz`.
    pub(crate) administration: Vec<TcpListener>,
}

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Public,
    Administration,
}

/// Why what was handed over cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SocketsRefused {
    /// Several sockets, and no names to tell them apart.
    #[error("{0} sockets were handed over without names; name them public and admin")]
    Nameless(usize),
    /// Not one name for each.
    #[error("{names} names came with {sockets} sockets")]
    Miscounted {
        /// How many names came.
        names: usize,
        /// How many sockets.
        sockets: usize,
    },
    /// A name that means nothing here.
    #[error(
        "a socket is named {0:?}; name it public or admin (FileDescriptorName= in a socket unit)"
    )]
    Stranger(String),
    /// A descriptor that is no TCP socket.
    #[error("the socket handed over for {0} is not one of TCP")]
    NotTcp(&'static str, #[source] io::Error),
    /// A socket that nobody can connect to.
    #[error("the socket handed over for {0} does not listen")]
    NotListening(&'static str),
}

impl Sockets {
    /// Takes those that are meant for this process. They are not handed on to programs that this
    /// one starts, and neither is the environment's word of them.
    pub(super) fn take(process: u32) -> Result<Self, SocketsRefused> {
        // The library takes sockets that nobody says who they are for; here they are left alone.
        let meant = std::env::var("LISTEN_PID").ok();
        if meant.and_then(|meant| meant.parse().ok()) != Some(process) {
            return Ok(Self::default());
        }
        let names = std::env::var("LISTEN_FDNAMES").ok();
        let mut handed = ListenFd::from_env();
        let mut sockets = Self::default();
        let purposes = purposes(names.as_deref(), handed.len())?;
        for (place, purpose) in purposes.into_iter().enumerate() {
            let taken = handed.take_tcp_listener(place);
            let taken = taken.map_err(|error| SocketsRefused::NotTcp(purpose.name(), error))?;
            let Some(socket) = taken else { continue };
            if !SockRef::from(&socket).is_listener().unwrap_or(false) {
                return Err(SocketsRefused::NotListening(purpose.name()));
            }
            match purpose {
                Purpose::Public => sockets.public.push(socket),
                Purpose::Administration => sockets.administration.push(socket),
            }
        }
        Ok(sockets)
    }
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Administration => "admin",
        }
    }
}

/// What each of so many sockets is for. One alone needs no name: it is the public one.
fn purposes(names: Option<&str>, sockets: usize) -> Result<Vec<Purpose>, SocketsRefused> {
    let names: Vec<&str> = names
        .filter(|names| !names.is_empty())
        .map_or_else(Vec::new, |names| names.split(':').collect());
    let is_nameless = names.iter().all(|name| *name == NAMELESS);
    match sockets {
        0 => return Ok(Vec::new()),
        1 if is_nameless => return Ok(vec![Purpose::Public]),
        _ if is_nameless => return Err(SocketsRefused::Nameless(sockets)),
        _ if names.len() != sockets => {
            return Err(SocketsRefused::Miscounted {
                names: names.len(),
                sockets,
            });
        }
        _ => {}
    }
    let known = [Purpose::Public, Purpose::Administration];
    let purpose = |name: &str| {
        let purpose = known.into_iter().find(|purpose| purpose.name() == name);
        purpose.ok_or_else(|| SocketsRefused::Stranger(name.to_owned()))
    };
    names.into_iter().map(purpose).collect()
}

#[cfg(test)]
mod tests {
    use super::Purpose::{Administration, Public};
    use super::*;

    #[track_caller]
    fn check(names: Option<&str>, sockets: usize, expected: &[Purpose]) {
        assert_eq!(purposes(names, sockets).unwrap(), expected, "{names:?}");
    }

    #[track_caller]
    fn check_refused(names: Option<&str>, sockets: usize, words: &str) {
        let refused = purposes(names, sockets).unwrap_err().to_string();
        assert!(refused.contains(words), "{names:?}: {refused}");
    }

    #[test]
    fn sockets_are_told_apart_by_name() {
        check(Some("public:admin"), 2, &[Public, Administration]);
        check(
            Some("admin:public:public"),
            3,
            &[Administration, Public, Public],
        );
        check(Some("admin"), 1, &[Administration]);
    }

    #[test]
    fn one_without_a_name_is_the_public_one() {
        check(None, 1, &[Public]);
        check(Some(""), 1, &[Public]);
        check(Some("unknown"), 1, &[Public]);
        check(None, 0, &[]);
        check(Some("public"), 0, &[]);
    }

    #[test]
    fn what_would_have_to_be_guessed_is_refused() {
        check_refused(None, 2, "2 sockets were handed over without names");
        check_refused(Some("unknown:unknown"), 2, "without names");
        check_refused(Some("public"), 2, "1 names came with 2 sockets");
        check_refused(Some("colophon.socket"), 1, "\"colophon.socket\"");
        check_refused(Some("public:unknown"), 2, "\"unknown\"");
        check_refused(Some("public:"), 2, "\"\"");
    }
}
