//! What a refused buyer gets: a redirect to the retailer's page, else a problem.

use axum::body::Body;
use axum::response::Response;
use colophon_core::code::Code;
use colophon_core::event::NamedEvent;
use colophon_core::id::EventId;
use colophon_core::refusal::{Refusal, Refused};
use colophon_receipt::ErrorUrl;
use colophon_title::PersonalizeError;
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderValue, StatusCode};

use crate::answer::problem::problem;

/// Sends the buyer to the place core chose, with the code in the query; a problem if there is none.
pub(crate) fn refused(refused: &Refused, event: EventId, retry_after_s: u32) -> Response {
    let code = refused.refusal.code();
    let location = refused.redirect.as_ref().map(|url| with_code(url, code));
    // An error URL consists of characters that a header may hold.
    match location.and_then(|location| HeaderValue::try_from(location).ok()) {
        Some(location) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(LOCATION, location);
            response
                .headers_mut()
                .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        None => problem(code, event, retry_after_s),
    }
}

/// Adds `code` to the URL's query, which may have parameters of its own. An error URL has no
/// fragment, so its end is the end of the query.
fn with_code(url: &ErrorUrl, code: Code) -> String {
    let url = url.as_str();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}code={}", code.slug())
}

/// The named event of a refusal that no adapter has told of: those that core finds out itself.
pub(crate) fn event_of(refusal: &Refusal) -> Option<NamedEvent> {
    match refusal {
        Refusal::NotAReceipt
        | Refusal::UnknownKey
        | Refusal::NotOpened(_)
        | Refusal::OtherRetailer => Some(NamedEvent::RequestIllegal),
        Refusal::PluginAnswer { .. } | Refusal::NoTitleThere { .. } => {
            Some(NamedEvent::PluginFailed)
        }
        Refusal::Bookplate(PersonalizeError::License(_) | PersonalizeError::LicenseSigning(_))
        | Refusal::Licensor(_)
        | Refusal::Grantor(_) => Some(NamedEvent::LicenseFailed),
        Refusal::Bookplate(_) => Some(NamedEvent::BookplateFailed),
        Refusal::Certificate(_) => Some(NamedEvent::CertificateRefused),
        Refusal::Registration(_) => Some(NamedEvent::RegistrationFailed),
        Refusal::UnknownCenter
        | Refusal::OutsideTime(_)
        | Refusal::NotResumable
        | Refusal::UsedUp
        | Refusal::UnknownTitle
        | Refusal::Withdrawn
        | Refusal::LevelTooLow
        | Refusal::LevelUnavailable
        | Refusal::NameMissing
        | Refusal::PersonaMissing
        | Refusal::CertificateMissing
        | Refusal::Denied { .. }
        | Refusal::Busy
        | Refusal::Plugin(_)
        | Refusal::Origin(_)
        | Refusal::Unavailable(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let url: ErrorUrl = url.parse().unwrap();
        assert_eq!(with_code(&url, Code::ReceiptExpired), expected);
    }

    #[test]
    fn the_code_joins_the_query() {
        check(
            "https://shop.example",
            "https://shop.example?code=receipt-expired",
        );
        check(
            "https://shop.example/",
            "https://shop.example/?code=receipt-expired",
        );
        check(
            "https://shop.example/a?",
            "https://shop.example/a?code=receipt-expired",
        );
        check(
            "https://shop.example/a?b=c",
            "https://shop.example/a?b=c&code=receipt-expired",
        );
        check(
            "https://shop.example/a?b=c&",
            "https://shop.example/a?b=c&code=receipt-expired",
        );
        check(
            "https://shop.example/a?b=c?d",
            "https://shop.example/a?b=c?d&code=receipt-expired",
        );
    }
}
