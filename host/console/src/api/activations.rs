//! `POST /activation/activations`: a reader with its access token is activated, and gets its
//! package. It may ask as often as it takes: nothing is counted twice, and the bytes are the same.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use colophon_core::activation::activate::{ActivationRequest, Outcome};
use colophon_core::activation::grant::Grant;
use colophon_core::activation::token::AccessToken;
use colophon_core::arrival::Arrival;
use colophon_core::causes::causes;
use colophon_core::code::Code;
use colophon_core::event::NamedEvent;
use colophon_core::time::Timestamp;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::request::ReaderRequest;
use super::sending;
use crate::answer;
use crate::app::App;

pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let grant = match grant(&app, &arrival, &headers).await {
        Ok(grant) => grant,
        Err(response) => return response,
    };
    let request = match ReaderRequest::parse(&body) {
        Ok(request) => request,
        Err(reason) => {
            let detail = json!({ "detail": reason });
            return answer::problem(Code::RequestIllegal, arrival.event, detail);
        }
    };
    let record = grant.record;
    let request = ActivationRequest {
        grant,
        facts: request.facts,
        reader: request.reader,
    };
    let refuse = |code, more| answer::problem(code, arrival.event, more);
    match app.activating.activate(&request, arrival.at).await {
        Ok(Outcome::Activated {
            activation,
            package,
        }) => sending::package(&app, record, activation, package),
        Ok(Outcome::LimitReached {
            next_allowed_at,
            used,
        }) => {
            let kept = app.kept().await;
            let support = kept.support.as_ref().map(|support| support.as_str());
            let next = next_allowed_at.map(rfc3339);
            let more = json!({ "next_grant": next, "used": used, "support": support });
            refuse(Code::ActivationLimit, more)
        }
        Ok(Outcome::PoolEmpty) => {
            tracing::warn!(
                event.code = NamedEvent::KeyPoolEmpty.code(),
                event.name = NamedEvent::KeyPoolEmpty.slug(),
                request.id = %arrival.event,
                "no key pair is ready for a new persona; its reader was told to ask again"
            );
            refuse(Code::ActivationBusy, json!({}))
        }
        Ok(Outcome::Busy) => {
            let detail = "the activation has its place, and its repository is still to be made";
            refuse(Code::ActivationBusy, json!({ "detail": detail }))
        }
        Ok(Outcome::OtherMachine) => refuse(Code::ActivationOtherMachine, json!({})),
        Ok(Outcome::Withdrawn) => refuse(Code::ActivationRefused, json!({})),
        Ok(Outcome::NoGrant) => refuse(Code::AccessTokenInvalid, json!({})),
        Err(failed) => {
            let reason = causes(&failed);
            tracing::error!(
                event.code = NamedEvent::ActivationFailed.code(),
                event.name = NamedEvent::ActivationFailed.slug(),
                request.id = %arrival.event,
                reason,
                "a reader was not activated"
            );
            refuse(Code::Unavailable, json!({}))
        }
    }
}

/// The grant whose access token the request bears.
async fn grant(app: &App, arrival: &Arrival, headers: &HeaderMap) -> Result<Grant, Response> {
    let refuse = |code| answer::problem(code, arrival.event, json!({}));
    let token = headers.get(AUTHORIZATION).and_then(bearer);
    let Some(token) = token else {
        return Err(refuse(Code::AccessTokenInvalid));
    };
    let digest = token.digest(&*app.engine);
    match app.grants.by_access_token(&digest, arrival.at).await {
        Ok(Some(grant)) => Ok(grant),
        Ok(None) => Err(refuse(Code::AccessTokenInvalid)),
        Err(error) => {
            tracing::error!(request.id = %arrival.event, %error, "a reader was not answered");
            Err(refuse(Code::Unavailable))
        }
    }
}

fn bearer(header: &HeaderValue) -> Option<AccessToken> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    is_bearer.then(|| AccessToken::parse(token.trim()))?
}

fn rfc3339(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_millisecond(at.unix_ms()).unwrap_or_default();
    moment.to_string()
}
