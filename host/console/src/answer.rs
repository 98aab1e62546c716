//! Answers to browsers and to readers.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use colophon_core::code::Code;
use colophon_core::id::EventId;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

/// No script, no frame, no address but our own: whatever got into a page could do nothing there.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("../static/style.css");

/// What `Retry-After` says of answers that do not say more, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// A page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            return with_status(StatusCode::INTERNAL_SERVER_ERROR, Body::empty());
        }
    };
    let mut response = with_status(status, Body::from(html));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sends the browser on with GET.
pub(crate) fn see_other(location: &str) -> Response {
    let mut response = with_status(StatusCode::SEE_OTHER, Body::empty());
    let headers = response.headers_mut();
    // Locations are made here, of escaped parts.
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(LOCATION, location);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The one style sheet.
pub(crate) fn style() -> Response {
    let mut response = Response::new(Body::from(STYLE));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/css; charset=utf-8"),
    );
    headers.insert(
        CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    response
}

/// An answer to a reader.
pub(crate) fn data(status: StatusCode, value: &Value) -> Response {
    let mut response = with_status(status, Body::from(value.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A refusal for a reader, with what more there is to say.
pub(crate) fn problem(code: Code, event: EventId, more: Value) -> Response {
    let mut body = json!({
        "type": format!("/docs/errors/{}", code.slug()),
        "title": code.title(),
        "status": code.status(),
        "code": code.slug(),
        "next": code.next_step(),
        "instance": event.to_string(),
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    // Every code's status is a three-digit number.
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = data(status, &body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if matches!(code.status(), 429 | 503) {
        headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
    }
    if code.status() == 401 {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// The answer to a request that did not come through the edge.
pub(crate) fn lost() -> Response {
    with_status(StatusCode::INTERNAL_SERVER_ERROR, Body::empty())
}

fn with_status(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
