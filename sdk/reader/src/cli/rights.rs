//! What a license grants, in words and for programs.

use colophon_reader::reading::printable;
use colophon_title::license::{License, LicenseReport, Location, Period, Right, RightsGroup};
use serde_json::{Value, json};

use crate::cli::output::{day, moment};

/// Whom a license is for, if that is said.
pub(crate) fn licensee(license: &License) -> Option<String> {
    let owner = license.work.owner.as_ref()?;
    Some(printable(owner.object.id.as_str()).into_owned())
}

/// Who grants a license and when it did.
pub(crate) fn granted_by(report: &LicenseReport) -> String {
    let licensor = &report.license.licensor.object;
    let name = licensor.name.as_ref().unwrap_or(&licensor.id);
    format!(
        "{}, {} ({})",
        printable(name.as_str()),
        day(report.license.issued_at_unix_s),
        printable(&report.licensor_subject)
    )
}

/// The license, apart from what it grants, for programs.
pub(crate) fn license_json(report: &LicenseReport) -> Value {
    let license = &report.license;
    let owner = license.work.owner.as_ref();
    json!({
        "id": license.id.to_string(),
        "persona": owner.map(|owner| owner.object.id.as_str()),
        "licensor": license.licensor.object.id.as_str(),
        "licensor_subject": report.licensor_subject,
        "issued_at_unix_s": license.issued_at_unix_s,
    })
}

/// One line for each right. What is not named is not granted.
pub(crate) fn rights(license: &License) -> Vec<String> {
    let granted = license.rights.iter().flat_map(|group| {
        let rights = group.rights.iter();
        rights.map(move |right| words(group, right))
    });
    granted.collect()
}

fn words(group: &RightsGroup, right: &Right) -> String {
    let mut words = right.kind.as_str().to_owned();
    if let Some(count) = right.max_count {
        words.push_str(&format!(", {count} times"));
    }
    words.push_str(&period(group.bundle.period));
    let places = group.bundle.territory.iter().chain(&right.territory);
    let places: Vec<String> = places.map(place).collect();
    if !places.is_empty() {
        words.push_str(&format!(", in {}", places.join(" or ")));
    }
    if !right.fees.is_empty() {
        words.push_str(", for a fee, which this reader cannot pay");
    }
    if !right.tracking.is_empty() {
        words.push_str(", if somebody is told, which this reader does not do");
    }
    words
}

fn period(period: Period) -> String {
    let from = period
        .from_unix_s
        .map(|from| format!(", from {}", moment(from)));
    let until = period
        .until_unix_s
        .map(|until| format!(", until {}", moment(until)));
    from.unwrap_or_default() + &until.unwrap_or_default()
}

fn place(place: &Location) -> String {
    let country = String::from_utf8_lossy(&place.country).into_owned();
    let narrower = [&place.region, &place.city, &place.postal_code];
    let narrower = narrower.into_iter().flatten();
    let names = narrower.map(|name| printable(name.as_str()).into_owned());
    let names: Vec<String> = std::iter::once(country).chain(names).collect();
    names.join(" ")
}

/// The same for programs.
pub(crate) fn rights_json(license: &License) -> Value {
    let granted = license.rights.iter().flat_map(|group| {
        let rights = group.rights.iter();
        rights.map(move |right| {
            json!({
                "right": right.kind.as_str(),
                "count_max": right.max_count,
                "from_unix_s": group.bundle.period.from_unix_s,
                "until_unix_s": group.bundle.period.until_unix_s,
            })
        })
    });
    Value::Array(granted.collect())
}
