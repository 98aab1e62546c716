//! Pages that are made elsewhere: what they are handed, and what they are spared.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Extension, Router};
use colophon_core::arrival;
use colophon_core::causes::causes;
use http::header::CONNECTION;
use http::{HeaderValue, Version};

use crate::answer::problem::problem;
use crate::app::{App, Arrival};
use crate::arguments::form::read_posted;
use crate::events;

/// The pages, behind the edge's limits.
pub(crate) fn received(app: &Arc<App>, pages: Router) -> Router<Arc<App>> {
    pages
        .with_state(())
        .layer(middleware::from_fn_with_state(Arc::clone(app), receive))
}

async fn receive(
    State(app): State<Arc<App>>,
    Extension(arrival): Extension<Arrival>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let read = read_posted(&head, body, &app.limits).await;
    let body = match read {
        Ok(body) => body,
        Err(illegal) => {
            let reason = causes(&illegal);
            events::request_illegal(&arrival, &head, &[], &reason);
            let mut response = problem(illegal.code(), arrival.event, app.limits.retry_after_s);
            if head.version <= Version::HTTP_11 {
                // The body was not read to its end, where the next request would begin.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            return response;
        }
    };
    head.extensions.insert(arrival::Arrival {
        event: arrival.event,
        at: arrival.at,
        client: arrival.client,
    });
    next.run(Request::from_parts(head, Body::from(body))).await
}
