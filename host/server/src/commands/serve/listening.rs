//! Where a serving host listens.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use colophon_http::edge::Listeners;
use colophon_http::tls::Tls;
use tokio::net::TcpListener;

use crate::config::Listen;

/// Where `/metrics` and `/readyz` are when the host listens to the world and nothing else is said.
const ADMINISTRATION_PORT: u16 = 8481;

/// The sockets of a host that people talk to.
pub(super) async fn listeners(listen: &Listen) -> Result<Listeners> {
    let mut listeners = Listeners::default();
    listeners
        .public
        .push(bind("listen.address", listen.address).await?);
    // On a public address these two would tell strangers how business goes.
    let private = (!listen.address.ip().is_loopback())
        .then(|| SocketAddr::from(([127, 0, 0, 1], ADMINISTRATION_PORT)));
    if let Some(admin) = listen.admin.or(private) {
        listeners
            .administration
            .push(bind("listen.admin", admin).await?);
    }
    Ok(listeners)
}

/// The sockets of a host that nobody talks to: one for administration, if the settings name it.
pub(super) async fn administration(listen: &Listen) -> Result<Listeners> {
    let mut listeners = Listeners::default();
    if let Some(admin) = listen.admin {
        listeners
            .administration
            .push(bind("listen.admin", admin).await?);
    }
    Ok(listeners)
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
