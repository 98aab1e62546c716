//! Whom something can be sealed to, as far as their certificates prove who they are.

use colophon_crypto::Portable;
use colophon_title::TrustRoots;
use colophon_title::trust::{CertificateRole, ChainRefused, validity};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{Address, Network, NetworkError};

/// More than a chain of certificates has in PEM.
const CHAIN_BYTES_MAX: u64 = 256 << 10;

/// Somebody whose certificate a trusted root stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// Who the certificate says it is of.
    pub(crate) holder: Option<String>,
    /// The issuer of the certificate (RFC 4514).
    pub(crate) issuer: String,
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) public_key_spki_der: Vec<u8>,
    pub(crate) until_unix_s: i64,
}

/// Why nothing is sealed to somebody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecipientRefused {
    /// The certificate could not be fetched.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is no certificate at the address.
    #[error("{address} gives no certificate ({status})")]
    NoCertificate {
        /// The address asked.
        address: String,
        /// The status of the answer.
        status: u16,
    },
    /// What should be certificates in PEM is none.
    #[error("these are no certificates in PEM")]
    NotPem,
    /// Nothing says, in the form there is for it, whom the certificate is of.
    #[error("it is not known whom the certificate is of")]
    Name,
    /// The certificate is not believed.
    #[error("the certificate is not believed")]
    Chain(#[source] ChainRefused),
}

impl Recipient {
    /// The certificates at an address, not yet judged.
    pub(crate) fn fetch(network: &Network, address: &Address) -> Result<Vec<u8>, RecipientRefused> {
        let answer = network.get(address, CHAIN_BYTES_MAX)?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(RecipientRefused::NoCertificate {
                address: address.to_string(),
                status,
            }),
        }
    }

    /// Judges a certificate: PEM, its own first, then those that lead toward a root.
    pub(crate) fn judge(
        pem: &[u8],
        role: CertificateRole,
        roots: &TrustRoots,
        now_unix_s: i64,
    ) -> Result<Recipient, RecipientRefused> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem)
            .map(|der| der.map(|der| der.to_vec()))
            .collect();
        let chain = chain.map_err(|_| RecipientRefused::NotPem)?;
        let Some(certificate_der) = chain.first().cloned() else {
            return Err(RecipientRefused::NotPem);
        };
        let judged = roots.judge(&Portable, &chain, role, now_unix_s);
        let judged = judged.map_err(RecipientRefused::Chain)?;
        let (_, until_unix_s) = validity(&certificate_der).map_err(RecipientRefused::Chain)?;
        Ok(Recipient {
            holder: judged.holder().map(str::to_owned),
            issuer: judged.issuer,
            certificate_der,
            public_key_spki_der: judged.public_key_spki_der,
            until_unix_s,
        })
    }
}
