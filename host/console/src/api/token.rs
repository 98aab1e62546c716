//! `POST /activation/token`: a reader asks whether its person has decided, and gets its access
//! token when the answer was yes.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use colophon_core::activation::grant::{FETCHING_MS, Polled};
use colophon_core::activation::token::{AccessToken, DeviceCode};
use colophon_core::arrival::Arrival;
use colophon_core::code::Code;
use colophon_core::id::{GrantRef, PersonaRef};
use colophon_core::ports::Unavailable;
use http::StatusCode;
use serde_json::json;

use super::device_authorization::CLIENT;
use super::oauth_error;
use crate::answer;
use crate::app::App;
use crate::fields::Fields;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
    body: Bytes,
) -> Response {
    let Ok(fields) = Fields::parse(&body) else {
        return oauth_error("invalid_request");
    };
    if fields.text("grant_type") != GRANT_TYPE {
        return oauth_error("unsupported_grant_type");
    }
    // A reader may leave its name out here: the code says enough.
    if fields
        .filled("client_id")
        .is_some_and(|client| client != CLIENT)
    {
        return oauth_error("invalid_client");
    }
    let Some(code) = DeviceCode::parse(fields.text("device_code")) else {
        return oauth_error("invalid_grant");
    };
    match ask(&app, &arrival, &code).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(request.id = %arrival.event, %error, "a reader was not answered");
            answer::problem(Code::Unavailable, arrival.event, json!({}))
        }
    }
}

async fn ask(app: &App, arrival: &Arrival, code: &DeviceCode) -> Result<Response, Unavailable> {
    let digest = code.digest(&*app.engine);
    Ok(match app.grants.poll(&digest, arrival.at).await? {
        None => oauth_error("invalid_grant"),
        Some(Polled::Waiting) => oauth_error("authorization_pending"),
        Some(Polled::TooSoon { interval_s }) => {
            let body = json!({ "error": "slow_down", "interval": interval_s });
            answer::data(StatusCode::BAD_REQUEST, &body)
        }
        Some(Polled::Denied) => oauth_error("access_denied"),
        Some(Polled::Expired) => oauth_error("expired_token"),
        Some(Polled::Approved { grant, persona }) => redeem(app, arrival, grant, persona).await?,
    })
}

async fn redeem(
    app: &App,
    arrival: &Arrival,
    grant: GrantRef,
    persona: PersonaRef,
) -> Result<Response, Unavailable> {
    let Some(persona) = app.personas.persona(persona).await? else {
        return Ok(oauth_error("access_denied"));
    };
    let token = app.chance.make(AccessToken::generate);
    let digest = token.digest(&*app.engine);
    if !app.grants.redeem(grant, &digest, arrival.at).await? {
        return Ok(oauth_error("expired_token"));
    }
    let body = json!({
        "access_token": *token.reveal(),
        "token_type": "Bearer",
        "expires_in": FETCHING_MS / 1000,
        "persona": persona.id.as_str(),
        "fact_salt": persona.fact_salt.to_string(),
    });
    Ok(answer::data(StatusCode::OK, &body))
}
