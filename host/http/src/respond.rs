//! What holds for every request, before and after its endpoint.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use colophon_core::code::Code;
use http::header::{
    CONNECTION, HOST, HeaderName, REFERRER_POLICY, TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Request, Version};
use tower::Service;

use crate::answer::problem::problem;
use crate::app::App;
use crate::connection::state::ConnectionState;
use crate::events;
use crate::limits::Limits;

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
    let mut response = match refused_form(&head, &app.limits) {
        Some((code, reason)) => {
            events::request_illegal(&arrival, &head, &[], reason);
            let mut response = problem(code, arrival.event, app.limits.retry_after_s);
            if head.version <= Version::HTTP_11 {
                // Where the next request begins is in doubt, so there is no next request.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
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

/// Why a request is refused for its outer form, whatever it asks for.
///
/// A form always has a length, so nothing needs `Transfer-Encoding`; and a request that has both
/// it and a `Content-Length` is how requests are smuggled.
fn refused_form(head: &Parts, limits: &Limits) -> Option<(Code, &'static str)> {
    let headers = &head.headers;
    if headers.contains_key(TRANSFER_ENCODING) {
        return Some((Code::RequestIllegal, "the request has a Transfer-Encoding"));
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && head.version == Version::HTTP_11) {
        return Some((Code::RequestIllegal, "the request has not exactly one Host"));
    }
    let too_many = headers.len() > limits.headers_max;
    too_many.then_some((
        Code::RequestTooLarge,
        "the request has too many header fields",
    ))
}
