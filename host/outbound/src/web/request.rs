//! A plug-in's request, held against contract and grant.

use std::collections::BTreeMap;

use colophon_core::capability::{Name, WebAddress, WebFailure, WebMethod, WebRequest};
use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};

use super::{BODY_BYTES_MAX, WebGrant, WebSecret, unavailable};

/// As the contract states them.
const FIELDS_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 4096;

/// What the host says itself, or what belongs to a connection.
const NOT_THE_PLUG_INS: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// A request that may be sent where it says.
pub(super) struct Asked {
    method: Method,
    address: WebAddress,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Fields with the names of the secrets for them; empty once another server was asked.
    secrets: Vec<(HeaderName, Name)>,
    body: Vec<u8>,
}

impl Asked {
    pub(super) fn new(request: WebRequest, grant: &WebGrant) -> Result<Self, WebFailure> {
        let WebRequest {
            method,
            url,
            fields,
            secrets,
            body,
        } = request;
        let address = WebAddress::parse(&url).map_err(|problem| invalid(problem.to_string()))?;
        if !grant.allow.iter().any(|allowed| allowed.allows(&address)) {
            return Err(denied("the grant does not name this address"));
        }
        if fields.len() + secrets.len() > FIELDS_MAX {
            return Err(invalid(format!("more than {FIELDS_MAX} fields")));
        }
        let secrets: Vec<_> = secrets
            .iter()
            .map(|(field, secret)| {
                let known = grant.secrets.keys().find(|known| known.as_str() == secret);
                let known = known.ok_or_else(|| denied("the grant names no such secret"))?;
                Ok((field_name(field)?, known.clone()))
            })
            .collect::<Result<_, WebFailure>>()?;
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| Ok((field_name(name)?, field_value(value)?)))
            .collect::<Result<_, WebFailure>>()?;
        let mut taken: Vec<&HeaderName> = fields.iter().map(|(name, _)| name).collect();
        for (name, _) in &secrets {
            if taken.contains(&name) {
                return Err(invalid(format!(
                    "field {name} has a secret and another value"
                )));
            }
            taken.push(name);
        }
        let body = body.unwrap_or_default();
        if body.len() > BODY_BYTES_MAX {
            return Err(WebFailure::TooLarge);
        }
        Ok(Self {
            method: match method {
                WebMethod::Get => Method::GET,
                WebMethod::Head => Method::HEAD,
                WebMethod::Post => Method::POST,
                WebMethod::Put => Method::PUT,
                WebMethod::Delete => Method::DELETE,
            },
            address,
            fields,
            secrets,
            body,
        })
    }

    pub(super) fn address(&self) -> &WebAddress {
        &self.address
    }

    /// The request as it is sent.
    pub(super) fn request(
        &self,
        secrets: &BTreeMap<Name, WebSecret>,
    ) -> Result<Request<Vec<u8>>, WebFailure> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.address.to_string())
            .body(self.body.clone())
            .map_err(|_| invalid("the address cannot be sent".to_owned()))?;
        let headers = request.headers_mut();
        for (name, value) in &self.fields {
            headers.append(name.clone(), value.clone());
        }
        for (name, secret) in &self.secrets {
            let value = secrets.get(secret).and_then(WebSecret::value);
            let value = value.ok_or_else(|| denied("the grant names no such secret"))?;
            headers.insert(name.clone(), value);
        }
        Ok(request)
    }

    /// What is asked after a redirect, as a browser would, if the grant names that address too.
    pub(super) fn redirected(
        mut self,
        status: StatusCode,
        location: &str,
        grant: &WebGrant,
    ) -> Result<Self, WebFailure> {
        let address = self.address.redirected(location);
        let address = address.map_err(|_| unavailable("the service redirects to no address"))?;
        if !grant.allow.iter().any(|allowed| allowed.allows(&address)) {
            let problem = "the service redirects to an address that the grant does not name";
            return Err(denied(problem));
        }
        if !address.same_origin(&self.address) {
            self.secrets.clear();
            self.fields
                .retain(|(name, _)| *name != AUTHORIZATION && *name != COOKIE);
        }
        let asks_anew = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => self.method == Method::POST,
            _ => false,
        };
        if asks_anew {
            self.method = Method::GET;
            self.body.clear();
            self.fields
                .retain(|(name, _)| !name.as_str().starts_with("content-"));
        }
        Ok(Self { address, ..self })
    }
}

fn field_name(text: &str) -> Result<HeaderName, WebFailure> {
    let name = HeaderName::from_bytes(text.as_bytes());
    let name = name.map_err(|_| invalid("a field's name is none".to_owned()))?;
    if text.len() > NAME_BYTES_MAX {
        return Err(invalid(format!(
            "a field's name has more than {NAME_BYTES_MAX} bytes"
        )));
    }
    if NOT_THE_PLUG_INS.contains(&name.as_str()) {
        return Err(invalid(format!("field {name} is the host's to set")));
    }
    Ok(name)
}

fn field_value(text: &str) -> Result<HeaderValue, WebFailure> {
    if text.len() > VALUE_BYTES_MAX {
        return Err(invalid(format!(
            "a field has more than {VALUE_BYTES_MAX} bytes"
        )));
    }
    HeaderValue::from_str(text).map_err(|_| invalid("a field's value is none".to_owned()))
}

fn invalid(problem: String) -> WebFailure {
    WebFailure::Invalid(problem)
}

fn denied(problem: &str) -> WebFailure {
    WebFailure::Denied(problem.to_owned())
}
