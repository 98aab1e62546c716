//! Services on the web.

use std::sync::Arc;

use colophon_core::capability::{WebFailure, WebMethod, WebRequest, WebResponse};

use super::transcript::{Asked, Bytes, Tell, Told};
use crate::bindings::http::{Host, HttpError, Method, Request, Response};
use crate::state::CallState;

impl Host for CallState {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        self.count_host_call()?;
        let asked = Asked::of("http.fetch", &request);
        let response = self.fetch_from_web(request).await;
        self.note(asked, &response);
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
        let answer = self.wait(web.fetch(WebRequest::from(request))).await;
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

impl From<Request> for WebRequest {
    fn from(request: Request) -> Self {
        Self {
            method: match request.method {
                Method::Get => WebMethod::Get,
                Method::Head => WebMethod::Head,
                Method::Post => WebMethod::Post,
                Method::Put => WebMethod::Put,
                Method::Delete => WebMethod::Delete,
            },
            url: request.url,
            fields: request.fields,
            secrets: request.secrets,
            body: request.body,
        }
    }
}

impl From<WebResponse> for Response {
    fn from(response: WebResponse) -> Self {
        Self {
            status: response.status,
            fields: response.fields,
            body: response.body,
        }
    }
}

impl Tell for Request {
    fn tell(&self, told: &mut Told) {
        let method: u8 = match self.method {
            Method::Get => 0,
            Method::Head => 1,
            Method::Post => 2,
            Method::Put => 3,
            Method::Delete => 4,
        };
        (method, &self.url, &self.fields).tell(told);
        (&self.secrets, self.body.as_deref().map(Bytes)).tell(told);
    }
}

impl Tell for Response {
    fn tell(&self, told: &mut Told) {
        (u64::from(self.status), &self.fields, Bytes(&self.body)).tell(told);
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
