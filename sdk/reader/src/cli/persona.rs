//! `colophon-reader persona`.

use std::path::Path;
use std::process::ExitCode;

use colophon_reader::reading::printable;
use colophon_reader::{Shop, SystemRandom};
use jiff::Timestamp;
use serde_json::json;

use crate::cli::arguments::PersonaArguments;
use crate::cli::connect::network;
use crate::cli::failure::{Exit, Failure, chain};
use crate::cli::output::{day, note, print, print_json};
use crate::cli::places::Places;

pub(crate) fn run(
    places: &Places,
    arguments: &PersonaArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    match &arguments.shop {
        Some(shop) => tell(places, arguments, shop, json)?,
        None => show(places, json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(places: &Places, json: bool) -> Result<(), Failure> {
    let activation = places.activation()?;
    let activation = activation.ok_or_else(Failure::not_activated)?;
    let persona = activation.persona().as_str();
    if json {
        print_json(&json!({
            "persona": persona,
            "machine": activation.machine().to_string(),
            "certificate_until": day(activation.certificate_until_unix_s()),
        }))
    } else {
        print(&format!("{}\n", printable(persona)))
    }
}

/// Prints the persona's id, sealed to a shop. It is not taken from the certificate.
fn tell(
    places: &Places,
    arguments: &PersonaArguments,
    shop: &str,
    json: bool,
) -> Result<(), Failure> {
    let persona = places.activation_folder.persona(&places.machine()?);
    let persona = persona.map_err(|error| Failure::persona(&error))?;
    let persona = persona.ok_or_else(Failure::not_activated)?;
    let now = Timestamp::now().as_second();
    let shop = find(places, arguments, shop, now)?;
    let told = shop.persona_form(&persona, now, &mut SystemRandom);
    let told = told.map_err(|error| {
        Failure::new(Exit::Failed, chain(&error)).with_next("ask the shop for its new certificate")
    })?;
    if json {
        return print_json(&json!({
            "form": told.form,
            "shop": shop.id().as_str(),
            "issuer": shop.issuer(),
            "persona": persona.as_str(),
            "until_unix_s": told.until_unix_s,
        }));
    }
    print(&format!("{}\n", told.form))?;
    note(&format!(
        "this tells the shop {}, for which {} vouches, and nobody else that you are {}; it is good \
         once, for {} minutes",
        shop.id(),
        printable(shop.issuer()),
        printable(persona.as_str()),
        told.until_unix_s.saturating_sub(now) / 60
    ));
    Ok(())
}

/// The shop that is meant: the one a file is the certificate of, else the one at an address.
fn find(
    places: &Places,
    arguments: &PersonaArguments,
    shop: &str,
    now: i64,
) -> Result<Shop, Failure> {
    let roots = places.roots()?;
    let file = Path::new(shop);
    let found = if file.is_file() {
        let pem = std::fs::read(file);
        let pem = pem
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", file.display())))?;
        Shop::judge(&pem, &roots, now)
    } else {
        let address = shop.parse().map_err(|refused| {
            Failure::new(Exit::Failed, format!("{shop}: {}", chain(&refused)))
                .with_next("name a file with the shop's certificate, or its https address")
        })?;
        let settings = places.settings()?;
        let network = network(settings.tls_root(arguments.tls_root.as_deref()))?;
        Shop::fetch(&network, &address, &roots, now)
    };
    found.map_err(|error| Failure::shop(&error))
}
