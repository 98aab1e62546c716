//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::connection::opening::{Opening, Protocol};
use crate::connection::state::{ConnectionState, CutReason};
use crate::connection::tracked::Tracked;
use crate::connection::wire::Wire;
use crate::limits::Limits;
use crate::respond::respond;
use crate::tls::Tls;

/// Bytes not yet sent that the kernel takes at most for a proxy. A proxy on the same machine takes
/// its time for a slow client, and the kernel would let megabytes wait for it.
const UNSENT_FOR_PROXY_BYTES_MAX: u32 = 256 * 1024;

/// What the connections of one listener are served with.
pub(crate) struct Service {
    pub(crate) app: Arc<App>,
    pub(crate) routes: Router,
    pub(crate) tls: Option<Arc<Tls>>,
    /// Every task of every connection.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when no more requests are taken.
    pub(crate) stop: CancellationToken,
}

impl Service {
    fn limits(&self) -> &Limits {
        &self.app.limits
    }

    /// Serves a connection until it ends, one way or another.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream, state: Arc<ConnectionState>) {
        self.set_options(&stream, &state);
        let cut = state.cut.clone();
        let open = async {
            match &self.tls {
                None => self.open(stream, None, &state).await,
                Some(tls) => self.open_secured(tls, stream, &state).await,
            }
        };
        if cut.run_until_cancelled(open).await.is_none() {
            state.give_reason(CutReason::Stopping);
        }
    }

    /// Without one of these options a connection is slower, or cut at another time, which is no
    /// reason not to serve it.
    fn set_options(&self, stream: &TcpStream, state: &ConnectionState) {
        let _ = stream.set_nodelay(true);
        let socket = socket2::SockRef::from(stream);
        let _ = socket.set_tcp_user_timeout(Some(self.limits().write_stall));
        if self.app.trusted_proxies.contains(state.peer) {
            let _ = socket.set_tcp_notsent_lowat(UNSENT_FOR_PROXY_BYTES_MAX);
        }
    }

    async fn open_secured(
        self: &Arc<Self>,
        tls: &Tls,
        stream: TcpStream,
        state: &Arc<ConnectionState>,
    ) {
        let handshake = timeout(self.limits().tls_handshake, tls.acceptor().accept(stream));
        let handshake = self.while_awaited(handshake).await;
        let Some(Ok(Ok(stream))) = handshake else {
            return;
        };
        let agreed = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Some(Protocol::Http2),
            Some(_) => Some(Protocol::Http1),
            None => None,
        };
        self.open(stream, agreed, state).await;
    }

    async fn open<S>(
        self: &Arc<Self>,
        mut stream: S,
        agreed: Option<Protocol>,
        state: &Arc<ConnectionState>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.limits();
        let opening = Opening::read(&mut stream, agreed, limits.first_byte);
        let Some(Ok(opening)) = self.while_awaited(opening).await else {
            return;
        };
        let is_http1 = opening.is_http1();
        let io = TokioIo::new(Wire::new(
            stream,
            opening,
            Arc::clone(state),
            limits.write_crawl,
        ));
        let answer =
            service_fn(|request| Arc::clone(self).answer(request, Arc::clone(state), is_http1));
        if is_http1 {
            let connection = http1_rules(limits).serve_connection(io, answer);
            self.drive(connection, state, http1::Connection::graceful_shutdown)
                .await;
        } else {
            let tasks = Tasks(self.tasks.clone());
            let connection = http2_rules(limits, tasks).serve_connection(io, answer);
            self.drive(connection, state, http2::Connection::graceful_shutdown)
                .await;
        }
    }

    /// What a client does before its first request, or none if it has not come to it a moment after
    /// the host was told to stop.
    async fn while_awaited<F: Future>(&self, first: F) -> Option<F::Output> {
        let over = async {
            self.stop.cancelled().await;
            sleep(self.limits().newcomers).await;
        };
        tokio::select! {
            biased;
            done = first => Some(done),
            () = over => None,
        }
    }

    /// Runs a connection, and closes it when the host stops or nothing happens on it any more.
    async fn drive<C: Future>(
        &self,
        connection: C,
        state: &ConnectionState,
        close: fn(Pin<&mut C>),
    ) {
        let limits = self.limits();
        let mut connection = pin!(connection);
        let mut check = pin!(sleep(limits.idle));
        let mut is_closing = false;
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = self.stop.cancelled(), if !is_closing => {
                    is_closing = true;
                    close(connection.as_mut());
                }
                () = check.as_mut() => {
                    let quiet = state.quiet_for().unwrap_or_default();
                    let left = limits.idle.saturating_sub(quiet);
                    if !left.is_zero() {
                        check.as_mut().reset(Instant::now() + left);
                    } else if is_closing {
                        // The client was asked to go and did not.
                        return;
                    } else {
                        is_closing = true;
                        close(connection.as_mut());
                        check.as_mut().reset(Instant::now() + limits.head);
                    }
                }
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        state: Arc<ConnectionState>,
        is_http1: bool,
    ) -> Result<Response<Tracked>, Infallible> {
        let in_flight = state.begin_request();
        let request = request.map(Body::new);
        let response = respond(&self.app, &self.routes, &state, request).await;
        Ok(response.map(|body| {
            if is_http1 {
                Tracked::new(body, in_flight)
            } else {
                Tracked::watched(body, in_flight, &state, self.limits().write_stall)
            }
        }))
    }
}

/// HTTP/1.1 as this server speaks it.
fn http1_rules(limits: &Limits) -> http1::Builder {
    let mut rules = http1::Builder::new();
    // Without the timer the timeout would do nothing.
    rules
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    rules.max_header_size(limits.head_bytes_max).writev(true);
    rules
}

/// HTTP/2 as this server speaks it. Requests are small, so the windows for them are too.
fn http2_rules(limits: &Limits, tasks: Tasks) -> http2::Builder<Tasks> {
    let mut rules = http2::Builder::new(tasks);
    let header_bytes_max = u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX);
    rules
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.head)
        .max_concurrent_streams(limits.http2_streams_max)
        .max_pending_accept_reset_streams(limits.http2_resets_max)
        .max_local_error_reset_streams(limits.http2_resets_max)
        .max_header_list_size(header_bytes_max)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_send_buf_size(256 * 1024);
    rules
}

/// Runs the streams of HTTP/2 connections as tasks that the stop waits for.
#[derive(Debug, Clone)]
struct Tasks(TaskTracker);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
