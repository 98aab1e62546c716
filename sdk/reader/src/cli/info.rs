//! `colophon-reader info`.

use std::fmt::Write;
use std::process::ExitCode;

use colophon_reader::About;
use colophon_reader::reading::printable;
use colophon_title::SignatureStatus;

use crate::cli::arguments::Chosen;
use crate::cli::failure::Failure;
use crate::cli::output::{
    about_json, authors, level_words, origin_words, print, print_json, signer_words,
};
use crate::cli::places::Places;
use crate::cli::rights::rights;

pub(crate) fn run(places: &Places, chosen: &Chosen, json: bool) -> Result<ExitCode, Failure> {
    let (path, document) = chosen.open(places)?;
    if json {
        print_json(&about_json(&path, document.about()))?;
    } else {
        print(&words(document.about()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn words(about: &About) -> String {
    let book_id = about
        .book_id
        .as_ref()
        .map(|(id, kind)| format!("{kind} {id}"));
    let lines = [
        ("Title", Some(about.title.clone())),
        (
            "Author",
            Some(authors(about)).filter(|authors| !authors.is_empty()),
        ),
        ("Belongs to", about.owner.clone()),
        ("Publisher", about.publisher.clone()),
        ("Language", about.language.clone()),
        ("Copyright", about.copyright.clone()),
        ("Book ID", book_id),
        ("Content", Some(about.media_type.to_string())),
        ("Level", Some(level_words(about).to_owned())),
        ("Origin", Some(origin_words(about))),
    ];
    let mut words = String::new();
    for (name, text) in lines {
        if let Some(text) = text {
            // Writing to memory does not fail.
            let _infallible = writeln!(words, "{name:<11} {}", printable(&text));
        }
    }
    if let Some(license) = &about.license {
        for right in rights(license) {
            let _infallible = writeln!(words, "{:<11} {right}", "May");
        }
    }
    for report in &about.signatures {
        let status = match report.status {
            SignatureStatus::Valid => "trusted",
            SignatureStatus::Untrusted => "intact, but under no root you trust",
        };
        let issuer = printable(&report.issuer);
        let _infallible = writeln!(
            words,
            "Signature   {}, issued by {issuer}: {status}",
            signer_words(report)
        );
    }
    words
}
