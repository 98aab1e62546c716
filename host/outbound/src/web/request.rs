//! A plug-in's request, held against contract and grant.

use std::collections::BTreeMap;

use colophon_core::capability::{FieldName, Name, WebAddress, WebFailure, WebMethod, WebRequest};
use http::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode};

use super::{BODY_BYTES_MAX, WebGrant, WebSecret, unavailable};

/// As the contract states them.
const FIELDS_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 4096;

/// A request that may be sent where it says.
pub(super) struct Asked {
    method: Method,
    address: WebAddress,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Names of the secrets that go along; those that are bound to another place stay behind once a
    /// redirect leads out of theirs.
    secrets: Vec<Name>,
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
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| Ok((field_name(name)?, field_value(value)?)))
            .collect::<Result<_, WebFailure>>()?;
        let secrets = going_along(&secrets, &address, &fields, grant)?;
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
                WebMethod::Patch => Method::PATCH,
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
        for name in &self.secrets {
            let secret = secrets
                .get(name)
                .filter(|secret| secret.goes_to(&self.address));
            let put = secret.and_then(|secret| Some((secret.field().clone(), secret.value()?)));
            let (field, value) = put.ok_or_else(|| denied("the grant names no such secret"))?;
            headers.insert(field, value);
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
        let stays = |name: &Name| {
            let secret = grant.secrets.get(name);
            secret.is_some_and(|secret| secret.goes_to(&address))
        };
        self.secrets.retain(stays);
        if !address.same_origin(&self.address) {
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

/// Secrets by their names, each of which is bound to what is asked here, in a field that nothing else
/// is in.
fn going_along(
    named: &[String],
    address: &WebAddress,
    fields: &[(HeaderName, HeaderValue)],
    grant: &WebGrant,
) -> Result<Vec<Name>, WebFailure> {
    let mut taken: Vec<&HeaderName> = fields.iter().map(|(field, _)| field).collect();
    let mut secrets = Vec::with_capacity(named.len());
    for name in named {
        let mut granted = grant.secrets.iter();
        let found = granted.find(|(granted, _)| granted.as_str() == name);
        let (name, secret) = found.ok_or_else(|| denied("the grant names no such secret"))?;
        if !secret.goes_to(address) {
            return Err(denied("the secret is bound to another address"));
        }
        let field = secret.field();
        if taken.contains(&field) {
            return Err(invalid(format!(
                "field {field} has a secret and another value"
            )));
        }
        taken.push(field);
        secrets.push(name.clone());
    }
    Ok(secrets)
}

fn field_name(text: &str) -> Result<HeaderName, WebFailure> {
    let name = FieldName::parse(text).map_err(|refused| invalid(refused.to_string()))?;
    HeaderName::from_bytes(name.as_str().as_bytes())
        .map_err(|_| invalid("a field's name is none".to_owned()))
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
