//! The body of a download: a copy's bytes, with the last piece held back until the log row of the
//! download is durable.
//!
//! Nobody has the last byte of a copy without a durable row. When everything before the last piece
//! has been handed to the connection, the row is closed as completed; the last piece leaves when
//! the row is durable, and if it cannot be made durable the connection is cut instead. A body that
//! is dropped before its end closes its row as broken.

pub(crate) mod delivery;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use colophon_core::delivery::CopyBytes;
use colophon_core::log::ByteSpan;
use colophon_core::ports::{Commit, OriginError, Unavailable};
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio_util::sync::ReusableBoxFuture;

use self::delivery::Delivery;

/// The most that is held back: small, so that a client waits for the log with nearly everything in
/// its hands already.
const HELD_BACK_BYTES_MAX: u64 = 16 * 1024;

/// Why a body ended before its last byte.
#[derive(Debug, Error)]
pub(crate) enum CopyBodyError {
    /// The content could not be read.
    #[error("the content could not be read")]
    Origin(#[source] OriginError),
    /// The content is shorter than it was said to be.
    #[error("the content ended early")]
    Short,
    /// The log row could not be made durable.
    #[error("the log row could not be made durable")]
    NotLogged(#[source] Unavailable),
}

/// The bytes of one answer, on their way out.
pub(crate) struct CopyBody {
    copy: CopyBytes,
    /// Up to here the copy has been read.
    offset: u64,
    end: u64,
    /// Bytes not yet handed to the connection.
    left: u64,
    chunk_bytes_max: u64,
    step: Step,
    /// The read under way; its allocation serves every read of the body.
    reading: ReusableBoxFuture<'static, Result<Bytes, OriginError>>,
    delivery: Delivery,
}

enum Step {
    /// A piece is being read.
    Reading,
    /// The last piece waits for the log row.
    Held { last: Bytes, commit: Commit },
    /// Everything was handed over, or nothing more will be.
    Over,
}

impl CopyBody {
    /// The bytes of `span`, which is not empty, in chunks of at most `chunk_bytes_max`.
    pub(crate) fn new(
        copy: CopyBytes,
        span: ByteSpan,
        chunk_bytes_max: u64,
        delivery: Delivery,
    ) -> Self {
        let left = span.end.saturating_sub(span.start);
        let first = read(
            copy.clone(),
            span.start,
            piece_bytes_max(left, chunk_bytes_max),
        );
        Self {
            copy,
            offset: span.start,
            end: span.end,
            left,
            chunk_bytes_max,
            step: Step::Reading,
            reading: ReusableBoxFuture::new(first),
            delivery,
        }
    }

    /// Takes what was read: hands it on, or holds it back if it is the last.
    fn take(&mut self, piece: Result<Bytes, OriginError>) -> Result<Option<Bytes>, CopyBodyError> {
        let mut piece = piece.map_err(CopyBodyError::Origin)?;
        let missing = self.end.saturating_sub(self.offset);
        piece.truncate(usize::try_from(missing).unwrap_or(usize::MAX));
        if piece.is_empty() {
            return Err(CopyBodyError::Short);
        }
        self.offset = self.offset.saturating_add(piece.len() as u64);
        let missing = missing.saturating_sub(piece.len() as u64);
        if missing == 0 {
            let commit = self.delivery.close_completed(piece.len());
            self.step = Step::Held {
                last: piece,
                commit,
            };
            return Ok(None);
        }
        let most = piece_bytes_max(missing, self.chunk_bytes_max);
        self.reading.set(read(self.copy.clone(), self.offset, most));
        Ok(Some(piece))
    }

    fn hand_over(&mut self, piece: Bytes) -> Poll<Option<Result<Frame<Bytes>, CopyBodyError>>> {
        self.left = self.left.saturating_sub(piece.len() as u64);
        self.delivery.hand_over(piece.len());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn fail(&mut self, error: CopyBodyError) -> Poll<Option<Result<Frame<Bytes>, CopyBodyError>>> {
        self.step = Step::Over;
        self.delivery.break_off(&error);
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for CopyBody {
    type Data = Bytes;
    type Error = CopyBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CopyBodyError>>> {
        let this = self.get_mut();
        loop {
            match &mut this.step {
                Step::Reading => {
                    let piece = ready!(this.reading.poll(cx));
                    match this.take(piece) {
                        Ok(Some(piece)) => return this.hand_over(piece),
                        Ok(None) => {}
                        Err(error) => return this.fail(error),
                    }
                }
                Step::Held { last, commit } => match ready!(commit.as_mut().poll(cx)) {
                    Ok(()) => {
                        let last = std::mem::take(last);
                        this.step = Step::Over;
                        this.delivery.end_completed();
                        return this.hand_over(last);
                    }
                    Err(error) => return this.fail(CopyBodyError::NotLogged(error)),
                },
                Step::Over => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.step, Step::Over)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// One read of the copy, as a future that owns what it needs.
async fn read(copy: CopyBytes, offset: u64, most: u64) -> Result<Bytes, OriginError> {
    copy.read(offset, usize::try_from(most).unwrap_or(usize::MAX))
        .await
}

/// How much to read next, so that the piece after the last whole chunk is a small one.
fn piece_bytes_max(missing: u64, chunk_bytes_max: u64) -> u64 {
    if missing > HELD_BACK_BYTES_MAX {
        chunk_bytes_max.min(missing - HELD_BACK_BYTES_MAX)
    } else {
        missing
    }
}
