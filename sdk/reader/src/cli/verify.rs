//! `colophon-reader verify`.

use std::process::ExitCode;

use colophon_reader::{About, Origin};
use colophon_title::Level;
use serde_json::json;

use crate::cli::arguments::VerifyArguments;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{about_json, origin_words, print, print_json};
use crate::cli::places::Places;
use crate::cli::progress::shown;
use crate::cli::rights::{granted_by, licensee};
use crate::cli::standing::Standing;

pub(crate) fn run(
    places: &Places,
    arguments: &VerifyArguments,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (path, mut document) = arguments.chosen.open(places)?;
    let verified = shown(|progress| document.verify(progress));
    verified.map_err(|error| Failure::opening(&path, &error))?;
    // What else there is to know, an activated reader finds out by unlocking.
    let standing = Standing::of(places, &path, &mut document)?;
    let about = document.about();
    if json {
        let mut value = about_json(&path, about);
        if let Some(members) = value.as_object_mut() {
            members.insert("intact".to_owned(), json!(true));
            members.insert("now".to_owned(), json!(standing.map(|now| now.json())));
        }
        print_json(&value)?;
    } else {
        print(&words(about, document.is_locked(), standing.as_ref()))?;
    }
    match &about.origin {
        Origin::Unproven { .. } | Origin::Unprotected if arguments.strict => {
            Ok(Exit::OriginUnproven.into())
        }
        Origin::Unproven { .. } | Origin::Unprotected | Origin::Proven => Ok(ExitCode::SUCCESS),
    }
}

fn words(about: &About, locked: bool, standing: Option<&Standing>) -> String {
    let intact = match about.level {
        Level::FullyIndividualized if locked => {
            "Intact as far as can be seen before this reader is activated: every byte is as it was \
             stored, and the license is in order"
        }
        Level::Clear => "Readable: every part could be read. Nothing protects it from changes",
        Level::SourceSealed | Level::IndividuallySealed | Level::FullyIndividualized => {
            "Intact: every byte is as it was sealed"
        }
    };
    let mut words = format!("{intact}.\nOrigin: {}.\n", origin_words(about));
    if let Some(report) = &about.license {
        let persona = licensee(&report.license);
        let persona = persona.map(|persona| format!("to {persona} "));
        let persona = persona.unwrap_or_default();
        words.push_str(&format!("Licensed {persona}by {}.\n", granted_by(report)));
        for now in standing
            .map(|standing| standing.words(&report.license))
            .unwrap_or_default()
        {
            words.push_str(&format!("Now: {now}.\n"));
        }
    }
    words
}
