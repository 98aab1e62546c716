//! Where a name leads.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

/// Finds the addresses of a host. Whoever asks counts a look-up until it has ended, and lets it end.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses that the name leads to, with the port.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As the system does it.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}
