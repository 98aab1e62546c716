//! `action=download`: a receipt turned into a file.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use colophon_core::code::Code;
use colophon_core::delivery::{Download, Wanted};
use colophon_core::log::{ByteSpan, Outcome};
use colophon_receipt::CenterId;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG,
};
use http::{HeaderValue, Method, StatusCode, Version};
use tokio::sync::OwnedSemaphorePermit;

use crate::answer::copy_body::CopyBody;
use crate::answer::copy_body::delivery::Delivery;
use crate::answer::disposition::attachment;
use crate::answer::entity_tag::EntityTag;
use crate::answer::selection::{Selection, continued_copy, select};
use crate::arguments::Arguments;
use crate::counters::PendingDownload;
use crate::endpoint::ds::Call;

/// One write on a connection of its own: as large as pays.
const HTTP1_CHUNK_BYTES_MAX: u64 = 1024 * 1024;

/// On a shared connection small enough that a slow client shows its progress.
const HTTP2_CHUNK_BYTES_MAX: u64 = 32 * 1024;

pub(super) async fn answer(call: Call, center: CenterId, arguments: Arguments) -> Response {
    let pending = call.app.counters.begin();
    let wanted = if call.head.method == Method::HEAD {
        Wanted::Headers
    } else {
        Wanted::Bytes
    };
    let refused = |code| match wanted {
        Wanted::Bytes => pending.refused(code),
        Wanted::Headers => {}
    };
    // Before any work: an overloaded host says so at once.
    let Ok(permit) = Arc::clone(&call.app.download_places).try_acquire_owned() else {
        refused(Code::Busy);
        return call.problem(Code::Busy);
    };
    let resume = continued_copy(&call.head.headers);
    let request = call.request(center, arguments, wanted, resume);
    match call.downloads.prepare(request).await {
        Ok(download) => deliver(&call, download, wanted, pending, permit).await,
        Err(refusal) => {
            refused(refusal.refusal.code());
            call.refused(&refusal)
        }
    }
}

/// Answers with the copy, or the part of it that is asked for.
async fn deliver(
    call: &Call,
    download: Download,
    wanted: Wanted,
    pending: PendingDownload,
    permit: OwnedSemaphorePermit,
) -> Response {
    let tag = EntityTag::of(&download.etag);
    let length = download.body.length();
    let whole = ByteSpan {
        start: 0,
        end: length,
    };
    // As everywhere, who asks for headers alone leaves a row only where that is refused.
    let close = |download: Download, outcome: Outcome| {
        let is_logged = wanted == Wanted::Bytes || outcome != Outcome::Completed;
        if is_logged {
            let took_us = u64::try_from(pending.took().as_micros()).unwrap_or(u64::MAX);
            download.close_unsent(outcome, took_us);
        }
    };
    let (mut response, span) = match select(&call.head, &tag, length) {
        Selection::NotModified => {
            close(download, Outcome::Completed);
            return without_bytes(StatusCode::NOT_MODIFIED, &tag);
        }
        Selection::PreconditionFailed => {
            close(download, Outcome::Refused(Code::ConditionFailed));
            return without_bytes(StatusCode::PRECONDITION_FAILED, &tag);
        }
        Selection::Unsatisfiable => {
            close(download, Outcome::Refused(Code::RangeUnsatisfiable));
            let mut response = without_bytes(StatusCode::RANGE_NOT_SATISFIABLE, &tag);
            set_range(&mut response, &format!("bytes */{length}"));
            return response;
        }
        Selection::Whole => (announcing(&download, &tag, length), whole),
        Selection::Part(span) => {
            let mut response = announcing(&download, &tag, span.end.saturating_sub(span.start));
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = span.end.saturating_sub(1);
            set_range(
                &mut response,
                &format!("bytes {}-{last}/{length}", span.start),
            );
            (response, span)
        }
    };
    if wanted == Wanted::Headers {
        // Dropping the download gives its room in the log back.
        return response;
    }
    let resumes = download.resumes;
    let (copy, record) = match call.downloads.begin(download, span).await {
        Ok(begun) => begun,
        Err(refusal) => {
            pending.refused(refusal.refusal.code());
            return call.refused(&refusal);
        }
    };
    pending.prepared(resumes);
    let to_the_end = span.end == length;
    let peer = call.arrival.peer.clone();
    let delivery = Delivery::new(
        record,
        to_the_end,
        call.arrival.event,
        peer,
        pending,
        permit,
    );
    if span.start == span.end {
        // The server never asks an empty body for anything, so its row is closed here.
        return match delivery.complete_empty().await {
            Ok(()) => response,
            Err(_) => call.problem(Code::Unavailable),
        };
    }
    let chunk = if call.head.version == Version::HTTP_2 {
        HTTP2_CHUNK_BYTES_MAX
    } else {
        HTTP1_CHUNK_BYTES_MAX
    };
    *response.body_mut() = Body::new(CopyBody::new(copy, span, chunk, delivery));
    response
}

/// The head of an answer that carries `length` bytes of the copy.
fn announcing(download: &Download, tag: &EntityTag, length: u64) -> Response {
    let mut response = without_bytes(StatusCode::OK, tag);
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(download.media_type.as_str());
    let unknown = HeaderValue::from_static("application/octet-stream");
    headers.insert(CONTENT_TYPE, media_type.unwrap_or(unknown));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_DISPOSITION, attachment(&download.file_name));
    response
}

/// What every answer about a copy says.
fn without_bytes(status: StatusCode, tag: &EntityTag) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(ETAG, tag.header_value());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

fn set_range(response: &mut Response, range: &str) {
    // Digits and punctuation always make a header value.
    if let Ok(range) = HeaderValue::from_str(range) {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
}
