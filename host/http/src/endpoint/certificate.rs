//! `GET /{center}/certificate`: the certificate that upload forms to a center are sealed to, with
//! those above it, so that readers and shops can make one.

use axum::Extension;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use base64ct::{Base64, Encoding};
use colophon_core::code::Code;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::answer::problem::problem;
use crate::app::{Arrival, Offer};

/// RFC 8555, section 9.1.
const MEDIA_TYPE: &str = "application/pem-certificate-chain";

/// Characters of base64 on a line (RFC 7468).
const LINE: usize = 64;

pub(crate) async fn answer(
    State(Offer { app, downloads }): State<Offer>,
    Extension(arrival): Extension<Arrival>,
    center: Result<Path<String>, PathRejection>,
) -> Response {
    let refused = |code| problem(code, arrival.event, app.limits.retry_after_s);
    let center = center.ok().and_then(|Path(center)| center.parse().ok());
    let Some(id) = center else {
        return refused(Code::CenterUnknown);
    };
    let center = match downloads.centers.center(&id).await {
        Ok(Some(center)) => center,
        Ok(None) => return refused(Code::CenterUnknown),
        Err(error) => {
            tracing::error!(?error, "a center's certificate was asked for in vain");
            return refused(Code::Unavailable);
        }
    };
    // A center without one sells nothing that an upload form would be needed for.
    let Some(key) = center.upload_keys.first() else {
        return refused(Code::AddressUnknown);
    };
    let mut response = Response::new(Body::from(pem(key.chain())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    // It may be replaced at any moment, and forms are sealed to the new one from then on.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn pem(chain: &[Vec<u8>]) -> String {
    let mut text = String::new();
    for certificate in chain {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        let base64 = Base64::encode_string(certificate);
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}
