//! `action=verify`: whether the title that a receipt names could be downloaded now.

use axum::body::Body;
use axum::response::Response;
use colophon_core::catalog::TitleFacts;
use colophon_core::delivery::Wanted;
use colophon_receipt::CenterId;
use colophon_title::{Level, SignerRole};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use crate::arguments::Arguments;
use crate::endpoint::ds::Call;

pub(super) async fn answer(call: Call, center: CenterId, arguments: Arguments) -> Response {
    let request = call.request(center, arguments, Wanted::Headers, None);
    match call.downloads.verify(&request).await {
        Ok(title) => ready(&title.facts),
        Err(refused) => call.refused(&refused),
    }
}

fn ready(facts: &TitleFacts) -> Response {
    let text = json!({
        "book_id": facts.book.id.as_str(),
        "book_id_type": facts.book.id_type.as_str(),
        "ready": true,
        "media_type": facts.media_type.as_str(),
        "levels": levels(facts),
        "signatures": signatures(facts),
    });
    let mut response = Response::new(Body::from(text.to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// Who signs every sealed copy. With these it is at level 4, whichever of 2 and 3 was asked for.
fn signatures(facts: &TitleFacts) -> Vec<&'static str> {
    facts.signatures.iter().map(SignerRole::as_str).collect()
}

/// The levels the title can be sold at: those it is kept for, from its least on, and 4 where a
/// sealed copy can be signed.
fn levels(facts: &TitleFacts) -> Vec<u8> {
    let all = [
        Level::Clear,
        Level::SourceSealed,
        Level::IndividuallySealed,
        Level::FullyIndividualized,
    ];
    let sold = |level: &Level| *level >= facts.min_level && facts.forms.at(*level).is_some();
    let mut levels: Vec<u8> = all.into_iter().filter(sold).map(Level::as_number).collect();
    // Provider and owner sign over the tool's signature, which only ingest can make.
    let is_signed = facts.signatures.contains(SignerRole::Tool);
    if is_signed && levels.iter().any(|level| [2, 3].contains(level)) {
        levels.push(4);
        levels.sort_unstable();
    }
    levels
}
