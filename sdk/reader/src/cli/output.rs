//! What is printed, for people and for programs.

use std::io::{self, Write};
use std::path::Path;

use colophon_reader::reading::printable;
use colophon_reader::{About, Origin};
use colophon_title::{Level, SignatureReport, SignatureStatus, SignerRoles};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::failure::Failure;
use crate::cli::rights::{license_json, rights_json};

/// Prints text for people.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever read the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| Failure::printing(&error)),
    }
}

/// Says something beside the outcome, on standard error.
pub(crate) fn note(words: &str) {
    let words = format!("note: {}\n", printable(words));
    // There is nobody left to tell that standard error is closed.
    let _unheard = io::stderr().write_all(words.as_bytes());
}

/// Prints a value for programs.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// The level in words. Signatures on top of level 2 or 3 make it level 4; whether they can be
/// trusted is a matter of the origin.
pub(crate) fn level_words(about: &About) -> &'static str {
    match (about.level, about.signatures.is_empty()) {
        (Level::Clear, _) => "1, unprotected",
        (Level::SourceSealed, true) => "2, source sealed",
        (Level::IndividuallySealed, true) => "3, individually sealed",
        (Level::SourceSealed, false) => "4, source sealed and signed",
        (Level::IndividuallySealed, false) => "4, individually sealed and signed",
        (Level::FullyIndividualized, _) => "5, fully individualized",
    }
}

/// The authors in one line; nothing where none is named.
pub(crate) fn authors(about: &About) -> String {
    printable(&about.authors.join(", ")).into_owned()
}

/// How far the origin is proven, in words.
pub(crate) fn origin_words(about: &About) -> String {
    match &about.origin {
        Origin::Proven => {
            let valid = |report: &&SignatureReport| report.status == SignatureStatus::Valid;
            let trusted = about.signatures.iter().filter(valid);
            let signers: Vec<_> = trusted.map(signer_words).collect();
            format!("proven: {}", signers.join("; "))
        }
        Origin::Unproven { missing } if about.signatures.is_empty() => {
            format!("unsigned, origin unproven{}", demanded(*missing))
        }
        Origin::Unproven { missing } => {
            format!(
                "signed by nobody you trust, origin unproven{}",
                demanded(*missing)
            )
        }
        Origin::Unprotected => "nothing binds this file to its origin".to_owned(),
    }
}

fn demanded(missing: SignerRoles) -> String {
    let roles: Vec<_> = missing.iter().map(|role| role.as_str()).collect();
    if roles.is_empty() {
        String::new()
    } else {
        format!(" (the title must be signed by: {})", roles.join(", "))
    }
}

/// One signer with the certificate's name.
pub(crate) fn signer_words(report: &SignatureReport) -> String {
    let subject = printable(&report.subject).into_owned();
    format!(
        "{} signed by {subject}, {}",
        report.role,
        day(report.issued_at_unix_s)
    )
}

/// The date of a moment, in UTC.
pub(crate) fn day(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(
        |_| format!("{unix_s} s"),
        |time| time.strftime("%F").to_string(),
    )
}

/// A moment in UTC, to the minute unless it is midnight: what ends at noon lasts half the day.
pub(crate) fn moment(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(
        |_| format!("{unix_s} s"),
        |time| match unix_s.rem_euclid(86_400) {
            0 => time.strftime("%F").to_string(),
            _ => time.strftime("%F %H:%M UTC").to_string(),
        },
    )
}

/// Everything a document says of itself, for programs.
pub(crate) fn about_json(path: &Path, about: &About) -> Value {
    let (proven, missing) = match &about.origin {
        Origin::Proven => (Some(true), SignerRoles::default()),
        Origin::Unproven { missing } => (Some(false), *missing),
        Origin::Unprotected => (None, SignerRoles::default()),
    };
    let missing: Vec<_> = missing.iter().map(|role| role.as_str()).collect();
    let signatures: Vec<_> = about.signatures.iter().map(signature_json).collect();
    json!({
        "file": path,
        "title": about.title,
        "authors": about.authors,
        "owner": about.owner,
        "publisher": about.publisher,
        "language": about.language,
        "copyright": about.copyright,
        "book_id": about.book_id.as_ref().map(|(id, _)| id),
        "book_id_type": about.book_id.as_ref().map(|(_, kind)| kind),
        "media_type": about.media_type.as_str(),
        "level": about.level.as_number(),
        "cover": about.cover.as_ref().map(|path| path.as_str()),
        "origin_proven": proven,
        "missing_signatures": missing,
        "signatures": signatures,
        "license": about.license.as_ref().map(license_json),
        "rights": about.license.as_ref().map(|report| rights_json(&report.license)),
    })
}

fn signature_json(report: &SignatureReport) -> Value {
    let time = Timestamp::from_second(report.issued_at_unix_s);
    json!({
        "role": report.role.as_str(),
        "subject": report.subject,
        "issuer": report.issuer,
        "issued_at": time.map(|time| time.to_string()).ok(),
        "per_copy": report.per_copy,
        "trusted": report.status == SignatureStatus::Valid,
    })
}
