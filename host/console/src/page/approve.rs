//! `GET`, `POST /activation/approve`: the person says yes or no to a reader.

use axum::response::Response;
use colophon_core::activation::grant::{Decision, Grant, GrantState, Purpose};
use colophon_core::activation::text::DeviceName;
use colophon_core::activation::token::UserCode;
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::view::{Approve, Field, Frame, Gauge, Link, moment};

/// A reader that waits, with its code.
struct Waiting {
    grant: Grant,
    code: UserCode,
}

pub(crate) async fn show(call: Call) -> Response {
    match waiting(&call).await {
        Ok(waiting) => form(&call, &waiting, StatusCode::OK, None).await,
        Err(response) => response,
    }
}

pub(crate) async fn take(call: Call) -> Response {
    let waiting = match waiting(&call).await {
        Ok(waiting) => waiting,
        Err(response) => return response,
    };
    let decision = match call.fields.text("answer") {
        "deny" => Decision::Deny,
        "approve" => match approval(&call) {
            Ok(decision) => decision,
            Err(fault) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                return form(&call, &waiting, status, Some(fault)).await;
            }
        },
        _ => return form(&call, &waiting, StatusCode::UNPROCESSABLE_ENTITY, None).await,
    };
    let record = waiting.grant.record;
    let decided = call.app.grants.decide(record, &decision, call.arrival.at);
    match (decided.await, decision) {
        (Err(error), _) => call.unavailable(&error).await,
        (Ok(false), _) => too_late(&call).await,
        (Ok(true), Decision::Approve { .. }) => {
            answer::see_other(&call.journey().to("/activation/progress"))
        }
        (Ok(true), Decision::Deny) => {
            let lines = [
                "The reader was told no. Nothing was activated and nothing was counted.",
                "If you did not ask for this, somebody else may have sent you the code. \
                 Never approve a code that somebody sent you.",
            ];
            call.message(StatusCode::OK, "The device was refused", &lines, None)
                .await
        }
    }
}

/// What the person said yes to, or what is missing.
fn approval(call: &Call) -> Result<Decision, &'static str> {
    let Some(persona) = call.visitor.persona() else {
        return Err("Please sign in again.");
    };
    let name = device_name(call.fields.text("device_name"))?;
    let purpose = match call.fields.text("purpose") {
        "recovery" => Purpose::Recovery,
        _ => Purpose::New,
    };
    Ok(Decision::Approve {
        persona: persona.record,
        device_name: Some(name),
        purpose,
    })
}

/// What a device is to be called.
pub(super) fn device_name(text: &str) -> Result<DeviceName, &'static str> {
    text.parse().map_err(|_| match text.trim() {
        "" => "Give the device a name, so that you know it among others.",
        _ => "This name is too long, or has characters that cannot be shown.",
    })
}

/// The reader whose code the person came with, if the person has signed in and can still decide.
async fn waiting(call: &Call) -> Result<Waiting, Response> {
    let journey = call.journey();
    let Some(code) = journey.user_code.as_deref().and_then(UserCode::parse) else {
        return Err(answer::see_other(&journey.to("/activation")));
    };
    match call.visitor.persona() {
        None => return Err(answer::see_other(&journey.to("/activation/sign-in"))),
        Some(persona) if persona.withdrawn_at.is_some() => return Err(withdrawn(call).await),
        Some(_) => {}
    }
    if !call
        .app
        .throttles
        .codes
        .admit(call.origin(), call.arrival.at)
    {
        return Err(call.too_often().await);
    }
    let digest = code.digest(&*call.app.engine);
    let found = call.app.grants.by_user_code(&digest, call.arrival.at).await;
    match found {
        Err(error) => Err(call.unavailable(&error).await),
        Ok(None) => Err(too_late(call).await),
        Ok(Some(grant)) => {
            call.app.throttles.codes.refund(&call.origin());
            match grant.state {
                GrantState::Waiting => Ok(Waiting { grant, code }),
                GrantState::Approved(_) => {
                    Err(answer::see_other(&journey.to("/activation/progress")))
                }
                GrantState::Denied => Err(too_late(call).await),
            }
        }
    }
}

async fn form(call: &Call, waiting: &Waiting, status: StatusCode, fault: Option<&str>) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return call.unknown().await;
    };
    let kept = call.app.kept().await;
    let gauge = Gauge::of(kept.quota, persona.standing, call.arrival.at);
    let proposed = waiting.grant.proposed_name.as_ref();
    let proposed = proposed.map(DeviceName::as_str).unwrap_or_default();
    // What was typed stays, also where that was nothing.
    let typed = call
        .fields
        .filled("answer")
        .map(|_| call.fields.text("device_name"));
    let name = Field::text("device_name", "Name of the device")
        .hint("For yourself, such as “Laptop” or “Kitchen tablet”")
        .value(typed.unwrap_or(proposed))
        .fault(fault);
    let page = Approve {
        frame: call.frame().await,
        fault: None,
        fields: vec![name],
        code: waiting.code.to_string(),
        reader: waiting.grant.reader.to_string(),
        asked: moment(waiting.grant.begun_at),
        persona: Frame::name_of(persona),
        quota: format!(
            "{}. A device that you activated before costs none.",
            gauge.line
        ),
        recovery: call.fields.text("purpose") == "recovery",
    };
    answer::page(status, &page)
}

/// An operator lets this persona activate nothing more.
async fn withdrawn(call: &Call) -> Response {
    let lines = [
        "No more devices can be activated with this account.",
        "If you think that this is a mistake, ask the support.",
    ];
    let link = Some(Link::new("See your devices", "/activation/me".to_owned()));
    let status = StatusCode::FORBIDDEN;
    call.message(
        status,
        "This account is closed for new devices",
        &lines,
        link,
    )
    .await
}

async fn too_late(call: &Call) -> Response {
    let lines = [
        "This code is not waiting any more: it was answered, or its half hour is over.",
        "Start again on your reader; it shows a new code.",
    ];
    let link = Some(Link::new("Enter another code", "/activation".to_owned()));
    call.message(StatusCode::GONE, "This code is over", &lines, link)
        .await
}
