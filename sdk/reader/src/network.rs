//! The reader's one way onto the network: small questions to addresses that were checked.
//!
//! Nothing is asked over a connection that can be listened to or impersonated: `https`, under
//! roots the system or the person trusts, or this machine itself. Redirects are not followed, so
//! that a token never goes where it was not meant to; answers are of bounded length and time.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

mod address;

pub use address::{Address, AddressRefused};

/// How long it may take to be connected, and to be answered.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long an answer may take to arrive, which for a package are some megabytes.
const BODY_TIMEOUT: Duration = Duration::from_secs(600);

/// Whom to believe that a server is who it says.
#[derive(Clone, Debug, Default)]
pub struct TlsRoots {
    more: Vec<CertificateDer<'static>>,
}

/// A file that holds no certificates in PEM.
#[derive(Debug, thiserror::Error)]
#[error("no certificates in PEM")]
pub struct NoCertificates;

impl TlsRoots {
    /// Those the system trusts, and no others.
    #[must_use]
    pub fn of_system() -> TlsRoots {
        TlsRoots::default()
    }

    /// Adds the certificates of a PEM text.
    ///
    /// # Errors
    ///
    /// [`NoCertificates`] if it has none, or one cannot be read.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), NoCertificates> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => self.more.extend(certificates),
            Ok(_) | Err(_) => return Err(NoCertificates),
        }
        Ok(())
    }

    fn certificates(&self) -> RootCerts {
        // What cannot be read of the system's roots is not trusted; a server under a missing one
        // is refused, which says enough.
        let system = rustls_native_certs::load_native_certs().certs;
        let all = system.iter().chain(&self.more);
        RootCerts::from(all.map(|der| Certificate::from_der(der).to_owned()))
    }
}

/// Asks questions.
#[derive(Clone, Debug)]
pub struct Network {
    agent: Agent,
    on_this_machine: Agent,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// How long to wait before asking again, in seconds, if the answer says so.
    pub(crate) retry_after_s: Option<u64>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Nobody could be reached there, or the connection broke off. Asking again may help.
    #[error("{address} cannot be reached")]
    Unreachable {
        /// Who was asked.
        address: String,
        /// What went wrong.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server could not prove that it is who it should be.
    #[error("{address} cannot prove that it is who it should be")]
    Identity {
        /// Who was asked.
        address: String,
        /// What is wrong with its certificate.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is longer than anything that was asked for.
    #[error("{address} answered with more than {bytes_max} bytes")]
    TooLong {
        /// Who was asked.
        address: String,
        /// How much is read.
        bytes_max: u64,
    },
}

impl Network {
    /// Questions to servers that prove who they are under `roots`.
    #[must_use]
    pub fn new(roots: &TlsRoots) -> Network {
        let crypto = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(crypto)
            .root_certs(roots.certificates())
            .build();
        let config = || {
            Agent::config_builder()
                .tls_config(tls.clone())
                .max_redirects(0)
                .http_status_as_error(false)
                .timeout_connect(Some(ANSWER_TIMEOUT))
                .timeout_recv_response(Some(ANSWER_TIMEOUT))
                .timeout_recv_body(Some(BODY_TIMEOUT))
                .user_agent(concat!("colophon-reader/", env!("CARGO_PKG_VERSION")))
        };
        Network {
            agent: config().build().new_agent(),
            // To a proxy, this machine would be another one.
            on_this_machine: config().proxy(None).build().new_agent(),
        }
    }

    /// Fetches what lies at an address.
    pub(crate) fn get(&self, address: &Address, bytes_max: u64) -> Result<Answer, NetworkError> {
        let sent = self.agent_for(address).get(address.as_str()).call();
        answer(address, bytes_max, sent)
    }

    /// Posts a form.
    pub(crate) fn post_form(
        &self,
        address: &Address,
        fields: &[(&str, &str)],
        bytes_max: u64,
    ) -> Result<Answer, NetworkError> {
        let request = self.agent_for(address).post(address.as_str());
        answer(
            address,
            bytes_max,
            request.send_form(fields.iter().copied()),
        )
    }

    /// Posts a JSON text under a bearer token.
    pub(crate) fn post_json(
        &self,
        address: &Address,
        token: &str,
        json: &str,
        bytes_max: u64,
    ) -> Result<Answer, NetworkError> {
        let request = self.agent_for(address).post(address.as_str());
        let request = request
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json");
        answer(address, bytes_max, request.send(json))
    }

    fn agent_for(&self, address: &Address) -> &Agent {
        match address.is_on_this_machine() {
            true => &self.on_this_machine,
            false => &self.agent,
        }
    }
}

fn answer(
    address: &Address,
    bytes_max: u64,
    sent: Result<Response<Body>, ureq::Error>,
) -> Result<Answer, NetworkError> {
    let response = sent.map_err(|error| failure(address, bytes_max, error))?;
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|value| value.to_str().ok());
    let retry_after_s = retry_after.and_then(|seconds| seconds.trim().parse().ok());
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let body = body.with_config().limit(bytes_max).read_to_vec();
    Ok(Answer {
        status,
        retry_after_s,
        body: body.map_err(|error| failure(address, bytes_max, error))?,
    })
}

fn failure(address: &Address, bytes_max: u64, error: ureq::Error) -> NetworkError {
    let address = address.to_string();
    if matches!(error, ureq::Error::BodyExceedsLimit(_)) {
        return NetworkError::TooLong { address, bytes_max };
    }
    let source = Box::new(error);
    match is_about_identity(&source) {
        true => NetworkError::Identity { address, source },
        false => NetworkError::Unreachable { address, source },
    }
}

/// Whether a certificate was refused. The handshake's errors arrive wrapped as those of reading.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the errors of both packages are non-exhaustive"
)]
fn is_about_identity(error: &ureq::Error) -> bool {
    let refused = |error: &rustls::Error| {
        matches!(
            error,
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented
        )
    };
    match error {
        ureq::Error::Rustls(error) => refused(error),
        ureq::Error::Io(error) => error
            .get_ref()
            .and_then(|inner| inner.downcast_ref())
            .is_some_and(refused),
        _ => false,
    }
}
