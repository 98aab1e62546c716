//! What readers ask, in the shape of RFC 8628: a code for the person, a token once the person
//! said yes, and then the activation itself.

pub(crate) mod activations;
pub(crate) mod device_authorization;
pub(crate) mod token;

mod request;
mod sending;

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::answer;

/// An error as OAuth names it.
fn oauth_error(error: &str) -> Response {
    answer::data(StatusCode::BAD_REQUEST, &json!({ "error": error }))
}
