//! `GET`, `POST /activation/sign-in`.
//!
//! An unknown name is answered as a wrong password is, after as long: a password is hashed in any
//! case.

use axum::response::Response;
use colophon_core::activation::persona::{Account, PasswordHash};
use colophon_core::activation::text::Username;
use colophon_core::causes::causes;
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::password::{HashFailed, Matched, Password};
use crate::view::{Field, Journey, SignIn};

const WRONG: &str = "User name and password do not belong together.";

pub(crate) async fn show(call: Call) -> Response {
    if call.visitor.persona().is_some() {
        return answer::see_other(&onward(&call.journey()));
    }
    form(&call, StatusCode::OK, None).await
}

pub(crate) async fn take(call: Call) -> Response {
    if call.app.settings.accounts.is_none() {
        return call.unknown().await;
    }
    let name = call.fields.text("username").parse::<Username>();
    let password = Password::typed(call.fields.text("password"));
    let (Ok(name), Some(password)) = (name, password) else {
        return form(&call, StatusCode::UNPROCESSABLE_ENTITY, Some(WRONG)).await;
    };
    let (throttles, origin) = (&call.app.throttles, call.origin());
    if !throttles.admit_sign_in(&name, origin, call.arrival.at) {
        return call.too_often().await;
    }
    let account = match call.app.personas.account(&name).await {
        Ok(account) => account,
        Err(error) => return call.unavailable(&error).await,
    };
    let hash = account.as_ref().map(|account| account.password.clone());
    let matched = call
        .app
        .hasher
        .matches(password, hash, call.app.chance.salt());
    match (matched.await, account) {
        (Ok(Matched::Yes { renewed }), Some(account)) => {
            throttles.refund_sign_in(&name, origin);
            welcome(&call, &account, renewed).await
        }
        (Ok(Matched::No | Matched::Yes { .. }), _) => {
            tracing::info!(
                request.id = %call.arrival.event,
                client.address = %call.arrival.client.address,
                "somebody could not sign in"
            );
            form(&call, StatusCode::UNAUTHORIZED, Some(WRONG)).await
        }
        (Err(failed), _) => busy(&call, &failed).await,
    }
}

/// Where somebody goes who has signed in.
pub(super) fn onward(journey: &Journey) -> String {
    match journey.user_code {
        Some(_) => journey.to("/activation/approve"),
        None => journey.to("/activation/me"),
    }
}

/// The page to be shown while too many passwords are being hashed.
pub(super) async fn busy(call: &Call, failed: &HashFailed) -> Response {
    let reason = causes(failed);
    tracing::warn!(request.id = %call.arrival.event, reason, "a password was not hashed");
    let lines = ["Many people are signing in right now. Please try again in a moment."];
    let status = StatusCode::SERVICE_UNAVAILABLE;
    call.message(status, "One moment, please", &lines, None)
        .await
}

async fn welcome(call: &Call, account: &Account, renewed: Option<PasswordHash>) -> Response {
    let app = &call.app;
    let mut response = answer::see_other(&onward(&call.journey()));
    let signed_in = call
        .visitor
        .sign_in(app, account.persona, &mut response, call.arrival.at);
    if let Err(error) = signed_in.await {
        return call.unavailable(&error).await;
    }
    if let Some(renewed) = renewed {
        let former = &account.password;
        let kept = app.personas.rehash(account.persona, former, &renewed).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "a password's hash was not renewed");
        }
    }
    response
}

async fn form(call: &Call, status: StatusCode, fault: Option<&str>) -> Response {
    let app = &call.app;
    let page = SignIn {
        frame: call.frame().await,
        fault: fault.map(str::to_owned),
        fields: vec![
            Field::text("username", "User name")
                .autocomplete("username")
                .value(call.fields.text("username")),
            Field::password("password", "Password").autocomplete("current-password"),
        ],
        provider: app
            .provider
            .as_ref()
            .map(|provider| provider.name().to_owned()),
        accounts: app.settings.accounts.is_some(),
    };
    answer::page(status, &page)
}
