//! What must not work, what must go on working, and a change under the running host.

use std::time::Instant;

use anyhow::{Context, Result};

use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::programs::json;
use crate::demo::story::{BOOK, ERROR_URL, PATIENCE, Story};
use crate::workspace::output;

impl Story {
    /// A broken download goes on; a forged receipt, an altered copy and an altered name do not.
    pub(crate) fn try_what_must_fail(&mut self, host: &Host) -> Result<()> {
        self.resume_a_download(host)?;
        let receipt = self.receipt(BOOK, Some(2), &[])?;
        let verified = http::post(host.address(), "verify", &receipt)?;
        self.note(
            "ask whether a title is ready",
            verified.status.to_string(),
            verified.status == 200,
        );
        let forged = forged(&receipt);
        let refused = http::post(host.address(), "download", &forged)?;
        let sent_back = refused.location.unwrap_or_default();
        let right = sent_back.starts_with(ERROR_URL) && sent_back.contains("receipt-invalid");
        self.note(
            "use a forged receipt",
            format!("{} to {sent_back}", refused.status),
            right,
        );
        self.open_an_altered_copy(host)
    }

    fn resume_a_download(&mut self, host: &Host) -> Result<()> {
        let receipt = self.receipt(BOOK, Some(3), &[])?;
        let whole = http::post(host.address(), "download", &receipt)?;
        self.completed += 1;
        let middle = whole.body.len() / 2;
        let tag = whole.entity_tag.context("a download has no entity tag")?;
        let rest = http::resume(host.address(), &receipt, middle, &tag)?;
        let same = whole.body.get(middle..) == Some(rest.body.as_slice());
        let answer = format!(
            "{}, {} bytes, {}",
            rest.status,
            rest.body.len(),
            if same {
                "the same as before"
            } else {
                "not the same"
            }
        );
        self.note(
            "go on with half a download",
            answer,
            rest.status == 206 && same,
        );
        Ok(())
    }

    fn open_an_altered_copy(&mut self, host: &Host) -> Result<()> {
        let receipt = self.receipt(BOOK, Some(3), &[])?;
        let mut copy = http::post(host.address(), "download", &receipt)?.body;
        self.completed += 1;
        let owner = copy.windows(3).rposition(|window| window == b"Ada");
        let letter = owner.and_then(|at| copy.get_mut(at));
        *letter.context("the copy does not name its owner")? = b'E';
        let path = self.folder.join("altered.epub");
        std::fs::write(&path, copy).context("cannot write the altered copy")?;
        let opened = output(self.desk.reader().arg("verify").arg(&path));
        let words = match &opened {
            Ok(words) => words.clone(),
            Err(refused) => format!("{refused:#}"),
        };
        let words = words.lines().next().unwrap_or_default();
        let words = words
            .rsplit_once("epub: ")
            .map_or(words, |(_, cause)| cause);
        self.note("put another name into a copy", words, opened.is_err());
        Ok(())
    }

    /// Raises a title's level; copies below it stop within moments, without a restart.
    pub(crate) fn change_level(&mut self, host: &Host) -> Result<()> {
        let mut update = self.colophon();
        update.args([
            "title",
            "update",
            "--book-id",
            BOOK,
            "--book-id-type",
            "DEMO",
        ]);
        json(update.args(["--level", "3"]))?;
        let receipt = self.receipt(BOOK, Some(2), &[])?;
        let changed = Instant::now();
        let mut served = 0;
        let refused = loop {
            let answer = http::post(host.address(), "download", &receipt)?;
            if answer.status != 200 || changed.elapsed() > PATIENCE {
                break answer;
            }
            served += 1;
        };
        // Downloads of one purchase count once, however many there were.
        self.completed += u64::from(served > 0);
        let sent_back = refused.location.unwrap_or_default();
        let took_ms = changed.elapsed().as_millis();
        let answer = format!(
            "{} to {sent_back}, {took_ms} ms after the change",
            refused.status
        );
        let right = refused.status == 303 && sent_back.contains("level-too-low");
        self.note("raise a title to level 3, buy it at level 2", answer, right);
        let receipt = self.receipt(BOOK, None, &[])?;
        let answer = http::post(host.address(), "download", &receipt)?;
        self.completed += u64::from(answer.status == 200);
        let words = format!("{}, {} bytes", answer.status, answer.body.len());
        self.note("buy it at the catalog's level", words, answer.status == 200);
        Ok(())
    }

    /// Waits until every completed purchase is in the log, and keeps the report.
    pub(crate) fn report(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let report = json(self.colophon().args(["log", "report"]))?;
            let purchases = report.pointer("/downloads/purchases");
            let purchases = purchases
                .and_then(serde_json::Value::as_u64)
                .unwrap_or_default();
            let all = purchases == self.completed;
            if all || begun.elapsed() > PATIENCE {
                let answer = format!("{purchases} of {} purchases", self.completed);
                self.note("find every purchase in the log", answer, all);
                break;
            }
        }
        self.report = output(self.colophon().args(["log", "report"]))?;
        Ok(())
    }
}

/// A receipt with one character of its text changed.
fn forged(receipt: &str) -> String {
    let mut parts: Vec<String> = receipt.split('.').map(str::to_owned).collect();
    if let Some(text) = parts.get_mut(3) {
        let other = if text.starts_with('A') { "B" } else { "A" };
        text.replace_range(..1, other);
    }
    parts.join(".")
}
