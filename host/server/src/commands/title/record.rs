//! How a title is printed.

use colophon_core::catalog::{Availability, StoredForm};
use colophon_store::titles::TitleRecord;
use colophon_title::license::Delegation;
use serde::Serialize;

use crate::commands::delegation::{certificate_text, day};
use crate::commands::rights::rights_text;
use crate::output::{hex, table};

/// A title as commands print it.
#[derive(Serialize)]
pub(super) struct TitleRow {
    title_id: String,
    book_id: String,
    book_id_type: String,
    title: String,
    authors: Vec<String>,
    language: Option<String>,
    media_type: String,
    level: u8,
    signatures: Vec<&'static str>,
    availability: &'static str,
    price: Option<String>,
    root: String,
    location: String,
    /// What its licenses grant; left out: what the center's licenses grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
    /// Who lets the center grant them, the nearest first; left out: the center grants on its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delegated_by: Vec<String>,
    /// Until when, in seconds since 1970; left out: without an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    delegated_until: Option<i64>,
    forms: Vec<FormRow>,
}

#[derive(Serialize)]
struct FormRow {
    form: &'static str,
    version: String,
    object: String,
    bytes: u64,
    sha256: String,
}

impl TitleRow {
    pub(super) fn of(title: &TitleRecord) -> Self {
        let facts = &title.facts;
        let forms = [
            ("clear", &facts.forms.clear),
            ("sealed", &facts.forms.sealed),
            ("licensed", &facts.forms.licensed),
        ];
        Self {
            title_id: facts.title_id.to_string(),
            book_id: facts.book.id.to_string(),
            book_id_type: facts.book.id_type.to_string(),
            title: facts.title.clone(),
            authors: facts.authors.clone(),
            language: facts.language.clone(),
            media_type: facts.media_type.as_str().to_owned(),
            level: facts.min_level.as_number(),
            signatures: facts.signatures.iter().map(|role| role.as_str()).collect(),
            availability: match facts.availability {
                Availability::Ready => "ready",
                Availability::Withdrawn => "withdrawn",
            },
            price: facts
                .price
                .as_ref()
                .map(|price| format!("{} {}", price.minor, price.currency)),
            root: facts.location.root.as_str().to_owned(),
            location: facts.location.path.to_string(),
            rights: facts.rights.own().map(|own| rights_text(own)),
            delegated_by: facts.rights.delegation().map(grantors).unwrap_or_default(),
            delegated_until: facts
                .rights
                .delegation()
                .and_then(|delegation| delegation.license().grants_until_unix_s),
            forms: forms
                .iter()
                .filter_map(|(name, form)| Some(form_row(name, form.as_ref()?)))
                .collect(),
        }
    }

    /// One title, for people.
    pub(super) fn page(&self) -> String {
        let forms = self
            .forms
            .iter()
            .map(|form| format!("{} ({} bytes)", form.form, form.bytes));
        let rows = [
            ("title", self.title.clone()),
            ("authors", self.authors.join(", ")),
            ("Book ID", format!("{} {}", self.book_id_type, self.book_id)),
            ("media type", self.media_type.clone()),
            ("least level", self.level.to_string()),
            ("signatures", self.signatures.join(", ")),
            ("availability", self.availability.to_owned()),
            (
                "price (minor units)",
                self.price.clone().unwrap_or_default(),
            ),
            (
                "licenses grant",
                self.rights
                    .clone()
                    .unwrap_or_else(|| "as the center's".to_owned()),
            ),
            (
                "delegated by",
                delegated(&self.delegated_by, self.delegated_until),
            ),
            ("kept as", forms.collect::<Vec<_>>().join(", ")),
            ("location", format!("{}:{}", self.root, self.location)),
        ];
        table(
            &["", ""],
            rows.map(|(name, value)| vec![name.to_owned(), value]),
        )
    }

    /// Many titles, for people.
    pub(super) fn table(rows: &[Self]) -> String {
        let cells = rows.iter().map(|row| {
            vec![
                format!("{} {}", row.book_id_type, row.book_id),
                row.title.clone(),
                row.authors.join(", "),
                row.level.to_string(),
                row.signatures.join(", "),
                row.availability.to_owned(),
            ]
        });
        table(
            &[
                "Book ID",
                "title",
                "authors",
                "level",
                "signatures",
                "availability",
            ],
            cells,
        )
    }
}

/// Who let the center grant, for people.
fn delegated(delegated_by: &[String], until: Option<i64>) -> String {
    if delegated_by.is_empty() {
        return "nobody else".to_owned();
    }
    let until = until.map(|end| format!(", until {}", day(end)));
    delegated_by.join(", who holds it from ") + &until.unwrap_or_default()
}

fn grantors(delegation: &Delegation) -> Vec<String> {
    let grantors = delegation.grantors().iter();
    let certificates = grantors.filter_map(|grantor| grantor.chain.first());
    certificates.map(|der| certificate_text(der)).collect()
}

fn form_row(name: &'static str, form: &StoredForm) -> FormRow {
    FormRow {
        form: name,
        version: form.version.to_string(),
        object: form.object.to_string(),
        bytes: form.size,
        sha256: hex(&form.sha256),
    }
}
