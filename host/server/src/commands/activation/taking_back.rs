//! What an operator takes back: devices, certificates, and everything about a persona.

use anyhow::{Context as _, Result, bail};
use colophon_core::activation::device::Device;
use colophon_core::activation::persona::Persona;
use colophon_core::activation::ports::{Activations as _, Personas as _};
use colophon_core::time::Clock as _;
use serde::Serialize;
use serde_json::json;

use super::{date, instant};
use crate::config::Config;
use crate::house::{House, SystemClock, publish_revoked, revoked_file};
use crate::output::{Output, confirm, hex, table};

#[derive(Serialize)]
struct RevokedLine {
    serial: String,
    revoked: String,
}

#[derive(Serialize)]
struct RevokedList {
    file: String,
    certificates: Vec<RevokedLine>,
}

pub(super) async fn release(
    house: &House,
    persona: &Persona,
    device: &str,
    give_back: bool,
    output: Output,
) -> Result<()> {
    let found = find(house, persona, device).await?;
    let device = found.record;
    let now = SystemClock.now();
    match give_back {
        true => {
            let given = house.activation.give_back(persona.record, device, now);
            given
                .await
                .context("the activation of the device was given back before")?;
        }
        false => {
            let released = house.activation.release(persona.record, device, now);
            if !released.await? {
                bail!(
                    "the device was released before; to give its activation back, add --give-back"
                );
            }
        }
    }
    let released = json!({
        "persona": persona.id.to_string(),
        "device": device.to_string(),
        "given_back": give_back,
    });
    output.print(&released, |_| match (give_back, found.released_at) {
        (true, None) => format!("Released {device} and gave its activation back."),
        (true, Some(at)) => format!(
            "Gave the activation of {device} back, which was released on {}.",
            date(at)
        ),
        (false, _) => format!(
            "Released {device}. Its activation stays counted; to give it back, repeat the command \
             with --give-back."
        ),
    })
}

/// The device whose id begins with these digits.
async fn find(house: &House, persona: &Persona, digits: &str) -> Result<Device> {
    let devices = house.activation.devices(persona.record).await?;
    let is_named =
        |device: &Device| !digits.is_empty() && device.record.to_string().starts_with(digits);
    let named: Vec<Device> = devices.into_iter().filter(is_named).collect();
    match named.as_slice() {
        [device] => Ok(device.clone()),
        [] => bail!(
            "{} has no device {digits:?}; see `colophon activation show {}`",
            persona.id,
            persona.id
        ),
        _ => bail!("{digits:?} are the first digits of several devices; write more of them"),
    }
}

pub(super) async fn revoke(
    house: &House,
    config: &Config,
    persona: &Persona,
    yes: bool,
    output: Output,
) -> Result<()> {
    let question = format!(
        "Take the certificates of {} back? Level 5 copies are then refused, and no device is activated.",
        persona.id
    );
    confirm(&question, yes)?;
    house
        .activation
        .withdraw(persona.record, SystemClock.now())
        .await?;
    let count = publish_revoked(house, config).await?;
    let file = revoked_file(config).display().to_string();
    let revoked = json!({ "persona": persona.id.to_string(), "file": file, "listed": count });
    output.print(&revoked, |_| {
        format!(
            "Took the certificates of {} back. {file} lists {count}; other hosts and readers need a copy.",
            persona.id
        )
    })
}

pub(super) async fn reinstate(house: &House, persona: &Persona, output: Output) -> Result<()> {
    house.activation.reinstate(persona.record).await?;
    let reinstated = json!({ "persona": persona.id.to_string() });
    output.print(&reinstated, |_| {
        format!(
            "{} may activate again; each device gets a new certificate then.",
            persona.id
        )
    })
}

pub(super) async fn revoked(house: &House, config: &Config, output: Output) -> Result<()> {
    let revoked = house
        .activation
        .revoked_certificates(SystemClock.now())
        .await?;
    publish_revoked(house, config).await?;
    let list = RevokedList {
        file: revoked_file(config).display().to_string(),
        certificates: revoked
            .iter()
            .map(|revoked| RevokedLine {
                serial: hex(&revoked.serial),
                revoked: instant(revoked.at),
            })
            .collect(),
    };
    output.print(&list, |list| {
        let cells = list
            .certificates
            .iter()
            .map(|line| vec![line.serial.clone(), line.revoked.clone()]);
        let list_text = table(&["serial number", "revoked (UTC)"], cells);
        format!("{list_text}\n\nWritten to {}.", list.file)
    })
}

pub(super) async fn erase(
    house: &House,
    config: &Config,
    persona: &Persona,
    yes: bool,
    output: Output,
) -> Result<()> {
    let question = format!(
        "Erase {} for good? What was bought for it opens on no further device.",
        persona.id
    );
    confirm(&question, yes)?;
    let erased = house.activation.erase(persona.record, SystemClock.now());
    if !erased.await? {
        bail!("the persona was erased before");
    }
    publish_revoked(house, config).await?;
    let gone = json!({ "persona": persona.id.to_string() });
    output.print(&gone, |_| {
        format!("Erased {}; its activations are still counted.", persona.id)
    })
}
