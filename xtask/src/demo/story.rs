//! What happens, in order.

mod changes;
mod sale;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::demo::books::{Book, on_the_shelf};
use crate::demo::host::Host;
use crate::demo::http;
use crate::demo::programs::{Programs, json};
use crate::workspace::output;

/// The buyer of everything.
const BUYER: &str = "Ada Lovelace";
const BOOKSHOP: &str = "bookshop";
const ERROR_URL: &str = "https://bookshop.example/download-problem";

/// One line of the table: what was done, what came of it, and whether that is right.
pub(crate) struct Line {
    pub(crate) done: String,
    pub(crate) answer: String,
    pub(crate) reader: String,
    pub(crate) right: bool,
}

/// The folder, the programs, and what has happened so far.
pub(crate) struct Story {
    folder: PathBuf,
    programs: Programs,
    books: Vec<Book>,
    transactions: u32,
    completed: u64,
    lines: Vec<Line>,
    report: String,
}

impl Story {
    /// Founds the center, fills the shelf, registers the retailer; nothing is served yet.
    pub(crate) fn begin(programs: Programs, folder: &Path) -> Result<Story> {
        let mut story = Story {
            folder: folder.to_path_buf(),
            books: on_the_shelf(folder)?,
            programs,
            transactions: 0,
            completed: 0,
            lines: Vec::new(),
            report: String::new(),
        };
        let founded = json(story.colophon().arg("init"))?;
        let roots = founded.get("roots").and_then(Value::as_str);
        let roots = roots.context("init names no trust roots")?;
        output(story.reader().args(["trust", "add", roots]))?;
        for book in &story.books {
            let mut add = story.colophon();
            add.args(["title", "add"]).arg(&book.file);
            add.args(["--book-id", book.id, "--book-id-type", "DEMO"]);
            // Kept in the clear as well, so that every level can be sold; signed by the tool.
            json(add.args(["--level", "1", "--sign", "tool", "--price", "1299EUR"]))?;
        }
        let mut add = story.colophon();
        add.args(["retailer", "add", BOOKSHOP, "--name", "The Demo Bookshop"]);
        let retailer = json(add.args(["--error-url", ERROR_URL]))?;
        let secret = retailer.get("secret").and_then(Value::as_str);
        let secret = secret.context("retailer add prints no secret")?;
        std::fs::write(story.secret_file(), secret).context("cannot keep the secret")?;
        let what = format!(
            "{} books taken in, retailer {BOOKSHOP} registered",
            story.books.len()
        );
        story.note("found a center", what, true);
        Ok(story)
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The host's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("center")
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The log report as the host prints it.
    pub(crate) fn log_report(&self) -> &str {
        &self.report
    }

    /// How many lines are not right.
    pub(crate) fn failed(&self) -> usize {
        self.lines.iter().filter(|line| !line.right).count()
    }

    /// Links to try, with fresh receipts that hold for a day.
    pub(crate) fn links(&mut self, host: &Host) -> Result<Vec<String>> {
        let address = host.address();
        let receipt = self.receipt("night-compositor", Some(4), &["--lifetime", "86400"])?;
        Ok(vec![
            format!("Download a level 4 copy: {}", http::link(address, &receipt)),
            format!("Counters:                {address}/metrics"),
            format!("Is it well?              {address}/readyz"),
            format!(
                "Open what was bought:    {} --library {} --config {} list",
                self.programs.reader_path().display(),
                self.folder.join("library").display(),
                self.folder.join("settings").display(),
            ),
        ])
    }

    fn colophon(&self) -> std::process::Command {
        self.programs.colophon(&self.data())
    }

    fn reader(&self) -> std::process::Command {
        self.programs.reader(&self.folder)
    }

    fn secret_file(&self) -> PathBuf {
        self.folder.join("retailer-secret")
    }

    /// A fresh receipt for a fresh purchase, made as a shop makes one.
    fn receipt(&mut self, book: &str, level: Option<u8>, more: &[&str]) -> Result<String> {
        self.transactions += 1;
        let mut mint = self.colophon();
        mint.args(["receipt", "mint", "--secret-file"])
            .arg(self.secret_file());
        mint.args(["--transaction", &format!("order-{}", self.transactions)]);
        mint.args([
            "--book-id",
            book,
            "--book-id-type",
            "DEMO",
            "--user-name",
            BUYER,
        ]);
        mint.args(["--retail-price", "1299", "--currency", "EUR"]);
        if let Some(level) = level {
            mint.args(["--level", &level.to_string()]);
        }
        let minted = json(mint.args(more))?;
        let receipt = minted.get("receipt").and_then(Value::as_str);
        Ok(receipt
            .context("receipt mint prints no receipt")?
            .to_owned())
    }

    fn note(&mut self, done: impl Into<String>, answer: impl Into<String>, right: bool) {
        self.lines.push(Line {
            done: done.into(),
            answer: answer.into(),
            reader: String::new(),
            right,
        });
    }
}
