//! What went wrong, in words that say what to do next, and as an exit code.

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use colophon_reader::reading::printable;
use colophon_reader::{
    AddError, DesktopError, FindError, LibraryError, OpenError, PublicationUnreadable,
    TrustStoreError, WriteError,
};

mod activating;
mod unlocking;

/// A command that was not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    next: Option<String>,
    exit: Exit,
}

/// The exit codes of `--help`; 2, wrong usage, is clap's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exit {
    Failed = 1,
    Refused = 3,
    NeedsActivation = 4,
    NotFound = 5,
    OriginUnproven = 6,
    NotActivated = 7,
    NotPermitted = 8,
}

/// What to do about a copy that is refused for this reason.
fn after_refused_copy(reason: &str) -> &'static str {
    match reason {
        "license-licensor" => {
            "if you know the center, trust its root: colophon-reader trust add FILE"
        }
        _ => "download the title again from the shop; a copy that was altered does not open",
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            next: None,
            exit,
        }
    }

    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Failure {
        self.next = Some(next.into());
        self
    }

    /// What went wrong, for something that goes on without it.
    pub(crate) fn words(&self) -> String {
        self.message.clone()
    }

    /// A file that does not open, named as the person named it.
    pub(crate) fn opening(path: &Path, error: &OpenError) -> Failure {
        let message = format!("{}: {}", path.display(), chain(error));
        match error {
            OpenError::Read(_) => Failure::new(Exit::Failed, message),
            OpenError::NeedsActivation => Failure::new(Exit::NeedsActivation, message)
                .with_next("activate this reader with: colophon-reader activate"),
            OpenError::Refused(refused) => {
                Failure::new(Exit::Refused, message).with_next(after_refused_copy(refused.reason()))
            }
            OpenError::NotAPublication(_) => Failure::new(Exit::Refused, message)
                .with_next("check that this is the file you meant, or download it again"),
            OpenError::Protected(_) | _ => Failure::new(Exit::Failed, message),
        }
    }

    pub(crate) fn adding(path: &Path, error: &AddError) -> Failure {
        match error {
            AddError::Refused(refused) => Failure::opening(path, refused),
            AddError::Library(error) => Failure::library(error),
            AddError::OriginalRemains(_) => Failure::new(Exit::Failed, chain(error)).with_next(
                format!("remove {} yourself, or add with --keep", path.display()),
            ),
            other => Failure::new(Exit::Failed, chain(other)),
        }
    }

    pub(crate) fn library(error: &LibraryError) -> Failure {
        Failure::new(Exit::Failed, chain(error))
            .with_next("choose a folder with --library or COLOPHON_LIBRARY")
    }

    pub(crate) fn finding(error: &FindError) -> Failure {
        let message = chain(error);
        match error {
            FindError::Library(error) => Failure::library(error),
            FindError::Unknown { .. } => Failure::new(Exit::NotFound, message)
                .with_next("see what there is with: colophon-reader list"),
            FindError::Ambiguous { files, .. } => {
                let names = files.iter().filter_map(|file| file.file_name());
                let names: Vec<_> = names.map(|name| name.to_string_lossy()).collect();
                Failure::new(Exit::NotFound, message)
                    .with_next(format!("name one of these files: {}", names.join(", ")))
            }
            _ => Failure::new(Exit::Failed, message),
        }
    }

    pub(crate) fn reading(path: &Path, error: &PublicationUnreadable) -> Failure {
        if let PublicationUnreadable::Content(error) = error {
            return Failure::opening(path, error);
        }
        Failure::new(
            Exit::Refused,
            format!("{}: {}", path.display(), chain(error)),
        )
        .with_next("write it out with --to DIR and open it with another reader")
    }

    pub(crate) fn writing(path: &Path, error: &WriteError) -> Failure {
        match error {
            WriteError::Content(error) => Failure::opening(path, error),
            WriteError::Exists { .. } => Failure::new(Exit::Failed, chain(error))
                .with_next("choose another folder, or remove that file first"),
            WriteError::Write { .. } | WriteError::NotOneFile(_) | _ => {
                Failure::new(Exit::Failed, chain(error))
            }
        }
    }

    pub(crate) fn trusting(error: &TrustStoreError) -> Failure {
        let message = chain(error);
        match error {
            TrustStoreError::NotTrustable => Failure::new(Exit::Refused, message)
                .with_next("ask the fulfillment center for its root certificate in PEM form"),
            TrustStoreError::NotOne { .. } => Failure::new(Exit::NotFound, message)
                .with_next("see the fingerprints with: colophon-reader trust list"),
            TrustStoreError::Damaged { path } => Failure::new(Exit::Failed, message)
                .with_next(format!("remove {} and add it again", path.display())),
            TrustStoreError::File { .. } | _ => Failure::new(Exit::Failed, message),
        }
    }

    pub(crate) fn desktop(error: &DesktopError) -> Failure {
        Failure::new(Exit::Failed, chain(error))
            .with_next("choose another data folder with XDG_DATA_HOME")
    }

    /// Writing to standard output failed.
    pub(crate) fn printing(error: &io::Error) -> Failure {
        Failure::new(Exit::Failed, format!("cannot print: {error}"))
    }

    pub(crate) fn print(&self) {
        let mut words = format!("error: {}\n", printable(&self.message));
        if let Some(next) = &self.next {
            words.push_str(&format!(" next: {}\n", printable(next)));
        }
        // There is nobody left to tell that standard error is closed.
        let _unheard = io::stderr().write_all(words.as_bytes());
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.exit.into()
    }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.ends_with(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = error.source();
    }
    words
}
