//! Who is at the other end of a request.

use std::net::IpAddr;
use std::sync::Arc;

use crate::connection::state::ConnectionState;

/// A request's client and the connection it came on.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The client's address, seen through trusted proxies.
    pub(crate) client: IpAddr,
    /// The connection.
    pub(crate) connection: Arc<ConnectionState>,
}
