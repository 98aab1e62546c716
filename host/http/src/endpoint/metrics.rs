//! `GET /metrics`: the counters, in the text format of the process's metrics recorder.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::app::App;

pub(crate) async fn answer(State(app): State<Arc<App>>) -> Response {
    app.counters.publish();
    let mut response = Response::new(Body::from((app.metrics_render)()));
    let headers = response.headers_mut();
    let text = "text/plain; version=0.0.4; charset=utf-8";
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(text));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
