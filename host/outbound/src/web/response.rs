//! A service's answer, as far as a plug-in is shown it.

use colophon_core::capability::WebResponse;
use http::header::LOCATION;
use http::{Response, StatusCode};

/// As the contract states them.
const FIELDS_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 4096;

/// What belongs to the connection, or would make a session of what is none.
const NOT_SHOWN: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Where the answer leads, if it says that the request should be sent elsewhere.
pub(super) fn redirect(answer: &Response<Vec<u8>>) -> Option<String> {
    match answer.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = answer.headers().get(LOCATION)?;
            // A place that is no text is a place that no grant names.
            Some(location.to_str().unwrap_or("\\").to_owned())
        }
        _ => None,
    }
}

pub(super) fn shown(answer: Response<Vec<u8>>) -> WebResponse {
    let (head, body) = answer.into_parts();
    let fields = head.headers.iter().filter_map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).ok()?;
        let shown = !NOT_SHOWN.contains(&name.as_str()) && value.len() <= VALUE_BYTES_MAX;
        shown.then(|| (name.as_str().to_owned(), value.to_owned()))
    });
    WebResponse {
        status: head.status.as_u16(),
        fields: fields.take(FIELDS_MAX).collect(),
        body,
    }
}
