//! `GET`, `POST /activation/me/password`: somebody who knows the password chooses another.

use axum::response::Response;
use colophon_core::activation::persona::Account;
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::page::{sign_in, sign_up};
use crate::password::{Matched, Password};
use crate::view::{ChangePassword, Field, Link};

/// What is wrong with each field.
#[derive(Default)]
struct Faults {
    current: Option<&'static str>,
    password: Option<&'static str>,
}

pub(crate) async fn show(call: Call) -> Response {
    match account(&call).await {
        Ok(_) => form(&call, StatusCode::OK, Faults::default()).await,
        Err(response) => response,
    }
}

pub(crate) async fn take(call: Call) -> Response {
    let account = match account(&call).await {
        Ok(account) => account,
        Err(response) => return response,
    };
    let new = Password::new(call.fields.text("password"), account.username.as_str());
    let new = match new {
        Ok(new) => new,
        Err(weak) => {
            let faults = Faults {
                password: Some(sign_up::weakness(weak)),
                ..Faults::default()
            };
            return form(&call, StatusCode::UNPROCESSABLE_ENTITY, faults).await;
        }
    };
    // Somebody else at this browser guesses no better here than at the sign-in.
    let (app, throttles) = (&call.app, &call.app.throttles);
    let (name, origin) = (&account.username, call.origin());
    if !throttles.admit_sign_in(name, origin, call.arrival.at) {
        return call.too_often().await;
    }
    let Some(current) = Password::typed(call.fields.text("current")) else {
        return wrong(&call).await;
    };
    let hash = Some(account.password.clone());
    match app.hasher.matches(current, hash, app.chance.salt()).await {
        Ok(Matched::Yes { .. }) => throttles.refund_sign_in(name, origin),
        Ok(Matched::No) => return wrong(&call).await,
        Err(failed) => return sign_in::busy(&call, &failed).await,
    }
    let new = match app.hasher.hash(new, app.chance.salt()).await {
        Ok(new) => new,
        Err(failed) => return sign_in::busy(&call, &failed).await,
    };
    let persona = account.persona;
    let changed = app
        .personas
        .change_password(persona, &account.password, &new);
    match changed.await {
        Err(error) => call.unavailable(&error).await,
        Ok(false) => {
            let lines = ["Somebody has changed the password in the meantime."];
            let link = Some(Link::new("Sign in", "/activation/sign-in".to_owned()));
            call.message(
                StatusCode::CONFLICT,
                "The password was not changed",
                &lines,
                link,
            )
            .await
        }
        Ok(true) => signed_in_again(&call, &account).await,
    }
}

/// All sessions have ended, this browser's too.
async fn signed_in_again(call: &Call, account: &Account) -> Response {
    let mut response = answer::see_other("/activation/me?done=password");
    let signed_in =
        call.visitor
            .sign_in(&call.app, account.persona, &mut response, call.arrival.at);
    match signed_in.await {
        Ok(()) => response,
        // The password is changed; there only is no session.
        Err(error) => {
            tracing::warn!(%error, "somebody has to sign in after changing the password");
            answer::see_other("/activation/sign-in")
        }
    }
}

/// The account of whoever has signed in with a password.
async fn account(call: &Call) -> Result<Account, Response> {
    let Some(persona) = call.visitor.persona() else {
        let journey = call.journey();
        return Err(answer::see_other(&journey.to("/activation/sign-in")));
    };
    match call.app.personas.account_of(persona.record).await {
        Err(error) => Err(call.unavailable(&error).await),
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(call.unknown().await),
    }
}

async fn wrong(call: &Call) -> Response {
    let faults = Faults {
        current: Some("This is not your password."),
        ..Faults::default()
    };
    form(call, StatusCode::UNPROCESSABLE_ENTITY, faults).await
}

async fn form(call: &Call, status: StatusCode, faults: Faults) -> Response {
    let page = ChangePassword {
        frame: call.frame().await,
        fault: None,
        fields: vec![
            Field::password("current", "Your password until now")
                .autocomplete("current-password")
                .fault(faults.current),
            Field::password("password", "New password")
                .hint("At least 10 characters; a few words do well")
                .fault(faults.password),
        ],
    };
    answer::page(status, &page)
}
