//! The network as the person wants it.

use std::path::Path;

use colophon_reader::{Network, TlsRoots};

use crate::cli::failure::{Exit, Failure, chain};

/// A network under the system's roots and those in a file.
pub(crate) fn network(tls_root: Option<&Path>) -> Result<Network, Failure> {
    let mut roots = TlsRoots::of_system();
    if let Some(file) = tls_root {
        let failed = |why: String| Failure::new(Exit::Failed, format!("{}: {why}", file.display()));
        let pem = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
        let added = roots.add_pem(&pem);
        added.map_err(|error| failed(chain(&error)))?;
    }
    Ok(Network::new(&roots))
}
