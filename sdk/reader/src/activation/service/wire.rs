//! What goes over the wire, read and written. Members nobody knows are passed over, as the
//! standards ask of a client.

use std::time::Duration;

use colophon_activation::{FactSalt, MachineFacts, PersonaId};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{DeviceCode, Limit};
use crate::Address;
use crate::activation::grant::{Grant, Token};

/// What a reader calls itself.
const READER_PRODUCT: &str = concat!("colophon-reader ", env!("CARGO_PKG_VERSION"));

/// RFC 8628, section 3.2: what goes without saying.
pub(super) const INTERVAL_S: u64 = 5;

/// A reader waits neither shorter nor longer than this between two questions, whatever it is told.
const INTERVALS_S: std::ops::RangeInclusive<u64> = 1..=300;

/// No code or token is believed to be good for longer than this.
const LASTS_S_MAX: u64 = 24 * 3600;

#[derive(Deserialize)]
struct DeviceCodeAnswer {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    expires_in: u64,
    persona: String,
    fact_salt: String,
}

/// Why there is no token (RFC 6749, section 5.2).
#[derive(Deserialize)]
pub(super) struct TokenRefusal {
    pub(super) error: String,
}

/// Any other refusal (RFC 9457, with members of our own).
#[derive(Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) title: Option<String>,
    pub(super) next: Option<String>,
    /// When the next activation is granted (RFC 3339).
    pub(super) next_grant: Option<String>,
    pub(super) support: Option<String>,
}

/// The code in an answer of `service`; nothing if it is none, or misleads.
pub(super) fn device_code(service: &Address, body: &[u8]) -> Option<DeviceCode> {
    let answer: DeviceCodeAnswer = serde_json::from_slice(body).ok()?;
    let page: Address = answer.verification_uri.parse().ok()?;
    let page_with_code = match answer.verification_uri_complete {
        Some(text) => Some(text.parse::<Address>().ok()?),
        None => None,
    };
    let readable = |code: &str| !code.is_empty() && code.bytes().all(|b| b.is_ascii_graphic());
    // A page on this machine is believed only where the service is on it as well.
    let local = |page: &Address| page.is_on_this_machine() && !service.is_on_this_machine();
    let misled = [Some(&page), page_with_code.as_ref()]
        .into_iter()
        .flatten()
        .any(local);
    if misled || !readable(&answer.user_code) {
        return None;
    }
    Some(DeviceCode {
        device_code: Token::parse(answer.device_code)?,
        user_code: answer.user_code,
        page,
        page_with_code,
        lasts: Duration::from_secs(answer.expires_in.min(LASTS_S_MAX)),
        interval: within_reason(answer.interval.unwrap_or(INTERVAL_S)),
    })
}

/// The grant in an answer of `service`; nothing if it is none.
pub(super) fn grant(service: &Address, body: &[u8], now_unix_s: i64) -> Option<Grant> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let persona: PersonaId = answer.persona.parse().ok()?;
    let salt: FactSalt = answer.fact_salt.parse().ok()?;
    let lasts_s = i64::try_from(answer.expires_in.min(LASTS_S_MAX)).ok()?;
    Some(Grant {
        service: service.clone(),
        token: Token::parse(answer.access_token)?,
        persona,
        salt,
        until_unix_s: now_unix_s.saturating_add(lasts_s),
    })
}

impl Problem {
    /// What the service says when all activations are used.
    pub(super) fn limit(self) -> Limit {
        let next_grant: Option<Timestamp> = self.next_grant.and_then(|time| time.parse().ok());
        Limit {
            next_grant_unix_s: next_grant.map(Timestamp::as_second),
            support: self.support,
        }
    }
}

/// A wait that is neither a flood of questions nor for ever.
pub(super) fn within_reason(seconds: u64) -> Duration {
    Duration::from_secs(seconds.clamp(*INTERVALS_S.start(), *INTERVALS_S.end()))
}

/// The request for a package.
pub(super) fn request(facts: &MachineFacts, device_name: Option<&str>) -> String {
    let version = ("v".to_owned(), json!(1));
    let known = facts.known();
    let known = known.map(|(kind, digest)| (kind.name().to_owned(), json!(digest.to_string())));
    let facts: serde_json::Map<_, _> = std::iter::once(version).chain(known).collect();
    let mut request = json!({ "v": 1, "facts": facts, "reader_product": READER_PRODUCT });
    if let (Some(name), Some(members)) = (device_name, request.as_object_mut()) {
        members.insert("device_name".to_owned(), json!(name));
    }
    request.to_string()
}
