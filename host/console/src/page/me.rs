//! `GET /activation/me`, `POST /activation/me/release`: a persona's devices.

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
    let notice = match call.fields.text("released") {
        "yes" => Some("The device was released."),
        _ => None,
    };
    list(&call, persona, StatusCode::OK, notice, None).await
}

pub(crate) async fn release(call: Call) -> Response {
    let Some(persona) = call.visitor.persona() else {
        return answer::see_other("/activation/sign-in");
    };
    let devices = match call.app.activations.devices(persona.record).await {
        Ok(devices) => devices,
        Err(error) => return call.unavailable(&error).await,
    };
    let wanted = call.fields.text("device");
    let device = devices
        .iter()
        .find(|device| device.record.to_string() == wanted && device.released_at.is_none());
    let Some(device) = device else {
        let fault = Some("This device is not on your list any more.");
        return list(&call, persona, StatusCode::NOT_FOUND, None, fault).await;
    };
    if call.fields.text("sure") != "yes" {
        let page = Release {
            frame: call.frame().await,
            device: line(device),
        };
        return answer::page(StatusCode::OK, &page);
    }
    let released = call
        .app
        .activations
        .release(persona.record, device.record, call.arrival.at);
    match released.await {
        // Released twice at once is released.
        Ok(_) => answer::see_other("/activation/me?released=yes"),
        Err(error) => call.unavailable(&error).await,
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
    };
    answer::page(status, &page)
}

fn line(device: &Device) -> DeviceLine {
    let name = device.name.as_ref();
    DeviceLine {
        id: device.record.to_string(),
        name: name.map_or("A device without a name".to_owned(), ToString::to_string),
        since: date(device.registered_at),
        is_released: device.released_at.is_some(),
    }
}
