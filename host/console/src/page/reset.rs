//! `GET`, `POST /activation/reset` and `/activation/reset/choose`: a new password by mailed link.
//!
//! Whether there is such an account is told to nobody: the answer is the same and does not wait
//! for the letter.

use std::sync::Arc;

use axum::response::Response;
use colophon_core::activation::mail::Letter;
use colophon_core::activation::text::Username;
use colophon_core::activation::token::ResetToken;
use colophon_core::causes::causes;
use colophon_core::id::EventId;
use colophon_core::time::Timestamp;
use http::StatusCode;
use zeroize::Zeroizing;

use crate::answer;
use crate::app::App;
use crate::call::Call;
use crate::page::{sign_in, sign_up};
use crate::password::Password;
use crate::view::{Field, Link, ResetAsk, ResetChoose};

/// How long a link resets a password, in milliseconds: one hour.
const RESET_MS: i64 = 60 * 60 * 1000;

pub(crate) async fn ask(call: Call) -> Response {
    match call.app.settings.accounts {
        Some(_) => ask_form(&call, StatusCode::OK, None).await,
        None => call.unknown().await,
    }
}

pub(crate) async fn take(call: Call) -> Response {
    if call.app.settings.accounts.is_none() {
        return call.unknown().await;
    }
    let Ok(name) = call.fields.text("username").parse::<Username>() else {
        let fault = "This is not a user name.";
        return ask_form(&call, StatusCode::UNPROCESSABLE_ENTITY, Some(fault)).await;
    };
    let (throttles, now) = (&call.app.throttles, call.arrival.at);
    if !throttles.reset.admit(call.origin(), now) {
        return call.too_often().await;
    }
    // An account's own limit is kept silently: told, it would say that there is an account.
    if throttles.letters.admit(name.clone(), now) {
        let (app, event) = (Arc::clone(&call.app), call.arrival.event);
        tokio::spawn(async move { write(&app, &name, event, now).await });
    }
    let lines = [
        "If there is an account of this name, a letter is on its way to its e-mail address. The \
         link in it works for one hour.",
        "No letter? Look among unwanted mail, and whether the name is right.",
    ];
    let link = Some(Link::new(
        "Back to sign-in",
        call.journey().to("/activation/sign-in"),
    ));
    call.message(StatusCode::OK, "Look into your mail", &lines, link)
        .await
}

pub(crate) async fn choose(call: Call) -> Response {
    match reset_of(&call).await {
        Ok(_) => choose_form(&call, StatusCode::OK, None).await,
        Err(response) => response,
    }
}

pub(crate) async fn take_new(call: Call) -> Response {
    let (token, username) = match reset_of(&call).await {
        Ok(reset) => reset,
        Err(response) => return response,
    };
    let password = match Password::new(call.fields.text("password"), username.as_str()) {
        Ok(password) => password,
        Err(weak) => {
            let fault = Some(sign_up::weakness(weak));
            return choose_form(&call, StatusCode::UNPROCESSABLE_ENTITY, fault).await;
        }
    };
    let app = &call.app;
    let hash = match app.hasher.hash(password, app.chance.salt()).await {
        Ok(hash) => hash,
        Err(failed) => return sign_in::busy(&call, &failed).await,
    };
    let digest = token.digest(&*app.engine);
    match app
        .personas
        .finish_reset(&digest, &hash, call.arrival.at)
        .await
    {
        Err(error) => call.unavailable(&error).await,
        Ok(None) => worthless(&call).await,
        Ok(Some(_)) => {
            let lines = ["Your new password holds, and you were signed out everywhere."];
            let link = Some(Link::new("Sign in", "/activation/sign-in".to_owned()));
            call.message(StatusCode::OK, "The password is changed", &lines, link)
                .await
        }
    }
}

/// The link's token, if it still resets a password, and the name of whose.
async fn reset_of(call: &Call) -> Result<(ResetToken, Username), Response> {
    if !call
        .app
        .throttles
        .reset
        .admit(call.origin(), call.arrival.at)
    {
        return Err(call.too_often().await);
    }
    let Some(token) = ResetToken::parse(call.fields.text("reset")) else {
        return Err(worthless(call).await);
    };
    let digest = token.digest(&*call.app.engine);
    match call.app.personas.reset_for(&digest, call.arrival.at).await {
        Err(error) => Err(call.unavailable(&error).await),
        Ok(None) => Err(worthless(call).await),
        Ok(Some(username)) => Ok((token, username)),
    }
}

/// Writes to the account of this name, if there is one with an address.
async fn write(app: &App, name: &Username, event: EventId, now: Timestamp) {
    let account = match app.personas.account(name).await {
        Ok(account) => account,
        Err(error) => {
            tracing::error!(%error, "a password was not reset");
            return;
        }
    };
    let Some((account, to)) = account.and_then(|account| {
        let to = account.email.clone()?;
        Some((account, to))
    }) else {
        return;
    };
    let token = app.chance.make(ResetToken::generate);
    let until = Timestamp::from_unix_ms(now.unix_ms().saturating_add(RESET_MS));
    let digest = token.digest(&*app.engine);
    if let Err(error) = app
        .personas
        .begin_reset(account.persona, &digest, until)
        .await
    {
        tracing::error!(%error, "a password was not reset");
        return;
    }
    let link = app.settings.public_url.to("/activation/reset/choose");
    let letter = Letter {
        id: event,
        to,
        subject: "Your new password",
        text: Zeroizing::new(format!(
            "Somebody, probably you, asked for a new password for the account {name} at {}.\n\n\
             Choose it here within one hour:\n\n{link}?reset={}\n\n\
             If it was not you, do nothing: your password stays as it is.\n",
            app.settings.service,
            *token.reveal(),
        )),
    };
    if let Err(error) = app.mailer.send(&letter).await {
        let reason = causes(&error);
        tracing::error!(request.id = %event, reason, "a letter was not sent");
    }
}

async fn worthless(call: &Call) -> Response {
    let lines = ["It was used, or an hour has passed, or a newer letter was sent."];
    let link = Some(Link::new("Ask for another", "/activation/reset".to_owned()));
    call.message(StatusCode::GONE, "This link is over", &lines, link)
        .await
}

async fn ask_form(call: &Call, status: StatusCode, fault: Option<&str>) -> Response {
    let field = Field::text("username", "User name")
        .autocomplete("username")
        .value(call.fields.text("username"))
        .fault(fault);
    let page = ResetAsk {
        frame: call.frame().await,
        fault: None,
        fields: vec![field],
    };
    answer::page(status, &page)
}

async fn choose_form(call: &Call, status: StatusCode, fault: Option<&str>) -> Response {
    let field = Field::password("password", "New password")
        .hint("At least 10 characters; a few words do well")
        .fault(fault);
    let page = ResetChoose {
        frame: call.frame().await,
        fault: None,
        fields: vec![field],
        reset: call.fields.text("reset").to_owned(),
    };
    answer::page(status, &page)
}
