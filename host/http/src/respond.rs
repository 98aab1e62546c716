//! What holds for every request, before and after its endpoint.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::header::{
    CONNECTION, HeaderName, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Request};
use tower::Service;

use crate::answer::problem::problem;
use crate::app::App;
use crate::connection::state::ConnectionState;
use crate::events;
use crate::limits::Limits;
use colophon_core::code::Code;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request.
pub(crate) async fn respond(
    app: &App,
    routes: &Router,
    connection: &Arc<ConnectionState>,
    request: Request<Body>,
) -> Response {
    let (mut head, body) = request.into_parts();
    let arrival = app.arrival(connection, &head.headers);
    let id = HeaderValue::try_from(arrival.event.to_string());
    let mut response = match refused_framing(&head.headers, &app.limits) {
        Some((code, reason)) => {
            events::request_illegal(&arrival, &head, &[], reason);
            let mut response = problem(code, arrival.event, app.limits.retry_after_s);
            // Where the next request begins is in doubt, so there is no next request.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        None => {
            head.extensions.insert(arrival);
            let answer = routes.clone().call(Request::from_parts(head, body)).await;
            answer.unwrap_or_else(|never| match never {})
        }
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Requests that are refused for their outer form.
///
/// A form always has a length, so nothing needs `Transfer-Encoding`; and a request that has both
/// it and a `Content-Length` is how requests are smuggled.
fn refused_framing(headers: &HeaderMap, limits: &Limits) -> Option<(Code, &'static str)> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Some((Code::RequestIllegal, "the request has a Transfer-Encoding"));
    }
    let too_many = headers.len() > limits.headers_max;
    too_many.then_some((
        Code::RequestTooLarge,
        "the request has too many header fields",
    ))
}
