//! The bytes of a connection, under the edge's own rules.
//!
//! Under hyper's parser: the opening bytes read to tell the protocol are given out again, and on
//! HTTP/1.1 a stray line end ends the stream in something that no parser accepts. Over it: a
//! client that takes next to nothing of a waiting answer is cut. One that takes nothing at all is
//! noticed sooner by the kernel, whose option for that makes the stream fail as timed out.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::opening::Opening;
use crate::connection::state::{ConnectionState, CutReason};
use crate::connection::strict_lines::StrictLines;

/// What a client that breaks the line rule is taken to have sent: NUL is legal nowhere in a head,
/// and the empty line makes the parser look at once.
const BROKEN_HEAD: &[u8] = b"\0\r\n\r\n";

/// A connection's stream.
pub(super) struct Wire<S> {
    stream: S,
    state: Arc<ConnectionState>,
    opening: Opening,
    /// The line rule, on HTTP/1.1.
    lines: Option<StrictLines>,
    /// What is still to be read after the line rule was broken; the stream itself is not read then.
    broken: Option<&'static [u8]>,
    stall: Stall,
}

impl<S> Wire<S> {
    pub(super) fn new(
        stream: S,
        opening: Opening,
        state: Arc<ConnectionState>,
        stall: Duration,
    ) -> Self {
        let lines = opening.is_http1().then(StrictLines::default);
        let stall = Stall {
            limit: stall,
            blocked_since: None,
            alarm: None,
        };
        Self {
            stream,
            state,
            opening,
            lines,
            broken: None,
            stall,
        }
    }

    /// Holds what was just read into `buffer` after its first `before` bytes to the line rule.
    fn check_lines(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let Some(lines) = &mut self.lines else { return };
        let read = buffer.filled().get(before..).unwrap_or_default();
        let (length, good) = (read.len(), lines.good(read));
        if good < length {
            buffer.set_filled(before.saturating_add(good));
            self.broken = Some(BROKEN_HEAD);
            if good == 0 {
                give(&mut self.broken, buffer);
            }
        }
    }

    /// Notes how a write went: what waits for the client waits no longer than the limit.
    fn written<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match result {
            Poll::Ready(result) => {
                if self.stall.blocked_since.take().is_some() {
                    self.state.set_write_blocked(false);
                }
                Poll::Ready(result.inspect_err(|error| note_timeout(&self.state, error)))
            }
            Poll::Pending => {
                self.state.set_write_blocked(true);
                if self.stall.is_over(cx) {
                    self.state.give_reason(CutReason::TooSlow);
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Pending
            }
        }
    }
}

fn note_timeout(state: &ConnectionState, error: &io::Error) {
    if error.kind() == io::ErrorKind::TimedOut {
        state.give_reason(CutReason::TooSlow);
    }
}

/// Moves what is left of `pending` into the buffer, as far as there is room.
fn give(pending: &mut Option<&'static [u8]>, buffer: &mut ReadBuf<'_>) {
    if let Some(bytes) = pending {
        let (now, later) = bytes.split_at(bytes.len().min(buffer.remaining()));
        buffer.put_slice(now);
        *bytes = later;
    }
}

/// How long the client has taken nothing.
struct Stall {
    limit: Duration,
    blocked_since: Option<Instant>,
    /// Rings at the earliest moment the limit could be over. It is set again only when it rings,
    /// since setting a timer for every blocked write would cost more than the write.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// Whether a write has been blocked for the whole limit; wakes the task when it may have been.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        let deadline = since + self.limit;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            alarm.as_mut().reset(deadline);
        }
        false
    }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        // The stream tells of its failure once, to whoever asks first.
        Poll::Ready(result.inspect_err(|error| note_timeout(&self.state, error)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.broken.is_some() {
            give(&mut this.broken, buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        if !this.opening.give(buffer) {
            ready!(this.poll_stream(cx, buffer))?;
        }
        this.check_lines(buffer, before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.written(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_flush(cx);
        this.written(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.written(cx, result)
    }
}
