//! Errors for programs: `application/problem+json` (RFC 9457).

use axum::body::Body;
use axum::response::Response;
use colophon_core::code::Code;
use colophon_core::id::EventId;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// A refusal with its code, for a request of this id. It says nothing beyond the code: what a
/// stranger may not learn is in the host's log, under the same id.
pub(crate) fn problem(code: Code, event: EventId, retry_after_s: u32) -> Response {
    let text = json!({
        "type": format!("/docs/errors/{}", code.slug()),
        "title": code.title(),
        "status": code.status(),
        "code": code.slug(),
        "next": code.next_step(),
        "instance": event.to_string(),
    });
    let mut response = Response::new(Body::from(text.to_string()));
    // Every code's status is a three-digit number.
    let status = StatusCode::from_u16(code.status());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if code.status() == 503 {
        headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
    }
    response
}
