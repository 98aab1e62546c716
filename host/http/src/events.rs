//! The edge's events, by name.

use colophon_core::causes::causes;
use colophon_core::event::NamedEvent;
use colophon_core::refusal::Refusal;
use http::request::Parts;

use crate::answer::refused::event_of;
use crate::app::Arrival;
use crate::redacted;

/// A request that this server does not understand: all of it, redacted, with where it came from.
pub(crate) fn request_illegal(arrival: &Arrival, head: &Parts, form: &[u8], reason: &str) {
    tracing::warn!(
        event.code = NamedEvent::RequestIllegal.code(),
        event.name = NamedEvent::RequestIllegal.slug(),
        request.id = %arrival.event,
        request.head = redacted::head(head),
        request.form = redacted::fields(form),
        client.address = %arrival.peer.client,
        connection.peer = %arrival.peer.connection.peer,
        reason,
        "an illegal request was refused"
    );
}

/// A request that core refused.
pub(crate) fn refused(arrival: &Arrival, head: &Parts, form: &[u8], refusal: &Refusal) {
    let reason = causes(refusal);
    let Some(event) = event_of(refusal) else {
        tracing::info!(
            request.id = %arrival.event,
            client.address = %arrival.peer.client,
            code = refusal.code().slug(),
            reason,
            "a request was refused"
        );
        return;
    };
    if event == NamedEvent::RequestIllegal {
        return request_illegal(arrival, head, form, &reason);
    }
    if event == NamedEvent::CertificateRefused {
        // The buyer's own doing, and no fault of the host.
        tracing::warn!(
            event.code = event.code(),
            event.name = event.slug(),
            request.id = %arrival.event,
            client.address = %arrival.peer.client,
            code = refusal.code().slug(),
            reason,
            "a request was refused for its certificate"
        );
        return;
    }
    // Every address of a center begins with its name.
    let center = head.uri.path().split('/').nth(1);
    tracing::error!(
        event.code = event.code(),
        event.name = event.slug(),
        center.id = center,
        plugin.name = refusal.plugin(),
        request.id = %arrival.event,
        client.address = %arrival.peer.client,
        code = refusal.code().slug(),
        reason,
        "a request could not be served"
    );
}
