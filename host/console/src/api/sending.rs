//! The package on its way to the reader, and the note that all of it was handed to the connection.
//!
//! What a connection has taken it may still lose: when a reader goes away, the end of an answer
//! may lie in the buffers of both machines. So nothing is called delivered here; the page tells
//! its person what to do if the reader says something else, and the reader fetches the same bytes
//! again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use colophon_activation::PACKAGE_MEDIA_TYPE;
use colophon_core::event::NamedEvent;
use colophon_core::id::{ActivationRef, GrantRef};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http_body::{Frame, SizeHint};

use crate::app::App;

/// Bytes given out at once: what a connection that broke never took is noticed by this much.
const CHUNK_BYTES: usize = 64 * 1024;

/// The answer that carries a package.
pub(super) fn package(
    app: &Arc<App>,
    grant: GrantRef,
    activation: ActivationRef,
    package: Vec<u8>,
) -> Response {
    let length = HeaderValue::from(package.len());
    let body = Sending {
        app: Arc::clone(app),
        grant,
        activation,
        rest: Bytes::from(package),
    };
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PACKAGE_MEDIA_TYPE));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

struct Sending {
    app: Arc<App>,
    grant: GrantRef,
    activation: ActivationRef,
    rest: Bytes,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(CHUNK_BYTES);
        let chunk = self.rest.split_to(length);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// The connection drops the body when it has taken all of it, or when it broke.
impl Drop for Sending {
    fn drop(&mut self) {
        let grant = self.grant;
        if !self.rest.is_empty() {
            tracing::warn!(
                event.code = NamedEvent::PackageBroken.code(),
                event.name = NamedEvent::PackageBroken.slug(),
                %grant,
                bytes.left = self.rest.len(),
                "a package was not sent whole; the reader may fetch it again"
            );
            return;
        }
        let (app, activation) = (Arc::clone(&self.app), self.activation);
        // A body outside of a runtime is dropped with the host.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = app.activating.sent(grant, activation).await {
                tracing::warn!(%grant, %error, "that a package was sent was not noted");
            }
        });
    }
}
