//! Response bodies that count as a request in flight until they are gone.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::task::AbortOnDropHandle;

use crate::connection::state::{ConnectionState, CutReason, RequestInFlight};

/// A body that belongs to a connection.
pub(super) struct Tracked {
    body: Body,
    watch: Option<StallWatch>,
    _request: RequestInFlight,
}

impl Tracked {
    /// A body whose connection tells by itself when the client takes nothing (HTTP/1.1).
    pub(super) fn new(body: Body, request: RequestInFlight) -> Self {
        Self {
            body,
            watch: None,
            _request: request,
        }
    }

    /// A body that shares its connection with others (HTTP/2). A client can stall one stream while
    /// the connection goes on, so each body is watched for itself.
    pub(super) fn watched(
        body: Body,
        request: RequestInFlight,
        state: &Arc<ConnectionState>,
        stall: Duration,
    ) -> Self {
        let ended = http_body::Body::is_end_stream(&body);
        let watch = (!ended).then(|| StallWatch::start(Arc::clone(state), stall));
        Self {
            body,
            watch,
            _request: request,
        }
    }
}

/// Cuts the connection when a body has not been asked for more for too long.
///
/// The lowest bit of `progress` says that the body itself keeps its reader waiting, which is not
/// the client's fault; the rest counts what the reader did.
struct StallWatch {
    progress: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl StallWatch {
    fn start(state: Arc<ConnectionState>, stall: Duration) -> Self {
        let progress = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&progress);
        let task = tokio::spawn(async move {
            loop {
                let before = watched.load(Relaxed);
                tokio::time::sleep(stall).await;
                let after = watched.load(Relaxed);
                if before == after && after & 1 == 0 {
                    return state.cut(CutReason::TooSlow);
                }
            }
        });
        Self {
            progress,
            _task: AbortOnDropHandle::new(task),
        }
    }

    fn asked(&self, is_waiting: bool) {
        let count = self.progress.load(Relaxed) | 1;
        let count = count.wrapping_add(1) | u64::from(is_waiting);
        self.progress.store(count, Relaxed);
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(watch) = &this.watch {
            watch.asked(polled.is_pending());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
