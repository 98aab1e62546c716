//! Each book is bought at each level, downloaded and opened.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::demo::host::Host;
use crate::demo::http::{self, Answer};
use crate::demo::programs::json;
use crate::demo::story::{BUYER, Line, Story};

impl Story {
    /// Sells every book at levels 1 to 4.
    pub(crate) fn sell(&mut self, host: &Host) -> Result<()> {
        let books: Vec<&'static str> = self.books.iter().map(|book| book.id).collect();
        for book in books {
            for level in 1..=4 {
                let line = self.sell_one(host, book, level)?;
                self.lines.push(line);
            }
        }
        Ok(())
    }

    fn sell_one(&mut self, host: &Host, book: &str, level: u8) -> Result<Line> {
        let receipt = self.receipt(book, Some(level), &[])?;
        let answer = http::post(host.address(), "download", &receipt)?;
        let done = format!("buy {book} at level {level}");
        if answer.status != 200 {
            let location = answer.location.unwrap_or_default();
            let answer = format!("{} {location}", answer.status);
            return Ok(Line {
                done,
                answer,
                reader: String::new(),
                right: false,
            });
        }
        self.completed += 1;
        let saved = self.save(&format!("{book}-{level}"), &answer)?;
        let opened = json(self.reader().arg("add").arg(&saved))?;
        let took_ms = answer.took.as_secs_f64() * 1000.0;
        let name = shortened(answer.file_name.as_deref().unwrap_or_default());
        let words = format!("{} bytes in {took_ms:.1} ms as {name}", answer.body.len());
        let copy = Copy::of(&opened);
        Ok(Line {
            done,
            answer: words,
            reader: copy.words(),
            right: copy.is_right(level),
        })
    }

    /// Puts a download where a browser would, under a name that tells the levels apart.
    fn save(&self, name: &str, answer: &Answer) -> Result<std::path::PathBuf> {
        let folder = self.folder.join("downloads");
        std::fs::create_dir_all(&folder).context("cannot make the downloads folder")?;
        let extension = answer.file_name.as_deref().and_then(|name| {
            let extension = Path::new(name).extension()?;
            extension.to_str().map(str::to_owned)
        });
        let path = folder.join(format!(
            "{name}.{}",
            extension.unwrap_or_else(|| "epub".into())
        ));
        std::fs::write(&path, &answer.body).context("cannot save the download")?;
        Ok(path)
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

/// What the reader says of a copy.
struct Copy {
    level: u64,
    owner: Option<String>,
    proven: Option<bool>,
    signers: Vec<String>,
}

impl Copy {
    fn of(opened: &Value) -> Copy {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let signatures = opened.get("signatures").and_then(Value::as_array);
        let roles = signatures
            .into_iter()
            .flatten()
            .filter_map(|signed| signed.get("role"));
        Copy {
            level: opened
                .get("level")
                .and_then(Value::as_u64)
                .unwrap_or_default(),
            owner: opened.get("owner").and_then(text),
            proven: opened.get("origin_proven").and_then(Value::as_bool),
            signers: roles.filter_map(text).collect(),
        }
    }

    fn words(&self) -> String {
        let owner = self.owner.as_deref().unwrap_or("nobody");
        let origin = match self.proven {
            Some(true) => format!("signed by {}", self.signers.join(" and ")),
            Some(false) => "origin unproven".to_owned(),
            None => "unprotected".to_owned(),
        };
        format!("level {}, belongs to {owner}, {origin}", self.level)
    }

    /// Level 4 is the highest sealed level there is data for, with the provider's signature.
    fn is_right(&self, asked: u8) -> bool {
        let owned = self.owner.as_deref() == Some(BUYER);
        let provider = self.signers.iter().any(|role| role == "provider");
        let signed = self.proven == Some(true);
        match asked {
            1 => self.level == 1 && self.owner.is_none() && self.proven.is_none(),
            2 => self.level == 2 && self.owner.is_none() && signed && !provider,
            3 => self.level == 3 && owned && signed && !provider,
            _ => self.level == 3 && owned && signed && provider,
        }
    }
}
