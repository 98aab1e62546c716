//! `POST /activation/device_authorization`: a reader wants to be activated, and gets a code for
//! its person and one to ask with.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use colophon_core::activation::grant::{NewGrant, POLL_INTERVAL_S, WAITING_MS};
use colophon_core::activation::ports::GrantNotOpened;
use colophon_core::activation::text::{DeviceName, ReaderProduct};
use colophon_core::activation::token::{DeviceCode, UserCode};
use colophon_core::arrival::Arrival;
use colophon_core::code::Code;
use colophon_core::id::GrantRef;
use http::StatusCode;
use serde_json::json;

use super::oauth_error;
use crate::answer;
use crate::app::App;
use crate::fields::Fields;
use crate::throttle::Origin;

/// The one client there is: readers have no secrets, so there is nothing to tell them apart by.
pub(super) const CLIENT: &str = "colophon-reader";

/// How often another user code is drawn when one is taken, out of 25 thousand million.
const DRAWS_MAX: usize = 5;

pub(crate) async fn answer(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
    body: Bytes,
) -> Response {
    let origin = Origin::of(arrival.client.address);
    if !app.throttles.readers.admit(origin, arrival.at) {
        return answer::problem(Code::ActivationBusy, arrival.event, json!({}));
    }
    let Ok(fields) = Fields::parse(&body) else {
        return oauth_error("invalid_request");
    };
    if fields.text("client_id") != CLIENT {
        return oauth_error("invalid_client");
    }
    let version = fields.text("reader_version");
    let Ok(reader) = format!("{CLIENT} {version}").parse::<ReaderProduct>() else {
        return oauth_error("invalid_request");
    };
    // As everywhere, a name that could not be shown is refused, so that no reader relies on it.
    let proposed = fields.filled("device_name").map(str::parse::<DeviceName>);
    let Ok(proposed_name) = proposed.transpose() else {
        return oauth_error("invalid_request");
    };
    for _ in 0..DRAWS_MAX {
        let device_code = app.chance.make(DeviceCode::generate);
        let user_code = app.chance.make(UserCode::generate);
        let grant = NewGrant {
            record: GrantRef::from_bytes(app.chance.salt()),
            device_code: device_code.digest(&*app.engine),
            user_code: user_code.digest(&*app.engine),
            reader: reader.clone(),
            proposed_name: proposed_name.clone(),
        };
        match app.grants.open(&grant, arrival.at).await {
            Ok(()) => return opened(&app, &device_code, &user_code),
            Err(GrantNotOpened::CodeTaken) => {}
            Err(GrantNotOpened::Unavailable(error)) => {
                tracing::error!(request.id = %arrival.event, %error, "a reader was not let in");
                return answer::problem(Code::Unavailable, arrival.event, json!({}));
            }
        }
    }
    answer::problem(Code::ActivationBusy, arrival.event, json!({}))
}

fn opened(app: &App, device_code: &DeviceCode, user_code: &UserCode) -> Response {
    let address = app.settings.public_url.to("/activation");
    let body = json!({
        "device_code": *device_code.reveal(),
        "user_code": user_code.to_string(),
        "verification_uri": address,
        "verification_uri_complete": format!("{address}?user_code={user_code}"),
        "expires_in": WAITING_MS / 1000,
        "interval": POLL_INTERVAL_S,
    });
    answer::data(StatusCode::OK, &body)
}
