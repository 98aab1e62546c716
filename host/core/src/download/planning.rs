//! Stages five and six: the copy's file is named, and room for its log row asked for.

use colophon_title::{Level, MediaType};

use super::Downloads;
use super::authenticating::{Licensed, Licensee};
use super::opening::{Opened, purchase};
use crate::decide::Permit;
use crate::log::Purchase;
use crate::naming::{FileName, default_text, extension};
use crate::plugin::PluginCalls;
use crate::ports::Admission;
use crate::refusal::Refusal;

/// A permitted sale with the name its file will have.
pub(super) struct DownloadPlan {
    pub(super) permit: Permit,
    pub(super) licensee: Option<Licensee>,
    pub(super) file_name: FileName,
    pub(super) purchase: Purchase,
}

/// A plan that the outbox has promised a log row for.
pub(super) struct Admitted {
    pub(super) plan: DownloadPlan,
    pub(super) admission: Box<dyn Admission>,
}

impl Downloads {
    /// Asks the outbox for room, so that nothing is sent that could not be logged.
    pub(super) fn admit(&self, plan: DownloadPlan) -> Result<Admitted, Refusal> {
        let admission = self.outbox.admit().ok_or(Refusal::Busy)?;
        Ok(Admitted { plan, admission })
    }
}

/// Names the file. Naming may fail without harm: then the default rule names it.
pub(super) async fn plan(
    calls: &mut dyn PluginCalls,
    opened: &Opened,
    licensed: Licensed,
) -> DownloadPlan {
    let Licensed { permit, licensee } = licensed;
    let facts = &permit.facts;
    let wished = opened
        .receipt
        .claims
        .file_name
        .as_ref()
        .map(AsRef::<str>::as_ref);
    let extension = extension(&facts.media_type, permit.level != Level::Clear);
    let named = calls
        .file_name(naming_facts(&permit, wished, extension))
        .await;
    let text = named.unwrap_or_else(|_| default_text(facts, wished).to_owned());
    DownloadPlan {
        file_name: FileName::from_text(&text, extension),
        purchase: purchase(opened),
        permit,
        licensee,
    }
}

/// What the naming plug-in is told, under stable names.
fn naming_facts(permit: &Permit, wished: Option<&str>, extension: &str) -> Vec<(String, String)> {
    let facts = &permit.facts;
    let mut list = vec![
        ("title".to_owned(), facts.title.clone()),
        ("authors".to_owned(), facts.authors.join(", ")),
        ("book-id".to_owned(), facts.book.id.as_ref().to_owned()),
        (
            "book-id-type".to_owned(),
            facts.book.id_type.as_ref().to_owned(),
        ),
        (
            "media-type".to_owned(),
            facts.media_type.as_str().to_owned(),
        ),
        ("level".to_owned(), permit.level.as_number().to_string()),
        ("extension".to_owned(), extension.to_owned()),
    ];
    let optional = [
        ("language", facts.language.as_deref()),
        ("file-name", wished),
    ];
    list.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name.to_owned(), value.to_owned()))),
    );
    list
}

/// Sealed copies of anything but EPUB are Colophon containers.
pub(super) fn delivered_media_type(permit: &Permit) -> MediaType {
    let sealed = permit.level != Level::Clear;
    let container = sealed && !permit.facts.media_type.is_epub();
    if container {
        MediaType::container()
    } else {
        permit.facts.media_type.clone()
    }
}
