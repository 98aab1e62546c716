//! `GET /activation/progress`: what becomes of an approved reader. The page asks again by itself,
//! without a script, until there is an end.

use axum::response::Response;
use colophon_core::activation::grant::{Approval, GrantState, Progress};
use colophon_core::activation::token::UserCode;
use colophon_core::time::Timestamp;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::answer;
use crate::call::Call;
use crate::view::{self, Done, Gauge, Limit, Link, date};

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Seconds until a browser asks again.
const REFRESH_S: &str = "4";

pub(crate) async fn show(call: Call) -> Response {
    let approval = match approval(&call).await {
        Ok(approval) => approval,
        Err(response) => return response,
    };
    match approval.progress {
        Progress::AwaitsReader => {
            let text = "Approved. Your reader collects its activation now; leave it open.";
            waiting(&call, "Waiting for your reader", text).await
        }
        Progress::AwaitsKeys => {
            let text = "Many people are activating right now. Your turn comes by itself, and \
                        nothing was counted yet.";
            waiting(&call, "One moment, please", text).await
        }
        Progress::Admitted { .. } => {
            let text = "Your activation is being made.";
            waiting(&call, "Almost there", text).await
        }
        Progress::Made { .. } => {
            let text = "Your activation is ready and your reader is fetching it. If the \
                        connection breaks, the reader fetches it again; that counts nothing.";
            waiting(&call, "On its way to your reader", text).await
        }
        Progress::LimitReached { next_allowed_at } => limit(&call, next_allowed_at).await,
        Progress::Sent { .. } => done(&call, &approval).await,
    }
}

/// The approval that this person gave for the code.
async fn approval(call: &Call) -> Result<Approval, Response> {
    let journey = call.journey();
    let Some(code) = journey.user_code.as_deref().and_then(UserCode::parse) else {
        return Err(answer::see_other(&journey.to("/activation")));
    };
    let Some(persona) = call.visitor.persona() else {
        return Err(answer::see_other(&journey.to("/activation/sign-in")));
    };
    let codes = &call.app.throttles.codes;
    if !codes.admit(call.origin(), call.arrival.at) {
        return Err(call.too_often().await);
    }
    let digest = code.digest(&*call.app.engine);
    let found = call.app.grants.by_user_code(&digest, call.arrival.at).await;
    let state = match found {
        Err(error) => return Err(call.unavailable(&error).await),
        Ok(grant) => grant.map(|grant| grant.state),
    };
    match state {
        Some(GrantState::Approved(approval)) if approval.persona == persona.record => {
            // This page is asked for again and again, and a code of one's own was not guessed.
            codes.refund(&call.origin());
            Ok(approval)
        }
        Some(GrantState::Waiting) => {
            codes.refund(&call.origin());
            Err(answer::see_other(&journey.to("/activation/approve")))
        }
        Some(GrantState::Approved(_) | GrantState::Denied) | None => {
            let lines = ["Start again on your reader; it shows a new code."];
            let link = Some(Link::new("Enter another code", "/activation".to_owned()));
            let status = StatusCode::GONE;
            Err(call
                .message(status, "This code is over", &lines, link)
                .await)
        }
    }
}

/// A page that asks again by itself, unless the person has stopped it.
async fn waiting(call: &Call, heading: &str, text: &str) -> Response {
    let refreshing = call.fields.text("refresh") != "off";
    let again = call.journey().to("/activation/progress");
    let still = format!("{again}&refresh=off");
    let page = view::Progress {
        frame: call.frame().await,
        heading: heading.to_owned(),
        text: text.to_owned(),
        refreshing,
        again: if refreshing { again } else { still.clone() },
        still,
    };
    let mut response = answer::page(StatusCode::OK, &page);
    if refreshing {
        response
            .headers_mut()
            .insert(REFRESH, HeaderValue::from_static(REFRESH_S));
    }
    response
}

async fn limit(call: &Call, next_allowed_at: Option<Timestamp>) -> Response {
    let used = call
        .visitor
        .persona()
        .map_or(0, |persona| persona.standing.used);
    let page = Limit {
        frame: call.frame().await,
        used,
        next_allowed_at: next_allowed_at.map(date),
    };
    answer::page(StatusCode::OK, &page)
}

async fn done(call: &Call, approval: &Approval) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return call.unknown().await;
    };
    let kept = call.app.kept().await;
    let gauge = Gauge::of(kept.quota, persona.standing, call.arrival.at);
    let name = approval.device_name.as_ref();
    let page = Done {
        frame: call.frame().await,
        device: name.map_or("Your device".to_owned(), ToString::to_string),
        quota: format!("{}. {}", gauge.line, gauge.next),
        gift: kept.gift_link.map(|link| link.as_str().to_owned()),
    };
    answer::page(StatusCode::OK, &page)
}
