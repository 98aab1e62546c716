//! `GET /activation/me`, `POST /activation/me/release`: a persona's devices.

pub(crate) mod password;
pub(crate) mod rename;

use axum::response::Response;
use colophon_core::activation::device::Device;
use colophon_core::activation::persona::Persona;
use http::StatusCode;

use crate::answer;
use crate::call::Call;
use crate::view::{DeviceLine, Gauge, Me, Release, date};

pub(crate) async fn show(call: Call) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return answer::see_other(&call.journey().to("/activation/sign-in"));
    };
    let notice = match call.fields.text("done") {
        "released" => Some("The device was released. Its activation stays counted."),
        "renamed" => Some("The device has its new name."),
        "password" => Some("Your new password holds, and you were signed out everywhere else."),
        _ => None,
    };
    list(&call, persona, StatusCode::OK, notice, None).await
}

pub(crate) async fn release(call: Call) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return answer::see_other("/activation/sign-in");
    };
    let device = match device(&call, persona).await {
        Ok(device) => device,
        Err(response) => return response,
    };
    if call.fields.text("sure") != "yes" {
        let page = Release {
            frame: call.frame().await,
            device: line(&device),
        };
        return answer::page(StatusCode::OK, &page);
    }
    let released = call
        .app
        .activations
        .release(persona.record, device.record, call.arrival.at);
    match released.await {
        // Released twice at once is released.
        Ok(_) => answer::see_other("/activation/me?done=released"),
        Err(error) => call.unavailable(&error).await,
    }
}

/// The device in use that a form is about, or the list without it.
async fn device(call: &Call, persona: &Persona) -> Result<Device, Response> {
    let devices = match call.app.activations.devices(persona.record).await {
        Ok(devices) => devices,
        Err(error) => return Err(call.unavailable(&error).await),
    };
    let wanted = call.fields.text("device");
    let device = devices
        .into_iter()
        .find(|device| device.record.to_string() == wanted && device.released_at.is_none());
    match device {
        Some(device) => Ok(device),
        None => {
            let fault = Some("This device is not on your list any more.");
            Err(list(call, persona, StatusCode::NOT_FOUND, None, fault).await)
        }
    }
}

async fn list(
    call: &Call,
    persona: &Persona,
    status: StatusCode,
    notice: Option<&str>,
    fault: Option<&str>,
) -> Response {
    let devices = match call.app.activations.devices(persona.record).await {
        Ok(devices) => devices,
        Err(error) => return call.unavailable(&error).await,
    };
    let account = match call.app.personas.account_of(persona.record).await {
        Ok(account) => account,
        Err(error) => return call.unavailable(&error).await,
    };
    let kept = call.app.kept().await;
    let gauge = Gauge::of(kept.quota, persona.standing, call.arrival.at);
    let page = Me {
        frame: call.frame().await,
        fault: fault.map(str::to_owned),
        notice: notice.map(str::to_owned),
        gauge: gauge.line,
        used: gauge.used,
        granted: gauge.granted,
        next: gauge.next,
        devices: devices.iter().map(line).collect(),
        persona: persona.id.to_string(),
        email: persona.profile.email.as_ref().map(ToString::to_string),
        has_password: account.is_some(),
    };
    answer::page(status, &page)
}

fn line(device: &Device) -> DeviceLine {
    let name = device.name.as_ref();
    DeviceLine {
        id: device.record.to_string(),
        name: name.map_or("A device without a name".to_owned(), ToString::to_string),
        since: date(device.registered_at),
        released: device.released_at.map(date),
    }
}
