//! `POST`, `GET`, `HEAD /{center}/ds`: the download service, as shops and buyers call it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use colophon_core::causes::causes;
use colophon_core::code::Code;
use colophon_core::delivery::{DownloadRequest, Wanted};
use colophon_core::download::Downloads;
use colophon_core::refusal::Refused;
use colophon_receipt::CenterId;
use http::header::CONNECTION;
use http::request::Parts;
use http::{HeaderValue, Version};

use crate::answer;
use crate::app::{App, Arrival, Offer};
use crate::arguments::form::read_form;
use crate::arguments::{Action, Arguments, IllegalRequest};
use crate::endpoint::{download, verify};
use crate::events;

/// A request to the download service, with what is needed to answer it and to tell of it.
pub(super) struct Call {
    pub(super) app: Arc<App>,
    pub(super) downloads: Arc<Downloads>,
    pub(super) arrival: Arrival,
    pub(super) head: Parts,
    form: Bytes,
}

pub(crate) async fn answer(
    State(Offer { app, downloads }): State<Offer>,
    Extension(arrival): Extension<Arrival>,
    center: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let form = read_form(&head, body, &app.limits).await;
    let mut call = Call {
        app,
        downloads,
        arrival,
        head,
        form: Bytes::new(),
    };
    match form {
        Ok(form) => call.form = form,
        Err(illegal) => return call.unread(&illegal),
    }
    let query = call.head.uri.query().unwrap_or_default();
    let arguments = match Arguments::parse(query, &call.form) {
        Ok(arguments) => arguments,
        Err(illegal) => return call.illegal(&illegal),
    };
    let center = center.ok().and_then(|Path(center)| center.parse().ok());
    let Some(center) = center else {
        return call.problem(Code::CenterUnknown);
    };
    match arguments.action {
        Action::Download => download::answer(call, center, arguments).await,
        Action::Verify => verify::answer(call, center, arguments).await,
    }
}

impl Call {
    /// The request as core understands it.
    pub(super) fn request(
        &self,
        center: CenterId,
        arguments: Arguments,
        wanted: Wanted,
        resume: Option<[u8; 32]>,
    ) -> DownloadRequest {
        DownloadRequest {
            event: self.arrival.event,
            at: self.arrival.at,
            center,
            receipt: arguments.receipt,
            retailer: arguments.retailer,
            error_url: arguments.error_url,
            certificate: arguments.certificate,
            resume,
            wanted,
            client: self.arrival.client.clone(),
        }
    }

    /// An answer to a program, with this code.
    pub(super) fn problem(&self, code: Code) -> Response {
        answer::problem::problem(code, self.arrival.event, self.app.limits.retry_after_s)
    }

    /// An answer to a request that core refused.
    pub(super) fn refused(&self, refused: &Refused) -> Response {
        events::refused(&self.arrival, &self.head, &self.form, &refused.refusal);
        answer::refused::refused(refused, self.arrival.event, self.app.limits.retry_after_s)
    }

    fn illegal(&self, illegal: &IllegalRequest) -> Response {
        let reason = causes(illegal);
        events::request_illegal(&self.arrival, &self.head, &self.form, &reason);
        self.problem(illegal.code())
    }

    /// An answer to a request whose body was not read to its end, where the next would begin.
    fn unread(&self, illegal: &IllegalRequest) -> Response {
        let mut response = self.illegal(illegal);
        if self.head.version <= Version::HTTP_11 {
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
