//! Each book is bought at each level, downloaded and opened.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::demo::host::Host;
use crate::demo::http::{self, Answer};
use crate::demo::story::readers::Ada;
use crate::demo::story::{Line, Story, at_once};

impl Story {
    /// Sells every book at levels 1 to 4.
    pub(crate) fn sell(&mut self, host: &Host) -> Result<()> {
        for book in self.book_ids() {
            for level in 1..=4 {
                let receipt = self.receipt(book, Some(level), &[])?;
                let answer = http::post(host.address(), "download", &receipt)?;
                let (mut line, file) = self.deliver(book, level, &answer)?;
                if let Some(file) = file {
                    line = line.read(self.desk.add(&file)?, level);
                }
                self.lines.push(line);
            }
        }
        Ok(())
    }

    /// Sells every book at level 5. The copies stay where they were downloaded to, for all who
    /// try to open them.
    pub(crate) fn sell_licensed(&mut self, host: &Host, ada: &Ada) -> Result<()> {
        let mut sold = Vec::new();
        for book in self.book_ids() {
            let certificate = &ada.certificate;
            let receipt = self.receipt(book, Some(5), &["--persona", &certificate.persona])?;
            let answer = http::post_licensed(host.address(), &receipt, &certificate.form)?;
            sold.push(self.deliver(book, 5, &answer)?);
        }
        let desk = &self.desk;
        let lines = at_once(sold.into_iter().map(|(line, file)| {
            move || match file {
                Some(file) => Ok(line.read(desk.open(&file)?, 5)),
                None => Ok(line),
            }
        }))?;
        self.lines.extend(lines);
        Ok(())
    }

    fn book_ids(&self) -> Vec<&'static str> {
        self.books.iter().map(|book| book.id).collect()
    }

    /// What a download came to, which is not right until a reader has had the file; none if there
    /// is no file.
    fn deliver(
        &mut self,
        book: &str,
        level: u8,
        answer: &Answer,
    ) -> Result<(Line, Option<PathBuf>)> {
        let done = format!("buy {book} at level {level}");
        if answer.status != 200 {
            return Ok((Line::new(done, answer.sent_back()), None));
        }
        self.completed += 1;
        let took_ms = answer.took.as_secs_f64() * 1000.0;
        let name = shortened(answer.file_name.as_deref().unwrap_or_default());
        let words = format!("{} bytes in {took_ms:.1} ms as {name}", answer.body.len());
        let file = self.save(book, level, answer)?;
        Ok((Line::new(done, words), Some(file)))
    }

    /// Puts a download where a browser would, under a name that tells the levels apart.
    fn save(&self, book: &str, level: u8, answer: &Answer) -> Result<PathBuf> {
        let path = self.downloaded(book, level);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder).context("cannot make the downloads folder")?;
        std::fs::write(&path, &answer.body).context("cannot save the download")?;
        Ok(path)
    }

    /// Where the copy of a book at a level was downloaded to; all books are EPUBs.
    pub(crate) fn downloaded(&self, book: &str, level: u8) -> PathBuf {
        let name = format!("{book}-{level}.epub");
        self.folder.join("downloads").join(name)
    }
}

/// As much of a file name as a table has room for.
fn shortened(name: &str) -> String {
    const ROOM: usize = 28;
    if name.chars().count() <= ROOM {
        return name.to_owned();
    }
    let beginning: String = name.chars().take(ROOM - 1).collect();
    format!("{beginning}…")
}
