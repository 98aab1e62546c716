//! Addresses and methods that there are not.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use colophon_core::code::Code;

use crate::answer::problem::problem;
use crate::app::{App, Arrival};

pub(crate) async fn address_unknown(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
) -> Response {
    problem(
        Code::AddressUnknown,
        arrival.event,
        app.limits.retry_after_s,
    )
}

pub(crate) async fn method_not_allowed(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
) -> Response {
    problem(
        Code::MethodNotAllowed,
        arrival.event,
        app.limits.retry_after_s,
    )
}
