//! `GET /docs/errors`, `GET /docs/errors/{slug}`: the published list of error codes, from which
//! `type` in every problem is an address.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use colophon_core::code::{Code, Retry};

use crate::answer::page::{STYLE, page, published, text};
use crate::answer::problem::problem;
use crate::app::{App, Arrival};

pub(crate) async fn list() -> Response {
    let codes: String = Code::ALL.iter().map(|code| entry(*code)).collect();
    page("Error codes of the download service", &codes)
}

pub(crate) async fn one(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
    slug: Result<Path<String>, PathRejection>,
) -> Response {
    let code = slug
        .ok()
        .and_then(|Path(slug)| Code::ALL.iter().find(|code| code.slug() == slug));
    match code {
        Some(code) => page(code.title(), &details(*code)),
        None => problem(
            Code::AddressUnknown,
            arrival.event,
            app.limits.retry_after_s,
        ),
    }
}

pub(crate) async fn style() -> Response {
    published(STYLE, "text/css; charset=utf-8")
}

fn entry(code: Code) -> String {
    let slug = code.slug();
    let title = text(code.title());
    format!(
        "<section id=\"{slug}\">\n<h2><a href=\"/docs/errors/{slug}\"><code>{slug}</code></a></h2>\n\
         <p>{title}</p>\n{}</section>\n",
        advice(code)
    )
}

fn details(code: Code) -> String {
    format!(
        "<p><code>{}</code></p>\n{}<p><a href=\"/docs/errors\">All error codes</a></p>\n",
        code.slug(),
        advice(code)
    )
}

fn advice(code: Code) -> String {
    let retry = match code.retry() {
        Retry::No => "Asking again gives the same answer.",
        Retry::WithNewReceipt => "A new receipt may be accepted.",
        Retry::Later => "The same request may succeed later.",
    };
    let next = text(code.next_step());
    format!(
        "<p>{next}</p>\n<p class=\"note\">HTTP {}. {retry}</p>\n",
        code.status()
    )
}
