//! `GET /activation/oidc/start` and `/activation/oidc/callback`: signing in at the provider.

use axum::response::Response;
use colophon_core::activation::ports::IdentityRefused;
use colophon_core::causes::causes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::answer;
use crate::call::Call;
use crate::oidc::{SignInRefused, Waiting};
use crate::page::sign_in;
use crate::view::{Journey, Link};
use crate::visitor::{Cookie, keep_notes, take_notes};

/// What is kept of a browser while it is with the provider.
#[derive(Serialize, Deserialize)]
struct Notes {
    waiting: Waiting,
    user_code: Option<String>,
    back: Option<String>,
}

pub(crate) async fn start(call: Call) -> Response {
    let Some(provider) = &call.app.provider else {
        return call.unknown().await;
    };
    if !call
        .app
        .throttles
        .provider
        .admit(call.origin(), call.arrival.at)
    {
        return call.too_often().await;
    }
    let secrets = std::array::from_fn(|_| call.app.chance.secret());
    let begun = match provider.begin(secrets, call.arrival.at).await {
        Ok(begun) => begun,
        Err(refused) => return refuse(&call, &refused).await,
    };
    let journey = call.journey();
    let notes = Notes {
        waiting: begun.waiting,
        user_code: journey.user_code,
        back: journey.back,
    };
    // A struct of texts and a number always has a JSON form.
    let notes = Zeroizing::new(serde_json::to_vec(&notes).unwrap_or_default());
    let mut response = answer::see_other(&begun.location);
    match keep_notes(&call.app, notes, &mut response, call.arrival.at).await {
        Ok(()) => response,
        Err(error) => call.unavailable(&error).await,
    }
}

pub(crate) async fn callback(call: Call) -> Response {
    let Some(provider) = &call.app.provider else {
        return call.unknown().await;
    };
    let query = call.query.clone();
    let is_answer_to = |notes: &[u8]| {
        serde_json::from_slice(notes).is_ok_and(|notes: Notes| notes.waiting.state_is(&query))
    };
    let taken = take_notes(&call.app, &call.headers, is_answer_to, call.arrival.at).await;
    let notes = match taken {
        Ok(notes) => notes.and_then(|notes| serde_json::from_slice::<Notes>(&notes).ok()),
        Err(error) => return call.unavailable(&error).await,
    };
    let Some(notes) = notes else {
        return refuse(&call, &SignInRefused::StateUnknown).await;
    };
    let identity = match provider
        .finish(&query, notes.waiting, call.arrival.at)
        .await
    {
        Ok(identity) => identity,
        Err(refused) => return refuse(&call, &refused).await,
    };
    let persona = match call.app.personas.identify(&identity, call.arrival.at).await {
        Ok(persona) => persona,
        Err(IdentityRefused::PersonaTaken) => {
            return refuse(&call, &SignInRefused::Subject).await;
        }
        Err(IdentityRefused::Unavailable(error)) => return call.unavailable(&error).await,
    };
    let journey = Journey {
        user_code: notes.user_code,
        back: notes.back,
    };
    let mut response = answer::see_other(&sign_in::onward(&journey));
    let signed_in = call
        .visitor
        .sign_in(&call.app, persona, &mut response, call.arrival.at);
    if let Err(error) = signed_in.await {
        return call.unavailable(&error).await;
    }
    Cookie::SignIn.clear(&call.app, &mut response);
    response
}

/// Nobody is signed in. The cause is told to the operator; the person learns what helps.
async fn refuse(call: &Call, refused: &SignInRefused) -> Response {
    let reason = causes(refused);
    tracing::warn!(
        request.id = %call.arrival.event,
        client.address = %call.arrival.client.address,
        reason,
        "a sign-in at the provider was refused"
    );
    let link = Some(Link::new(
        "Try again",
        call.journey().to("/activation/sign-in"),
    ));
    match refused {
        SignInRefused::Unreachable(_) | SignInRefused::CodeNotTaken(_) => {
            let lines =
                ["The sign-in service does not answer as it should. Please try again later."];
            let status = StatusCode::BAD_GATEWAY;
            call.message(status, "You are not signed in", &lines, link)
                .await
        }
        SignInRefused::Refused(_) => {
            let lines = ["The sign-in service did not sign you in."];
            let status = StatusCode::FORBIDDEN;
            call.message(status, "You are not signed in", &lines, link)
                .await
        }
        SignInRefused::Untrustworthy
        | SignInRefused::NoTokenEndpoint
        | SignInRefused::Illegible
        | SignInRefused::StateUnknown
        | SignInRefused::TooLate
        | SignInRefused::OtherIssuer
        | SignInRefused::NoToken
        | SignInRefused::KeyUnknown
        | SignInRefused::Token(_)
        | SignInRefused::OtherParty
        | SignInRefused::OtherAccessToken
        | SignInRefused::Subject => {
            let lines = ["The answer of the sign-in service was not accepted, or took too long."];
            let status = StatusCode::FORBIDDEN;
            call.message(status, "You are not signed in", &lines, link)
                .await
        }
    }
}
