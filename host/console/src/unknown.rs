//! Addresses under `/activation` that there are not, and methods that they do not take: people get
//! a page with a way back, readers a problem.

use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use colophon_core::arrival::Arrival;
use colophon_core::code::Code;
use http::StatusCode;
use serde_json::json;

use crate::answer;
use crate::app::App;
use crate::call::{self, Call};
use crate::routes::{Kind, listed};
use crate::view::Link;

/// Everything under `/activation` that is no page.
pub(crate) const ANYTHING: [&str; 2] = ["/activation/", "/activation/{*rest}"];

/// What a reader is told to do: it is told so by a program, which can only be mended.
const NEXT: &str = "Readers post to /activation/device_authorization, /activation/token and \
                    /activation/activations.";

pub(crate) async fn address(app: Arc<App>, request: Request) -> Response {
    match is_of_reader(request.uri().path()) {
        true => problem(Code::AddressUnknown, &request),
        false => call::page(app, request, nothing_here).await,
    }
}

pub(crate) async fn method(app: Arc<App>, request: Request) -> Response {
    match is_of_reader(request.uri().path()) {
        true => problem(Code::MethodNotAllowed, &request),
        false => call::page(app, request, not_so).await,
    }
}

/// Whether a path is below one that readers ask. Only programs come there.
pub(crate) fn is_of_reader(path: &str) -> bool {
    let asked = listed().into_iter();
    let mut asked = asked.filter(|listed| listed.kind == Kind::Reader);
    asked.any(|listed| {
        let below = path.strip_prefix(listed.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn problem(code: Code, request: &Request) -> Response {
    match request.extensions().get::<Arrival>() {
        Some(arrival) => answer::problem(code, arrival.event, json!({ "next": NEXT })),
        None => answer::lost(),
    }
}

async fn nothing_here(call: Call) -> Response {
    call.unknown().await
}

async fn not_so(call: Call) -> Response {
    let lines = ["This address is for a button on a page, and not to be opened by itself."];
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let link = Some(Link::begin());
    call.message(status, "There is nothing to see here", &lines, link)
        .await
}
