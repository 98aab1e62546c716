//! `GET`, `POST /activation/sign-up`: a built-in account with its persona.
//!
//! That a name is taken has to be said here, so the throttle is what keeps names from being
//! listed.

use axum::response::Response;
use colophon_core::activation::persona::{NewAccount, PasswordHash, Profile};
use colophon_core::activation::ports::SignUpRefused;
use colophon_core::activation::text::{EmailAddress, Namespace, PersonName, Username};
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::page::sign_in;
use crate::password::{CHARS_MIN, Password, WeakPassword};
use crate::view::{Field, SignUp};

/// What is wrong with each field.
#[derive(Default)]
struct Faults {
    name: Option<&'static str>,
    username: Option<&'static str>,
    email: Option<&'static str>,
    password: Option<&'static str>,
}

/// Who signs up, of a form without a fault.
struct Newcomer {
    name: PersonName,
    username: Username,
    email: EmailAddress,
}

pub(crate) async fn show(call: Call) -> Response {
    if call.app.settings.accounts.is_none() {
        return call.unknown().await;
    }
    form(&call, StatusCode::OK, Faults::default()).await
}

pub(crate) async fn take(call: Call) -> Response {
    let Some(namespace) = call.app.settings.accounts.clone() else {
        return call.unknown().await;
    };
    let (newcomer, password) = match read(&call) {
        Ok(read) => read,
        Err(faults) => return form(&call, StatusCode::UNPROCESSABLE_ENTITY, faults).await,
    };
    if !call
        .app
        .throttles
        .sign_up
        .admit(call.origin(), call.arrival.at)
    {
        return call.too_often().await;
    }
    let hashed = call.app.hasher.hash(password, call.app.chance.salt());
    let password = match hashed.await {
        Ok(password) => password,
        Err(failed) => return sign_in::busy(&call, &failed).await,
    };
    let Some(account) = account(&namespace, newcomer, password) else {
        return call.unknown().await;
    };
    match call.app.personas.sign_up(&account, call.arrival.at).await {
        Ok(persona) => {
            let mut response = answer::see_other(&sign_in::onward(&call.journey()));
            let signed_in =
                call.visitor
                    .sign_in(&call.app, persona, &mut response, call.arrival.at);
            match signed_in.await {
                Ok(()) => response,
                Err(error) => call.unavailable(&error).await,
            }
        }
        Err(SignUpRefused::UsernameTaken) => {
            let faults = Faults {
                username: Some("This name is taken. Choose another."),
                ..Faults::default()
            };
            form(&call, StatusCode::CONFLICT, faults).await
        }
        Err(SignUpRefused::Unavailable(error)) => call.unavailable(&error).await,
    }
}

fn account(
    namespace: &Namespace,
    newcomer: Newcomer,
    password: PasswordHash,
) -> Option<NewAccount> {
    // Both parts are short enough to make a persona id.
    let persona = namespace.persona(&newcomer.username).ok()?;
    Some(NewAccount {
        persona,
        username: newcomer.username,
        password,
        profile: Profile {
            name: Some(newcomer.name),
            email: Some(newcomer.email),
        },
    })
}

fn read(call: &Call) -> Result<(Newcomer, Password), Faults> {
    let text = |name: &str| call.fields.text(name);
    let name = text("name").parse::<PersonName>();
    let username = text("username").parse::<Username>();
    let email = text("email").parse::<EmailAddress>();
    let own = username.as_ref().map_or("", Username::as_str);
    let password = Password::new(text("password"), own);
    match (name, username, email, password) {
        (Ok(name), Ok(username), Ok(email), Ok(password)) => {
            let newcomer = Newcomer {
                name,
                username,
                email,
            };
            Ok((newcomer, password))
        }
        (name, username, email, password) => Err(Faults {
            name: name.err().map(|_| "Tell us what to call you."),
            username: username.err().map(|_| {
                "Choose 3 to 32 small letters, digits, points, hyphens or underscores, with a \
                 letter or digit at both ends."
            }),
            email: email.err().map(|_| "This is not an e-mail address."),
            password: password.err().map(weakness),
        }),
    }
}

/// What is wrong with a new password.
pub(super) fn weakness(weak: WeakPassword) -> &'static str {
    const { assert!(CHARS_MIN == 10) };
    match weak {
        WeakPassword::TooShort => "Choose at least 10 characters; a few words do well.",
        WeakPassword::TooLong => "This is longer than 256 bytes.",
        WeakPassword::Guessable => "This is too easy to guess.",
    }
}

async fn form(call: &Call, status: StatusCode, faults: Faults) -> Response {
    let typed = |name: &str| call.fields.text(name).to_owned();
    let has_fault = [faults.name, faults.username, faults.email, faults.password]
        .iter()
        .any(Option::is_some);
    let page = SignUp {
        frame: call.frame().await,
        fault: has_fault.then(|| "Not everything could be read. See below.".to_owned()),
        fields: vec![
            Field::text("name", "Your name")
                .autocomplete("name")
                .value(&typed("name"))
                .fault(faults.name),
            Field::text("username", "User name")
                .autocomplete("username")
                .hint("What you sign in with")
                .value(&typed("username"))
                .fault(faults.username),
            Field::text("email", "E-mail address")
                .kind("email")
                .autocomplete("email")
                .hint("We write to it only when you forget your password")
                .value(&typed("email"))
                .fault(faults.email),
            Field::password("password", "Password")
                .hint("At least 10 characters; a few words do well")
                .fault(faults.password),
        ],
    };
    answer::page(status, &page)
}
