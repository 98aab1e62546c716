//! `colophon-reader info`.

use std::fmt::Write;
use std::process::ExitCode;

use colophon_reader::About;
use colophon_reader::reading::printable;
use colophon_title::SignatureStatus;
use serde_json::json;

use crate::cli::arguments::Chosen;
use crate::cli::failure::Failure;
use crate::cli::output::{
    about_json, authors, level_words, note, origin_words, print, print_json, signer_words,
};
use crate::cli::places::Places;
use crate::cli::rights::{granted_by, licensee, rights};
use crate::cli::standing::{Standing, varies};

pub(crate) fn run(places: &Places, chosen: &Chosen, json: bool) -> Result<ExitCode, Failure> {
    let (path, mut document) = chosen.open(places)?;
    // Info is about the copy. Where its license does not say it all, the secure repository is asked
    // too, and why that gives no answer is told beside it; elsewhere nothing is said of this reader.
    let license = document.about().license.as_ref();
    let standing = match license.is_some_and(|report| varies(&report.license.rights)) {
        true => Standing::of(places, &path, &mut document).unwrap_or_else(|failure| {
            note(&failure.words());
            None
        }),
        false => None,
    };
    let about = document.about();
    if json {
        let mut value = about_json(&path, about);
        if let Some(members) = value.as_object_mut() {
            members.insert("now".to_owned(), json!(standing.map(|now| now.json())));
        }
        print_json(&value)?;
    } else {
        print(&words(about, standing.as_ref()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn words(about: &About, standing: Option<&Standing>) -> String {
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
    if let Some(report) = &about.license {
        if let Some(persona) = licensee(&report.license) {
            let _infallible = writeln!(words, "{:<11} {persona}", "Licensed to");
        }
        let _infallible = writeln!(words, "{:<11} {}", "Licensed by", granted_by(report));
        for right in rights(&report.license) {
            let _infallible = writeln!(words, "{:<11} {right}", "May");
        }
        for now in standing
            .map(|standing| standing.words(&report.license))
            .unwrap_or_default()
        {
            let _infallible = writeln!(words, "{:<11} {now}", "Now");
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
