//! A browser's request, on its way to a page.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request};
use axum::response::Response;
use colophon_core::arrival::Arrival;
use colophon_core::causes::causes;
use colophon_core::ports::Unavailable;
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use crate::answer;
use crate::app::App;
use crate::fields::Fields;
use crate::throttle::Origin;
use crate::view::{Frame, Journey, Link, Message};
use crate::visitor::Visitor;

/// A request with everything a page needs to answer it.
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) arrival: Arrival,
    pub(crate) visitor: Visitor,
    pub(crate) headers: HeaderMap,
    /// The query as it was sent.
    pub(crate) query: String,
    /// The fields of the query, or of the form that was posted.
    pub(crate) fields: Fields,
}

/// Answers a request for a page.
pub(crate) async fn page<F>(app: Arc<App>, request: Request, show: fn(Call) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let (head, _) = request.into_parts();
    let fields = Fields::parse(head.uri.query().unwrap_or_default().as_bytes());
    let call = match Call::new(app, head).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    match fields {
        Ok(fields) => call.answered(fields, show).await,
        Err(_) => call.illegible().await,
    }
}

/// Answers a form, if it came from a page of this visitor.
pub(crate) async fn form<F>(app: Arc<App>, request: Request, take: fn(Call) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let (head, body) = request.into_parts();
    // The edge has read the body within its limits already.
    let body = Bytes::from_request(Request::new(body), &()).await;
    let fields = body.ok().and_then(|body| Fields::parse(&body).ok());
    let call = match Call::new(app, head).await {
        Ok(call) => call,
        Err(response) => return response,
    };
    let Some(fields) = fields else {
        return call.illegible().await;
    };
    if !call.visitor.owns_form(&call.app, fields.text("token")) {
        return call.strange_form().await;
    }
    call.answered(fields, take).await
}

impl Call {
    async fn new(app: Arc<App>, head: Parts) -> Result<Self, Response> {
        let Some(arrival) = head.extensions.get::<Arrival>().cloned() else {
            tracing::error!("a request came past the edge");
            return Err(answer::lost());
        };
        let visitor = match Visitor::of(&app, &head.headers, arrival.at).await {
            Ok(visitor) => visitor,
            Err(error) => {
                let visitor = Visitor::fresh(&app);
                let call = Self {
                    app,
                    arrival,
                    visitor,
                    headers: head.headers,
                    query: String::new(),
                    fields: Fields::default(),
                };
                return Err(call.unavailable(&error).await);
            }
        };
        Ok(Self {
            app,
            arrival,
            visitor,
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            fields: Fields::default(),
        })
    }

    async fn answered<F>(mut self, fields: Fields, answer: fn(Self) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        self.fields = fields;
        let app = Arc::clone(&self.app);
        let introduction = self.visitor.introduction(&app);
        let mut response = answer(self).await;
        if let Some(introduction) = introduction {
            introduction.add_to(&mut response);
        }
        response
    }

    /// What surrounds every page.
    pub(crate) async fn frame(&self) -> Frame {
        let kept = self.app.kept().await;
        Frame {
            service: self.app.settings.service.clone(),
            signed_in: self.visitor.persona().map(Frame::name_of),
            token: self.visitor.form_token(&self.app),
            support: kept
                .support
                .as_ref()
                .map(|support| Link::of(support.as_str())),
            journey: self.journey(),
        }
    }

    /// What the person is on the way to.
    pub(crate) fn journey(&self) -> Journey {
        Journey::of(&self.fields, &self.app.settings.return_addresses)
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::of(self.arrival.client.address)
    }

    /// A page that says one thing.
    pub(crate) async fn message(
        &self,
        status: StatusCode,
        heading: &str,
        lines: &[&str],
        link: Option<Link>,
    ) -> Response {
        let message = Message {
            frame: self.frame().await,
            heading: heading.to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            link,
        };
        answer::page(status, &message)
    }

    /// A service behind this host did not answer.
    pub(crate) async fn unavailable(&self, error: &Unavailable) -> Response {
        let reason = causes(error);
        tracing::error!(request.id = %self.arrival.event, reason, "a page could not be answered");
        let lines = ["Nothing was changed. Please try again in a moment."];
        let status = StatusCode::SERVICE_UNAVAILABLE;
        self.message(status, "Something is not answering", &lines, None)
            .await
    }

    /// Somebody tried something too often.
    pub(crate) async fn too_often(&self) -> Response {
        let lines = ["Please wait a quarter of an hour and try again."];
        let status = StatusCode::TOO_MANY_REQUESTS;
        self.message(status, "Too many tries", &lines, None).await
    }

    /// There is no such page here.
    pub(crate) async fn unknown(&self) -> Response {
        let lines = ["Check the address, or begin again."];
        let status = StatusCode::NOT_FOUND;
        self.message(status, "There is nothing here", &lines, Some(Link::begin()))
            .await
    }

    async fn illegible(&self) -> Response {
        let lines = ["What was sent cannot be read."];
        let status = StatusCode::BAD_REQUEST;
        self.message(status, "That did not work", &lines, Some(Link::begin()))
            .await
    }

    /// The form was not on a page of this visitor: another site made it, or the session is over.
    async fn strange_form(&self) -> Response {
        tracing::info!(request.id = %self.arrival.event, "a form without its token was refused");
        let lines = [
            "The page you came from has expired, or cookies are switched off.",
            "Nothing was changed. Please begin again.",
        ];
        let status = StatusCode::FORBIDDEN;
        self.message(status, "Please begin again", &lines, Some(Link::begin()))
            .await
    }
}
