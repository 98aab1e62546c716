//! Personas, their devices and what they have activated.

use anyhow::Result;
use colophon_core::activation::device::Device;
use colophon_core::activation::grant::Purpose;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::ports::{Activations as _, Settings as _};
use colophon_core::activation::quota::QuotaTerms;
use colophon_core::time::Clock as _;
use colophon_store::activation::{ActivationRow, PersonaRow};
use serde::Serialize;

use super::{date, instant};
use crate::house::{House, SystemClock};
use crate::output::{Output, table};

#[derive(Serialize)]
struct PersonaLine {
    persona: String,
    name: Option<String>,
    email: Option<String>,
    first_activation: Option<String>,
    used: u32,
    granted: u32,
    /// When one more is granted; none if the total is reached.
    next_grant: Option<String>,
    withdrawn: Option<String>,
}

#[derive(Serialize)]
struct ListLine {
    #[serde(flatten)]
    persona: PersonaLine,
    devices_in_use: u64,
    created: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    persona: PersonaLine,
    devices: Vec<DeviceLine>,
    activations: Vec<ActivationLine>,
}

#[derive(Serialize)]
struct DeviceLine {
    device: String,
    machine: String,
    name: Option<String>,
    reader: String,
    registered: String,
    activated: String,
    repeats: u32,
    released: Option<String>,
}

#[derive(Serialize)]
struct ActivationLine {
    at: String,
    device: String,
    purpose: &'static str,
    counted: bool,
    reader: String,
    finished: Option<String>,
    given_back: Option<String>,
}

pub(super) async fn list(house: &House, limit: u32, output: Output) -> Result<()> {
    let terms = house.activation.settings().await?.quota;
    let rows = house.activation.list_personas(limit).await?;
    let lines: Vec<ListLine> = rows.iter().map(|row| list_line(row, terms)).collect();
    output.print(&lines, |lines| {
        let cells = lines.iter().map(|line| {
            let persona = &line.persona;
            vec![
                persona.persona.clone(),
                persona.name.clone().unwrap_or_default(),
                persona.email.clone().unwrap_or_default(),
                persona.first_activation.clone().unwrap_or_default(),
                format!("{} of {}", persona.used, persona.granted),
                line.devices_in_use.to_string(),
                persona.withdrawn.clone().unwrap_or_default(),
            ]
        });
        table(
            &[
                "persona",
                "name",
                "e-mail",
                "first activation",
                "used",
                "devices in use",
                "revoked",
            ],
            cells,
        )
    })
}

pub(super) async fn show(house: &House, persona: &Persona, output: Output) -> Result<()> {
    let terms = house.activation.settings().await?.quota;
    let record = persona.record;
    let devices = house.activation.devices(record).await?;
    let activations = house.activation.list_activations(record).await?;
    let shown = Shown {
        persona: persona_line(persona, terms),
        devices: devices.iter().map(device_line).collect(),
        activations: activations.iter().map(activation_line).collect(),
    };
    output.print(&shown, page)
}

fn list_line(row: &PersonaRow, terms: QuotaTerms) -> ListLine {
    ListLine {
        persona: persona_line(&row.persona, terms),
        devices_in_use: row.devices,
        created: instant(row.created_at),
    }
}

fn persona_line(persona: &Persona, terms: QuotaTerms) -> PersonaLine {
    let now = SystemClock.now();
    let standing = persona.standing;
    PersonaLine {
        persona: persona.id.to_string(),
        name: persona.profile.name.as_ref().map(ToString::to_string),
        email: persona.profile.email.as_ref().map(ToString::to_string),
        first_activation: standing.first_activation.map(date),
        used: standing.used,
        granted: terms.granted(standing, now),
        next_grant: terms.grows_at(standing, now).map(date),
        withdrawn: persona.withdrawn_at.map(date),
    }
}

fn device_line(device: &Device) -> DeviceLine {
    DeviceLine {
        device: device.record.to_string(),
        machine: device.machine.to_string(),
        name: device.name.as_ref().map(ToString::to_string),
        reader: device.reader.to_string(),
        registered: instant(device.registered_at),
        activated: instant(device.activated_at),
        repeats: device.repeats,
        released: device.released_at.map(instant),
    }
}

fn activation_line(row: &ActivationRow) -> ActivationLine {
    ActivationLine {
        at: instant(row.at),
        device: row.device.to_string(),
        purpose: match row.purpose {
            Purpose::New => "new",
            Purpose::Recovery => "recovery",
        },
        counted: row.is_counted,
        reader: row.reader.to_string(),
        finished: row.finished_at.map(instant),
        given_back: row.given_back_at.map(instant),
    }
}

fn page(shown: &Shown) -> String {
    let persona = &shown.persona;
    let devices = shown.devices.iter().map(|device| {
        vec![
            short(&device.device),
            device.name.clone().unwrap_or_default(),
            device.reader.clone(),
            device.registered.clone(),
            device.activated.clone(),
            device.repeats.to_string(),
            device.released.clone().unwrap_or_default(),
        ]
    });
    let activations = shown.activations.iter().map(|activation| {
        let counted = match (&activation.given_back, activation.counted) {
            (Some(at), _) => format!("given back {at}"),
            (None, true) => "counted".to_owned(),
            (None, false) => "same machine".to_owned(),
        };
        vec![
            activation.at.clone(),
            short(&activation.device),
            activation.purpose.to_owned(),
            counted,
            activation.finished.clone().unwrap_or_default(),
        ]
    });
    let next = persona.next_grant.as_ref();
    let next = next.map_or(String::new(), |date| format!("; one more on {date}"));
    let withdrawn = persona.withdrawn.as_ref();
    let withdrawn = withdrawn.map_or(String::new(), |date| format!("\nRevoked on {date}."));
    format!(
        "{}: {} of {} activations used{next}{withdrawn}\n\n{}\n\n{}",
        persona.persona,
        persona.used,
        persona.granted,
        table(
            &[
                "device",
                "name",
                "reader",
                "first activated (UTC)",
                "last activated (UTC)",
                "again",
                "released (UTC)",
            ],
            devices
        ),
        table(
            &["activated (UTC)", "device", "for", "", "package made (UTC)"],
            activations
        ),
    )
}

/// Enough digits to name a device by.
fn short(device: &str) -> String {
    device.chars().take(8).collect()
}
