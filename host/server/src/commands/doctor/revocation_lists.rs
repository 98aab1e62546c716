//! Whether the revocation lists of the trust folder are as new as they say they should be.

use std::path::{Path, PathBuf};

use anyhow::Result;
use colophon_core::time::Clock as _;
use colophon_keys::RevocationListAge;

use super::{Finding, finding};
use crate::commands::delegation::day;
use crate::config::Config;
use crate::house::{House, SystemClock, revoked_file};

/// A list that is old goes on counting, so nothing that was revoked is believed again; what was
/// revoked since is not known.
pub(super) fn revocation_lists(house: &House, config: &Config) -> Finding {
    let state = match lists(house) {
        Ok(lists) => told(&lists, &revoked_file(config)),
        Err(error) => Err(format!("{error:#}")),
    };
    finding("revocation lists", state)
}

fn lists(house: &House) -> Result<Vec<(PathBuf, RevocationListAge)>> {
    Ok(house.trust()?.revocation_lists()?)
}

fn told(lists: &[(PathBuf, RevocationListAge)], own: &Path) -> Result<String, String> {
    let now = SystemClock.now().unix_seconds().get();
    let overdue = lists.iter().filter(|(_, list)| list.is_overdue(now));
    let overdue: Vec<String> = overdue
        .map(|(file, list)| {
            let renew = match file == own {
                true => "write a new one with `colophon activation revoked`, and give it to other \
                         hosts and readers"
                    .to_owned(),
                false => format!("get the present one from {}", list.issuer),
            };
            format!("{}; {renew}", words(file, list))
        })
        .collect();
    if overdue.is_empty() {
        let lists: Vec<String> = lists.iter().map(|(file, list)| words(file, list)).collect();
        return Ok(match lists.is_empty() {
            true => "none".to_owned(),
            false => lists.join("; "),
        });
    }
    Err(overdue.join("; "))
}

/// A list with its age.
fn words(file: &Path, list: &RevocationListAge) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let next = match list.next_by_unix_s {
        Some(next) => format!("the next due by {}", day(next)),
        None => "no next one due".to_owned(),
    };
    let issued = day(list.issued_at_unix_s);
    format!("{} is of {issued}, {next}", Path::new(name).display())
}
