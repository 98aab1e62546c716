//! `colophon-reader certificate`.

use std::path::Path;
use std::process::ExitCode;

use colophon_reader::reading::printable;
use colophon_reader::{Center, FormPeriod, SystemRandom};
use jiff::Timestamp;
use serde_json::json;

use crate::cli::arguments::CertificateArguments;
use crate::cli::connect::network;
use crate::cli::failure::{Exit, Failure, chain};
use crate::cli::output::{day, note, print, print_json};
use crate::cli::places::Places;

const DAY_S: i64 = 86_400;

pub(crate) fn run(
    places: &Places,
    arguments: &CertificateArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    let activation = places.activation()?;
    let activation = activation.ok_or_else(Failure::not_activated)?;
    let now = Timestamp::now().as_second();
    let center = center(places, arguments, now)?;
    let days = i64::from(arguments.days.get());
    let until = now.saturating_add(days.saturating_mul(DAY_S));
    let period = FormPeriod {
        from_unix_s: now,
        until_unix_s: until.min(activation.certificate_until_unix_s()),
    };
    let sealed = center.upload_form(&activation, period, &mut SystemRandom);
    let sealed = sealed.map_err(|error| {
        Failure::new(Exit::Failed, chain(&error))
            .with_next("if the certificate has ended: colophon-reader activate --again")
    })?;
    if json {
        print_json(&json!({
            "form": sealed.form,
            "center": center.id().as_str(),
            "persona": activation.persona().as_str(),
            "until": day(sealed.until_unix_s),
        }))?;
    } else {
        print(&format!("{}\n", sealed.form))?;
        note(&format!(
            "for the center {} alone, of {}, good until {}",
            center.id(),
            printable(activation.persona().as_str()),
            day(sealed.until_unix_s)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The center that is meant: the one a file is the certificate of, else the one at an address.
fn center(places: &Places, arguments: &CertificateArguments, now: i64) -> Result<Center, Failure> {
    let roots = places.roots()?;
    let file = Path::new(&arguments.center);
    let center = if file.is_file() {
        let pem = std::fs::read(file);
        let pem = pem
            .map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", file.display())))?;
        Center::judge(&pem, &roots, now)
    } else {
        let address = arguments.center.parse().map_err(|refused| {
            Failure::new(
                Exit::Failed,
                format!("{}: {}", arguments.center, chain(&refused)),
            )
            .with_next(
                "name a center like https://books.example/main, or a file with its certificate",
            )
        })?;
        let settings = places.settings()?;
        let network = network(settings.tls_root(arguments.tls_root.as_deref()))?;
        Center::fetch(&network, &address, &roots, now)
    };
    center.map_err(|error| Failure::center(&error))
}
