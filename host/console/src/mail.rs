//! Letters as files, for hosts without a mail server and for trying things out.

use std::path::PathBuf;

use async_trait::async_trait;
use colophon_core::activation::mail::{Letter, MailFailed, Mailer};
use tokio::fs;
use tokio::io::AsyncWriteExt as _;

/// Writes each letter into a folder, as a file that mail programs open and `sendmail -t` sends.
/// Whoever reads the folder can reset passwords: it belongs to the server alone.
#[derive(Debug, Clone)]
pub struct MailFolder {
    folder: PathBuf,
    from: String,
}

impl MailFolder {
    /// Letters from the host of this name go into `folder`, which is made when it is needed.
    pub fn new(folder: impl Into<PathBuf>, host: &str) -> Self {
        Self {
            folder: folder.into(),
            from: format!("activation@{host}"),
        }
    }

    async fn write(&self, letter: &Letter) -> std::io::Result<()> {
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&self.folder).await?;
        let file = self.folder.join(format!("{}.eml", letter.id));
        // A half-written letter has another name.
        let unfinished = file.with_extension("part");
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut writing = options.open(&unfinished).await?;
        writing
            .write_all(text(letter, &self.from).as_bytes())
            .await?;
        writing.sync_all().await?;
        fs::rename(&unfinished, &file).await
    }
}

#[async_trait]
impl Mailer for MailFolder {
    async fn send(&self, letter: &Letter) -> Result<(), MailFailed> {
        let written = self.write(letter).await;
        written.map_err(|error| MailFailed(Box::new(error)))
    }
}

/// The letter in the Internet message format (RFC 5322, with UTF-8 as RFC 6532 has it). Neither
/// address nor subject has a line break: their types see to that.
fn text(letter: &Letter, from: &str) -> String {
    format!(
        "From: {from}\r\nTo: {}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\
         Auto-Submitted: auto-generated\r\n\r\n{}",
        letter.to,
        letter.subject,
        letter.text.replace('\n', "\r\n")
    )
}
