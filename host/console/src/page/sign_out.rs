//! `POST /activation/sign-out`.

use axum::response::Response;

use crate::answer;
use crate::call::Call;

pub(crate) async fn take(call: Call) -> Response {
    let mut response = answer::see_other("/activation");
    match call.visitor.sign_out(&call.app, &mut response).await {
        Ok(()) => response,
        Err(error) => call.unavailable(&error).await,
    }
}
