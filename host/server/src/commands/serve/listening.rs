//! Where a serving host listens.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use colophon_http::edge::Listeners;
use colophon_http::tls::Tls;
use tokio::net::TcpListener;

use super::supervisor::Sockets;
use crate::config::Listen;

/// Where `/metrics` and `/readyz` are when nothing else is said.
const ADMINISTRATION_PORT: u16 = 8481;

/// The sockets of a host that people talk to: those handed over, and what the settings name where
/// none were.
pub(super) async fn listeners(listen: &Listen, handed: Sockets) -> Result<Listeners> {
    let mut listeners = taken_over(handed)?;
    if listeners.public.is_empty() {
        let public = bind("listen.address", listen.address).await?;
        listeners.public.push(public);
    }
    if listeners.administration.is_empty() {
        let admin = listen.admin.unwrap_or_else(|| private(listen.address));
        let admin = bind("listen.admin", admin).await?;
        listeners.administration.push(admin);
    }
    Ok(listeners)
}

/// The sockets of a host that nobody talks to: one for administration, if it was handed over or the
/// settings name it.
pub(super) async fn administration(listen: &Listen, handed: Sockets) -> Result<Listeners> {
    if !handed.public.is_empty() {
        bail!(
            "a host that only makes repositories serves nobody, and a public socket was handed to \
             it; name the one for /readyz and /metrics admin"
        );
    }
    let mut listeners = taken_over(handed)?;
    if let Some(admin) = listen.admin
        && listeners.administration.is_empty()
    {
        listeners
            .administration
            .push(bind("listen.admin", admin).await?);
    }
    Ok(listeners)
}

/// An address of this machine alone. Whoever takes any free port for the public takes any for this.
fn private(public: SocketAddr) -> SocketAddr {
    let port = match public.port() {
        0 => 0,
        _ => ADMINISTRATION_PORT,
    };
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn taken_over(handed: Sockets) -> Result<Listeners> {
    let take = |sockets: Vec<std::net::TcpListener>| -> Result<Vec<TcpListener>> {
        let taken = sockets.into_iter().map(|socket| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        });
        let taken: Result<_, _> = taken.collect();
        taken.context("a socket that was handed over cannot be used")
    };
    Ok(Listeners {
        public: take(handed.public)?,
        administration: take(handed.administration)?,
    })
}

async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| {
        format!("cannot listen on {address}; choose another {setting} or stop what listens there")
    })
}

/// The certificate that public sockets are served with, if there is one.
pub(super) fn tls(listen: &Listen) -> Result<Option<Arc<Tls>>> {
    let Some(files) = &listen.tls else {
        return Ok(None);
    };
    let tls = Tls::from_files(&files.certificate, &files.key);
    Ok(Some(Arc::new(
        tls.context("listen.tls_certificate, listen.tls_key")?,
    )))
}
