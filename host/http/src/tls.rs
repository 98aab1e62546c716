//! TLS from certificate files, which can be read again while the host runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// Why the certificate files cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or is not in PEM.
    #[error("{} cannot be read as PEM", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// There is no certificate in the file for the chain.
    #[error("{} holds no certificate", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
    /// Chain and key do not belong together, or use what TLS does not.
    #[error("certificate chain and key cannot be used together")]
    Unusable(#[source] rustls::Error),
}

/// The edge's TLS: protocol versions 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN.
#[derive(Debug)]
pub struct Tls {
    chain: PathBuf,
    key: PathBuf,
    present: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads a certificate chain (leaf first) and its private key, both in PEM.
    pub fn from_files(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let (chain, key) = (chain.into(), key.into());
        let present = RwLock::new(Arc::new(read(&chain, &key)?));
        Ok(Self {
            chain,
            key,
            present,
        })
    }

    /// Reads the same files again, for handshakes from now on. If they cannot be used, what was
    /// read before stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let next = Arc::new(read(&self.chain, &self.key)?);
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&present))
    }
}

fn read(chain: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let certificates = CertificateDer::pem_file_iter(chain).and_then(Iterator::collect);
    let certificates: Vec<_> = certificates.map_err(|source| unreadable(chain, source))?;
    if certificates.is_empty() {
        return Err(TlsError::Empty {
            file: chain.to_owned(),
        });
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|source| unreadable(key, source))?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_no_client_auth())
        .and_then(|builder| builder.with_single_cert(certificates, key));
    let mut config = config.map_err(TlsError::Unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn unreadable(file: &Path, source: pem::Error) -> TlsError {
    TlsError::File {
        file: file.to_owned(),
        source,
    }
}
