//! `POST /activation/me/rename`: another name for a device. Asked from the list, it shows the form.

use axum::response::Response;
use colophon_core::activation::device::Device;
use colophon_core::activation::text::DeviceName;
use http::StatusCode;

use super::{device, line};
use crate::answer;
use crate::call::Call;
use crate::page::approve::device_name;
use crate::view::{Field, Rename};

pub(crate) async fn take(call: Call) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return answer::see_other("/activation/sign-in");
    };
    let device = match device(&call, persona).await {
        Ok(device) => device,
        Err(response) => return response,
    };
    if call.fields.text("named") != "yes" {
        let name = device.name.as_ref().map_or("", DeviceName::as_str);
        return form(&call, &device, StatusCode::OK, name, None).await;
    }
    let typed = call.fields.text("device_name");
    let name = match device_name(typed) {
        Ok(name) => name,
        Err(fault) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return form(&call, &device, status, typed, Some(fault)).await;
        }
    };
    let renamed = call
        .app
        .activations
        .rename(persona.record, device.record, &name);
    match renamed.await {
        Ok(true) => answer::see_other("/activation/me?done=renamed"),
        // Released in the meantime.
        Ok(false) => answer::see_other("/activation/me"),
        Err(error) => call.unavailable(&error).await,
    }
}

async fn form(
    call: &Call,
    device: &Device,
    status: StatusCode,
    name: &str,
    fault: Option<&str>,
) -> Response {
    let field = Field::text("device_name", "Name of the device")
        .hint("For yourself, such as “Laptop” or “Kitchen tablet”")
        .value(name)
        .fault(fault);
    let page = Rename {
        frame: call.frame().await,
        device: line(device),
        fault: None,
        fields: vec![field],
    };
    answer::page(status, &page)
}
