//! The body of a request, read within its limits.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

use crate::arguments::IllegalRequest;
use crate::limits::Limits;

/// Reads a posted form; other methods have their arguments in the query and no body.
pub(crate) async fn read_form(
    head: &Parts,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, IllegalRequest> {
    if !has_body(head, &body, limits)? {
        return Ok(Bytes::new());
    }
    match media_type(&head.headers) {
        Some(Posted::Form) => one_line(body, limits).await,
        Some(Posted::Json) | None => Err(IllegalRequest::NotAForm),
    }
}

/// Reads a posted form, or JSON on one line.
pub(crate) async fn read_posted(
    head: &Parts,
    body: Body,
    limits: &Limits,
) -> Result<Bytes, IllegalRequest> {
    if !has_body(head, &body, limits)? {
        return Ok(Bytes::new());
    }
    match media_type(&head.headers) {
        Some(Posted::Form | Posted::Json) => one_line(body, limits).await,
        None => Err(IllegalRequest::NotAForm),
    }
}

/// What a body may be.
#[derive(Debug, Clone, Copy)]
enum Posted {
    Form,
    Json,
}

/// Whether there is something to read, and may be.
fn has_body(head: &Parts, body: &Body, limits: &Limits) -> Result<bool, IllegalRequest> {
    if head.uri.query().unwrap_or_default().len() > limits.query_bytes_max {
        return Err(IllegalRequest::QueryTooLong);
    }
    if http_body::Body::is_end_stream(body) {
        return Ok(false);
    }
    match head.method == Method::POST {
        true => Ok(true),
        false => Err(IllegalRequest::BodyUnexpected),
    }
}

async fn one_line(body: Body, limits: &Limits) -> Result<Bytes, IllegalRequest> {
    let form = read(body, limits).await?;
    // In a form these are escaped, and JSON needs none; a control character means that a parser
    // before this one may have read something else.
    let controls = |any, byte: &u8| any | byte.is_ascii_control();
    if form.iter().fold(false, controls) {
        return Err(IllegalRequest::NotAForm);
    }
    Ok(form)
}

fn media_type(headers: &HeaderMap) -> Option<Posted> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type
        .and_then(|text| text.split(';').next())
        .unwrap_or_default();
    let is = |known: &str| essence.trim().eq_ignore_ascii_case(known);
    if is("application/x-www-form-urlencoded") {
        Some(Posted::Form)
    } else if is("application/json") {
        Some(Posted::Json)
    } else {
        None
    }
}

async fn read(mut body: Body, limits: &Limits) -> Result<Bytes, IllegalRequest> {
    let max = limits.body_bytes_max;
    if http_body::Body::size_hint(&body).lower() > max as u64 {
        return Err(IllegalRequest::BodyTooLong);
    }
    let started = Instant::now();
    let mut form = BytesMut::new();
    loop {
        let deadline = started + limits.body_grace + earned(form.len(), limits);
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(IllegalRequest::BodyTooSlow),
            Ok(None) => return Ok(form.freeze()),
            Ok(Some(frame)) => frame.map_err(IllegalRequest::BodyBroken)?,
        };
        if let Ok(data) = frame.into_data() {
            if data.len() > max.saturating_sub(form.len()) {
                return Err(IllegalRequest::BodyTooLong);
            }
            form.extend_from_slice(&data);
        }
    }
}

/// The time that bytes already received may have taken at the slowest.
fn earned(bytes: usize, limits: &Limits) -> Duration {
    let ms = (bytes as u64).saturating_mul(1_000) / u64::from(limits.body_bytes_per_s_min.max(1));
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Request;
    use http_body::Frame;
    use tokio::sync::mpsc;

    use super::*;

    /// A body that takes its bytes from a channel.
    struct Slow(mpsc::Receiver<Bytes>);

    impl http_body::Body for Slow {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0
                .poll_recv(cx)
                .map(|data| data.map(|data| Ok(Frame::data(data))))
        }
    }

    fn post(content_type: &str) -> Parts {
        let request = Request::post("/main/ds").header(CONTENT_TYPE, content_type);
        request.body(()).unwrap().into_parts().0
    }

    async fn code(head: &Parts, body: impl Into<Body>) -> Result<Bytes, &'static str> {
        let form = read_form(head, body.into(), &Limits::default()).await;
        form.map_err(|error| error.code().slug())
    }

    #[tokio::test]
    async fn forms_and_others() {
        let form = post("application/x-www-form-urlencoded; charset=UTF-8");
        assert_eq!(code(&form, "a=b").await.unwrap(), "a=b");
        assert_eq!(code(&post(""), "").await.unwrap(), "");
        assert_eq!(
            code(&post("multipart/form-data"), "a=b").await,
            Err("request-illegal")
        );
        assert_eq!(code(&form, "a=b\nc").await, Err("request-illegal"));
        assert_eq!(code(&form, "a=\0").await, Err("request-illegal"));
        let get = Request::get("/main/ds?a=b")
            .body(())
            .unwrap()
            .into_parts()
            .0;
        assert_eq!(code(&get, "").await.unwrap(), "");
        assert_eq!(code(&get, "a=b").await, Err("request-illegal"));
    }

    #[tokio::test]
    async fn json_is_for_those_who_ask_for_it() {
        let json = post("application/json; charset=utf-8");
        assert_eq!(code(&json, "{}").await, Err("request-illegal"));
        let limits = Limits::default();
        let read = read_posted(&json, "{ }".into(), &limits).await;
        assert_eq!(read.unwrap(), "{ }");
        assert!(read_posted(&json, "{\n}".into(), &limits).await.is_err());
        let form = post("application/x-www-form-urlencoded");
        assert!(read_posted(&form, "a=b\nc".into(), &limits).await.is_err());
        let other = post("text/plain");
        assert!(read_posted(&other, "a=b".into(), &limits).await.is_err());
        let long = "a".repeat(limits.body_bytes_max + 1);
        assert!(read_posted(&json, long.into(), &limits).await.is_err());
    }

    #[tokio::test]
    async fn sizes() {
        let form = post("application/x-www-form-urlencoded");
        assert!(code(&form, "a".repeat(32 * 1024)).await.is_ok());
        assert_eq!(
            code(&form, "a".repeat(32 * 1024 + 1)).await,
            Err("request-too-large")
        );
        let query = |bytes: usize| {
            let uri = format!("/main/ds?{}", "a".repeat(bytes));
            Request::get(uri).body(()).unwrap().into_parts().0
        };
        assert!(code(&query(2048), "").await.is_ok());
        assert_eq!(code(&query(2049), "").await, Err("request-too-large"));
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_counted() {
        let (send, receive) = mpsc::channel(128);
        for _ in 0..65 {
            send.send(Bytes::from(vec![b'a'; 512])).await.unwrap();
        }
        let form = post("application/x-www-form-urlencoded");
        assert_eq!(
            code(&form, Body::new(Slow(receive))).await,
            Err("request-too-large")
        );
    }

    /// Sends one byte each `pause`, for ever.
    fn trickle(pause: Duration) -> Body {
        let (send, receive) = mpsc::channel(1);
        tokio::spawn(async move {
            while send.send(Bytes::from_static(b"a")).await.is_ok() {
                tokio::time::sleep(pause).await;
            }
        });
        Body::new(Slow(receive))
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_not_waited_for() {
        let form = post("application/x-www-form-urlencoded");
        let started = Instant::now();
        let body = trickle(Duration::from_secs(1));
        assert_eq!(code(&form, body).await, Err("request-timeout"));
        assert!(started.elapsed() < Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn the_floor_is_what_bytes_earn() {
        let form = post("application/x-www-form-urlencoded");
        let body = trickle(Duration::from_micros(500));
        assert_eq!(code(&form, body).await, Err("request-too-large"));
    }
}
