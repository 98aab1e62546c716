//! `colophon-reader trust`.

use std::process::ExitCode;

use colophon_reader::reading::printable;
use colophon_reader::{Trusted, TrustedKind};
use serde_json::{Value, json};

use crate::cli::arguments::TrustCommand;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{day, print, print_json};
use crate::cli::places::Places;

pub(crate) fn run(
    places: &Places,
    command: &TrustCommand,
    json: bool,
) -> Result<ExitCode, Failure> {
    let failed = |error| Failure::trusting(&error);
    let (what, list) = match command {
        TrustCommand::Add { file } => {
            let bytes = std::fs::read(file).map_err(|error| {
                Failure::new(Exit::Failed, format!("{}: {error}", file.display()))
            })?;
            ("Trusted", places.trust.add(&bytes).map_err(failed)?)
        }
        TrustCommand::List => ("", places.trust.list().map_err(failed)?),
        TrustCommand::Remove { fingerprint } => (
            "Removed",
            vec![places.trust.remove(fingerprint).map_err(failed)?],
        ),
    };
    if json {
        print_json(&Value::Array(list.iter().map(trusted_json).collect()))?;
    } else if list.is_empty() {
        print(
            "No authority is trusted, so no title's origin can be proven. \
             Trust one with: colophon-reader trust add FILE\n",
        )?;
    } else {
        for trusted in &list {
            print(&format!(
                "{what}{}{}\n",
                if what.is_empty() { "" } else { ": " },
                words(trusted)
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn words(trusted: &Trusted) -> String {
    let kind = match trusted.kind {
        TrustedKind::Root => "authority",
        TrustedKind::RevocationList => "revocation list of",
    };
    let until = trusted
        .until_unix_s
        .map_or_else(String::new, |until| format!(" to {}", day(until)));
    let short: String = trusted.fingerprint.chars().take(16).collect();
    let subject = printable(&trusted.subject);
    format!(
        "{short}  {kind} {subject}, {}{until}",
        day(trusted.from_unix_s)
    )
}

fn trusted_json(trusted: &Trusted) -> Value {
    let kind = match trusted.kind {
        TrustedKind::Root => "root",
        TrustedKind::RevocationList => "revocation-list",
    };
    json!({
        "kind": kind,
        "fingerprint": trusted.fingerprint,
        "subject": trusted.subject,
        "from": day(trusted.from_unix_s),
        "until": trusted.until_unix_s.map(day),
    })
}
