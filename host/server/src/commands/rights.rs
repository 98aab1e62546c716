//! Rights templates: read from files, tried, and shown.

use std::path::Path;

use anyhow::{Context as _, Result};
use colophon_core::time::Clock as _;
use colophon_title::license::RightsTemplate;

use crate::house::{SystemClock, rehearse_rights};

/// Reads a file with rights and makes a license with them on trial, so that no buyer is the first
/// to find out that there is none. What a second verifier found is said on standard error, and
/// which rights nobody can use.
pub(super) fn read_rights(file: &Path) -> Result<RightsTemplate> {
    let document =
        std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let unusable = || format!("{} cannot be used", file.display());
    let rights = RightsTemplate::read(&document).with_context(unusable)?;
    let now = SystemClock.now();
    let opinion = rehearse_rights(&rights, now).with_context(unusable)?;
    eprintln!("{}", opinion.sentence());
    for warning in warnings(&rights, now.unix_seconds().get()) {
        eprintln!("colophon: {}: {warning}.", file.display());
    }
    Ok(rights)
}

/// What an author of rights has hardly meant.
fn warnings(rights: &RightsTemplate, now_unix_s: i64) -> Vec<String> {
    let vain = rights.in_vain(now_unix_s);
    let mut warnings: Vec<String> = vain.iter().map(ToString::to_string).collect();
    if rights.shows_nothing() {
        warnings.push("no group grants view, and what cannot be shown cannot be used".to_owned());
    }
    warnings
}

/// Rights as they are shown, and as a file may hold them.
pub(super) fn rights_text(rights: &RightsTemplate) -> String {
    String::from_utf8_lossy(&rights.to_xml()).into_owned()
}
