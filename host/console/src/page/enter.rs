//! `GET`, `POST /activation`: the code that a reader shows is typed here.

use axum::response::Response;
use colophon_core::activation::token::UserCode;
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::view::{Enter, Field};

pub(crate) async fn show(call: Call) -> Response {
    form(&call, StatusCode::OK, None).await
}

pub(crate) async fn take(call: Call) -> Response {
    if !call
        .app
        .throttles
        .codes
        .admit(call.origin(), call.arrival.at)
    {
        return call.too_often().await;
    }
    let Some(code) = UserCode::parse(call.fields.text("user_code")) else {
        let fault = "A code has eight letters, such as WDJB-MJHT.";
        return form(&call, StatusCode::UNPROCESSABLE_ENTITY, Some(fault)).await;
    };
    let digest = code.digest(&*call.app.engine);
    let found = call.app.grants.by_user_code(&digest, call.arrival.at).await;
    match found {
        Err(error) => call.unavailable(&error).await,
        Ok(None) => {
            let fault = "No reader waits with this code. Compare it with the one your reader \
                         shows; after half an hour it shows a new one.";
            form(&call, StatusCode::NOT_FOUND, Some(fault)).await
        }
        Ok(Some(_)) => {
            call.app.throttles.codes.refund(&call.origin());
            let mut journey = call.journey();
            journey.user_code = Some(code.to_string());
            answer::see_other(&journey.to("/activation/approve"))
        }
    }
}

async fn form(call: &Call, status: StatusCode, fault: Option<&str>) -> Response {
    let field = Field {
        chars_max: 20,
        ..Field::text("user_code", "Code")
    };
    let field = field
        .autocomplete("one-time-code")
        .hint("Eight letters, such as WDJB-MJHT")
        .code()
        .value(call.fields.text("user_code"))
        .fault(fault);
    let page = Enter {
        frame: call.frame().await,
        fault: None,
        fields: vec![field],
    };
    answer::page(status, &page)
}
