//! Services on the web.

use std::sync::Arc;

use colophon_core::capability::{WebFailure, WebMethod, WebRequest, WebResponse};

use super::transcript::{Bytes, Tell, Told};
use crate::bindings::http::{Host, HttpError, Request, Response};
use crate::record::{Call, Fetch};
use crate::state::CallState;

impl Host for CallState {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        self.count_host_call()?;
        let asked = self.asked("http.fetch", &request, || {
            Call::HttpFetch(Fetch::of(&request))
        });
        let response = match self.replayed(&asked)? {
            Some(recorded) => recorded,
            None => self.fetch_from_web(request).await,
        };
        self.note(asked, &response, &response);
        Ok(response)
    }
}

impl CallState {
    async fn fetch_from_web(&mut self, request: Request) -> Result<Response, HttpError> {
        let (Some(web), Some(_)) = (&self.granted.http, &self.bound) else {
            let problem = "there is nobody to ask while a plug-in is loaded";
            return Err(HttpError::Unavailable(problem.to_owned()));
        };
        let web = Arc::clone(web);
        let request = parsed(request)?;
        let answer = self.wait(web.fetch(request)).await;
        match answer.unwrap_or(Err(WebFailure::Timeout)) {
            Ok(response) => Ok(Response::from(response)),
            Err(WebFailure::Invalid(problem)) => Err(HttpError::Invalid(problem)),
            Err(WebFailure::Denied(problem)) => Err(HttpError::Denied(problem)),
            Err(WebFailure::TooLarge) => Err(HttpError::TooLarge),
            Err(WebFailure::Timeout) => {
                self.blame_host("http.fetch", &"no answer in time");
                Err(HttpError::Timeout)
            }
            Err(WebFailure::Unavailable(problem)) => {
                self.blame_host("http.fetch", &problem);
                Err(HttpError::Unavailable(problem))
            }
        }
    }
}

/// The rest is for the service behind the port to look at.
fn parsed(request: Request) -> Result<WebRequest, HttpError> {
    let Request {
        method,
        url,
        fields,
        secrets,
        body,
        extra: _,
    } = request;
    let method = WebMethod::parse(&method).ok_or_else(|| {
        let known = WebMethod::ALL.map(WebMethod::as_str).join(", ");
        HttpError::Invalid(format!("the method is none of {known}"))
    })?;
    Ok(WebRequest {
        method,
        url,
        fields,
        secrets,
        body,
    })
}

impl From<WebResponse> for Response {
    fn from(response: WebResponse) -> Self {
        Self {
            status: response.status,
            fields: response.fields,
            body: response.body,
            extra: Vec::new(),
        }
    }
}

impl Tell for Request {
    fn tell(&self, told: &mut Told) {
        let Self {
            method,
            url,
            fields,
            secrets,
            body,
            extra,
        } = self;
        (method, url, fields).tell(told);
        (secrets, body.as_deref().map(Bytes), extra).tell(told);
    }
}

impl Tell for Response {
    fn tell(&self, told: &mut Told) {
        let Self {
            status,
            fields,
            body,
            extra,
        } = self;
        (u64::from(*status), fields).tell(told);
        (Bytes(body), extra).tell(told);
    }
}

impl Tell for HttpError {
    fn tell(&self, told: &mut Told) {
        match self {
            Self::Invalid(text) => (0_u8, text).tell(told),
            Self::Denied(text) => (1_u8, text).tell(told),
            Self::TooLarge => told.arm(2),
            Self::Timeout => told.arm(3),
            Self::Unavailable(text) => (4_u8, text).tell(told),
            Self::Other(both) => (5_u8, both).tell(told),
        }
    }
}
