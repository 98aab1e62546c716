//! What somebody can do by hand while the host serves.

use std::path::Path;

use anyhow::Result;

use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::person::PASSWORD;
use crate::demo::story::{BOOK, Story};

impl Story {
    /// Links and commands, each with what it is for. The receipts in them hold for a day.
    pub(crate) fn invitations(&mut self, host: &Host) -> Result<Vec<String>> {
        let (address, administration) = (host.address(), host.administration());
        let persona = self.desk.persona()?;
        let signed = self.receipt(BOOK, Some(4), &["--lifetime", "86400"])?;
        let for_ada = ["--lifetime", "86400", "--persona", &persona];
        let licensed = self.receipt(BOOK, Some(5), &for_ada)?;
        let spare = shown(&self.device("spare")?.command());
        let desk = shown(&self.desk.command());
        let copy = shown(&self.downloaded(BOOK, 5));
        let invitations = [
            ("List what Ada bought", format!("{desk} list")),
            (
                "Read her level 5 copy",
                format!("{desk} open {copy} --chapter 1"),
            ),
            ("See her devices", format!("{address}/activation/me")),
            ("  as user ada, password", PASSWORD.to_owned()),
            (
                "Activate a spare machine",
                format!("{spare} activate --at {address}/activation"),
            ),
            (
                "Read her copy on it",
                format!("{spare} open {copy} --chapter 1"),
            ),
            ("Counters", format!("{administration}/metrics")),
            ("Readiness", format!("{administration}/readyz")),
            ("Download a level 4 copy", http::link(address, &signed)),
            ("Download a level 5 copy", http::link(address, &licensed)),
        ];
        let lines = invitations.iter().map(|(purpose, how)| {
            let purpose = format!("{purpose}:");
            format!("{purpose:<25} {how}")
        });
        Ok(lines.collect())
    }
}

/// A path as somebody would type it where this was started.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}
