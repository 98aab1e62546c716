//! What happens, in order.

mod changes;
mod copy;
mod invitations;
mod licensed;
mod own_plugin;
mod readers;
mod sale;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::demo::books::{Book, on_the_shelf};
use crate::demo::device::Device;
use crate::demo::programs::{Programs, json, member};
use crate::demo::said::Said;
use crate::demo::story::copy::Copy;

/// The book that is always there.
const BOOK: &str = "night-compositor";

/// The buyer of everything.
const BUYER: &str = "Ada Lovelace";
const BOOKSHOP: &str = "bookshop";
const ERROR_URL: &str = "https://bookshop.example/problem";
const SUPPORT: &str = "help@bookshop.example";

/// Longer than anything may take that has to come about.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two questions whether it has.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(20);

/// One line of the table: what was done, what came of it, and whether that is right.
#[derive(Default)]
pub(crate) struct Line {
    pub(crate) done: String,
    pub(crate) answer: String,
    pub(crate) reader: String,
    pub(crate) right: bool,
}

impl Line {
    /// One that is not right yet.
    fn new(done: impl Into<String>, answer: impl Into<String>) -> Line {
        Line {
            done: done.into(),
            answer: answer.into(),
            ..Line::default()
        }
    }

    /// What a reader has said of a copy that was asked for at a level, and should open.
    fn read(self, said: Said, level: u8) -> Line {
        let (reader, right) = match said {
            Said::Done(about) => {
                let copy = Copy::of(&about);
                (copy.words(), copy.is_right(level))
            }
            Said::Refused(refusal) => (refusal.words, false),
        };
        Line {
            reader,
            right,
            ..self
        }
    }

    /// What a reader has said that should refuse, with this exit code and these words among its
    /// own.
    fn refused(self, said: Said, code: i32, words: &[&str]) -> Line {
        let (reader, right) = match said {
            Said::Done(_) => ("opened".to_owned(), false),
            Said::Refused(refusal) => {
                let right = refusal.tells(code, words);
                (refusal.words, right)
            }
        };
        Line {
            reader,
            right,
            ..self
        }
    }
}

/// The folder, the programs, and what has happened so far.
pub(crate) struct Story {
    folder: PathBuf,
    programs: Programs,
    roots: PathBuf,
    /// The buyer's computer, with what she has bought.
    desk: Device,
    books: Vec<Book>,
    transactions: u32,
    completed: u64,
    lines: Vec<Line>,
    report: String,
}

impl Story {
    /// Founds the center, fills the shelf, registers the retailer; nothing is served yet.
    pub(crate) fn begin(programs: Programs, folder: &Path) -> Result<Story> {
        let data = folder.join("center");
        let founded = json(programs.colophon(&data).arg("init"))?;
        let roots = PathBuf::from(member(&founded, "roots")?);
        let machines = folder.join("machines");
        let mut story = Story {
            folder: folder.to_path_buf(),
            desk: Device::new(&programs, &machines, "desk", &roots)?,
            books: on_the_shelf(folder)?,
            programs,
            roots,
            transactions: 0,
            completed: 0,
            lines: Vec::new(),
            report: String::new(),
        };
        story.take_in_books()?;
        json(
            story
                .colophon()
                .args(["activation", "settings", "--support", SUPPORT]),
        )?;
        let mut add = story.colophon();
        add.args(["retailer", "add", BOOKSHOP, "--name", "The Demo Bookshop"]);
        let retailer = json(add.args(["--error-url", ERROR_URL]))?;
        let secret = member(&retailer, "secret")?;
        std::fs::write(story.secret_file(), secret).context("cannot keep the secret")?;
        let what = format!(
            "{} books taken in, retailer {BOOKSHOP} registered",
            story.books.len()
        );
        story.note("found a center", what, true);
        Ok(story)
    }

    /// Takes in every book, all at once: compressing them takes the longest.
    fn take_in_books(&self) -> Result<()> {
        let books = self.books.iter();
        at_once(books.map(|book| || self.take_in(book)))?;
        Ok(())
    }

    /// Kept in the clear and for licenses as well, so that every level can be sold; signed by the
    /// tool.
    fn take_in(&self, book: &Book) -> Result<()> {
        let mut add = self.colophon();
        add.args(["title", "add"]).arg(&book.file);
        add.args(["--book-id", book.id, "--book-id-type", "DEMO"]);
        add.args(["--level", "1", "--licensed", "--sign", "tool"]);
        json(add.args(["--price", "1299EUR"]))?;
        Ok(())
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

    /// What did not come out as it should.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let wrong = self.lines.iter().filter(|line| !line.right);
        wrong.map(|line| line.done.as_str()).collect()
    }

    fn colophon(&self) -> std::process::Command {
        self.programs.colophon(&self.data())
    }

    /// A machine of its own.
    fn device(&self, name: &str) -> Result<Device> {
        Device::new(
            &self.programs,
            &self.folder.join("machines"),
            name,
            &self.roots,
        )
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
        member(&minted, "receipt")
    }

    fn note(&mut self, done: impl Into<String>, answer: impl Into<String>, right: bool) {
        self.lines.push(Line {
            right,
            ..Line::new(done, answer)
        });
    }
}

/// Does several things at the same time; what came of each, in their order.
fn at_once<T: Send, F>(things: impl Iterator<Item = F>) -> Result<Vec<T>>
where
    F: FnOnce() -> Result<T> + Send,
{
    std::thread::scope(|scope| {
        let begun: Vec<_> = things.map(|thing| scope.spawn(thing)).collect();
        let ended = begun.into_iter().map(|thing| {
            let ended = thing.join();
            ended.map_err(|_| anyhow!("a part of the demonstration broke off"))?
        });
        ended.collect()
    })
}
