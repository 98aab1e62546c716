//! What is answered under `/activation` while the host has no address that people and readers could
//! use: everything is refused, and why is said to whoever comes.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};
use colophon_core::arrival::Arrival;
use colophon_core::code::Code;
use http::StatusCode;
use serde_json::json;

use crate::answer;
use crate::app::App;
use crate::call::Call;
use crate::routes::{Routes, all};
use crate::unknown;
use crate::view::{Frame, Journey, Message};

/// The routes of a host where nobody can be activated. `service` is what it calls itself.
pub fn closed(service: &str) -> Router {
    let mut closed = Closed {
        router: Router::new().route("/activation/style.css", get(|| async { answer::style() })),
        service: service.into(),
    };
    all(&mut closed);
    for path in unknown::ANYTHING {
        let service = Arc::clone(&closed.service);
        closed.add(path, any(|request: Request| anything(service, request)));
    }
    let Closed { router, service } = closed;
    router.method_not_allowed_fallback(|request: Request| anything(service, request))
}

struct Closed {
    router: Router,
    service: Arc<str>,
}

impl Closed {
    fn add(&mut self, path: &str, handler: MethodRouter) {
        self.router = std::mem::take(&mut self.router).route(path, handler);
    }
}

impl Routes for Closed {
    fn page<F>(&mut self, path: &'static str, _show: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.add(path, get(|| async move { page(&service) }));
    }

    fn form<F>(&mut self, path: &'static str, _take: fn(Call) -> F)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let service = Arc::clone(&self.service);
        self.add(path, post(|| async move { page(&service) }));
    }

    fn reader<H, T>(&mut self, path: &'static str, _answer: H)
    where
        H: Handler<T, Arc<App>>,
        T: 'static,
    {
        self.add(path, post(problem));
    }
}

async fn anything(service: Arc<str>, request: Request) -> Response {
    match unknown::is_of_reader(request.uri().path()) {
        true => problem(request).await,
        false => page(&service),
    }
}

fn page(service: &str) -> Response {
    let message = Message {
        frame: Frame {
            service: service.to_owned(),
            signed_in: None,
            token: String::new(),
            support: None,
            journey: Journey::default(),
        },
        heading: "No device can be activated here yet".to_owned(),
        lines: vec![
            "This host does not know the address that people and readers reach it at.".to_owned(),
            "Its operator has to set activation.public_url.".to_owned(),
        ],
        link: None,
    };
    answer::page(StatusCode::SERVICE_UNAVAILABLE, &message)
}

async fn problem(request: Request) -> Response {
    match request.extensions().get::<Arrival>() {
        Some(arrival) => answer::problem(Code::ActivationClosed, arrival.event, json!({})),
        None => answer::lost(),
    }
}
