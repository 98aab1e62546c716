//! The activation service, as a reader talks with it (RFC 8628, and one call of our own).

use std::time::Duration;

use colophon_activation::{MachineFacts, PACKAGE_BYTES_MAX};

use self::wire::{INTERVAL_S, Problem, TokenRefusal, within_reason};
use super::grant::{Grant, Token};
use crate::network::Answer;
use crate::{Address, Network, NetworkError};

mod wire;

/// The client id under which all readers ask; it is no secret.
const CLIENT_ID: &str = "colophon-reader";

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// More than any answer but a package has.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What a package has at most.
const PACKAGE_ANSWER_BYTES_MAX: u64 = PACKAGE_BYTES_MAX as u64;

/// One activation service.
#[derive(Clone, Copy, Debug)]
pub struct ActivationService<'n> {
    network: &'n Network,
    address: &'n Address,
}

/// A code for the person to enter, and where.
#[derive(Debug)]
pub struct DeviceCode {
    /// What this reader asks with; nobody needs to see it.
    device_code: Token,
    /// What the person enters.
    pub user_code: String,
    /// Where the person enters it.
    pub page: Address,
    /// The page with the code entered already.
    pub page_with_code: Option<Address>,
    /// For how long the code is good.
    pub lasts: Duration,
    /// How long to wait between two questions.
    pub interval: Duration,
}

/// What has become of a code.
#[derive(Debug)]
pub enum Approval {
    /// The person has not decided.
    Pending,
    /// The person has not decided, and the reader asks too often.
    SlowDown,
    /// The person said no.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// The person said yes.
    Granted(Grant),
}

/// What comes of sending the facts.
#[derive(Debug)]
pub enum Delivery {
    /// The package, not yet judged.
    Package(Vec<u8>),
    /// Everything granted so far is used.
    LimitReached(Limit),
    /// No key pair is ready. Nothing was counted.
    Busy {
        /// How long to wait before asking again.
        wait: Duration,
    },
    /// The token is good no longer.
    TokenRefused,
}

/// What a service says when all activations are used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limit {
    /// When the next one is granted, in seconds since 1970; never, or not known, if absent.
    pub next_grant_unix_s: Option<i64>,
    /// Whom to turn to.
    pub support: Option<String>,
}

/// Why the service did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no answer.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The service refused, and says why.
    #[error("{address} refuses: {title}")]
    Refused {
        /// Who was asked.
        address: Address,
        /// The status of the answer.
        status: u16,
        /// The stable name of the cause.
        code: String,
        /// The cause, in the service's words.
        title: String,
        /// What to do next, in the service's words.
        next: Option<String>,
    },
    /// The answer is not that of an activation service.
    #[error("{address} did not answer as an activation service does ({status})")]
    NotUnderstood {
        /// Who was asked.
        address: Address,
        /// The status of the answer.
        status: u16,
    },
}

impl<'n> ActivationService<'n> {
    /// The service at an address.
    #[must_use]
    pub fn new(network: &'n Network, address: &'n Address) -> ActivationService<'n> {
        ActivationService { network, address }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &'n Address {
        self.address
    }

    /// Asks for a code, and proposes what the person may call this machine.
    ///
    /// # Errors
    ///
    /// [`ServiceError`], see its variants.
    pub fn device_code(&self, device_name: Option<&str>) -> Result<DeviceCode, ServiceError> {
        let version = env!("CARGO_PKG_VERSION");
        let mut form = vec![("client_id", CLIENT_ID), ("reader_version", version)];
        form.extend(device_name.map(|name| ("device_name", name)));
        let answer = self.post_form("device_authorization", &form)?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        wire::device_code(self.address, &answer.body).ok_or_else(|| self.not_understood(&answer))
    }

    /// Asks what has become of a code.
    ///
    /// # Errors
    ///
    /// [`ServiceError`], see its variants.
    pub fn approval(&self, code: &DeviceCode, now_unix_s: i64) -> Result<Approval, ServiceError> {
        let form = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", code.device_code.expose()),
            ("client_id", CLIENT_ID),
        ];
        let answer = self.post_form("token", &form)?;
        if answer.status == 200 {
            let grant = wire::grant(self.address, &answer.body, now_unix_s);
            let grant = grant.ok_or_else(|| self.not_understood(&answer))?;
            return Ok(Approval::Granted(grant));
        }
        let refusal: Option<TokenRefusal> = serde_json::from_slice(&answer.body).ok();
        match refusal.as_ref().map(|refusal| refusal.error.as_str()) {
            Some("authorization_pending") => Ok(Approval::Pending),
            Some("slow_down") => Ok(Approval::SlowDown),
            Some("access_denied") => Ok(Approval::Denied),
            Some("expired_token") => Ok(Approval::Expired),
            Some(_) | None => Err(self.refused(&answer)),
        }
    }

    /// Sends what this machine is made of and takes what comes. Repeating it with one grant
    /// counts nothing twice.
    ///
    /// # Errors
    ///
    /// [`ServiceError`], see its variants.
    pub fn activate(
        &self,
        grant: &Grant,
        facts: &MachineFacts,
        device_name: Option<&str>,
    ) -> Result<Delivery, ServiceError> {
        let address = self.address.below("activations");
        let json = wire::request(facts, device_name);
        let token = grant.token.expose();
        let answer = self
            .network
            .post_json(&address, token, &json, PACKAGE_ANSWER_BYTES_MAX)?;
        if answer.status == 200 {
            return Ok(Delivery::Package(answer.body));
        }
        if answer.status == 401 {
            return Ok(Delivery::TokenRefused);
        }
        let problem: Option<Problem> = serde_json::from_slice(&answer.body).ok();
        match problem {
            Some(problem) if problem.code == "activation-limit" => {
                Ok(Delivery::LimitReached(problem.limit()))
            }
            Some(problem) if problem.code == "activation-busy" => Ok(Delivery::Busy {
                wait: within_reason(answer.retry_after_s.unwrap_or(INTERVAL_S)),
            }),
            Some(_) | None => Err(self.refused(&answer)),
        }
    }

    fn post_form(&self, step: &'static str, form: &[(&str, &str)]) -> Result<Answer, ServiceError> {
        let address = self.address.below(step);
        Ok(self.network.post_form(&address, form, ANSWER_BYTES_MAX)?)
    }

    /// A refusal in the service's words, where it has any.
    fn refused(&self, answer: &Answer) -> ServiceError {
        match serde_json::from_slice::<Problem>(&answer.body) {
            Ok(problem) => ServiceError::Refused {
                address: self.address.clone(),
                status: answer.status,
                title: problem.title.unwrap_or_else(|| problem.code.clone()),
                code: problem.code,
                next: problem.next,
            },
            Err(_) => self.not_understood(answer),
        }
    }

    fn not_understood(&self, answer: &Answer) -> ServiceError {
        ServiceError::NotUnderstood {
            address: self.address.clone(),
            status: answer.status,
        }
    }
}
