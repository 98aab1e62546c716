//! Copies at level 5 on the command line: unlocked, and used as their license allows.

use std::path::Path;

use colophon_reader::repository::{Circumstances, Permission};
use colophon_reader::{Document, UnlockError};
use colophon_title::license::RightKind;
use jiff::Timestamp;

use crate::cli::failure::Failure;
use crate::cli::output::{moment, note};
use crate::cli::places::Places;

/// A document with what is needed to use the rights to it. Below level 5, nothing is asked.
pub(crate) struct Use<'a> {
    path: &'a Path,
    circumstances: Circumstances,
}

impl<'a> Use<'a> {
    /// Unlocks the document where it is locked.
    pub(crate) fn of(
        places: &Places,
        path: &'a Path,
        document: &mut Document,
    ) -> Result<Use<'a>, Failure> {
        let mut circumstances = Circumstances {
            now_unix_s: Timestamp::now().as_second(),
            ..Circumstances::default()
        };
        if document.is_locked() {
            let reader = places.activated()?;
            let reader = reader.ok_or_else(|| Failure::needs_activation(path))?;
            let unlocked = document.unlock(&reader);
            unlocked.map_err(|error| Failure::unlocking(path, document.about(), &error))?;
            circumstances.location = places.settings()?.location()?;
        }
        Ok(Use {
            path,
            circumstances,
        })
    }

    /// Whether a right may be used now; uses nothing.
    pub(crate) fn standing(
        &self,
        document: &mut Document,
        right: RightKind,
    ) -> Result<Permission, UnlockError> {
        document.judge(right, &self.circumstances)
    }

    /// Refuses what may not be done, before anything is used up for it.
    pub(crate) fn judge(&self, document: &mut Document, right: RightKind) -> Result<(), Failure> {
        let judged = document.judge(right, &self.circumstances);
        judged
            .map(drop)
            .map_err(|error| Failure::unlocking(self.path, document.about(), &error))
    }

    /// Uses a right once, and says what is left of it.
    pub(crate) fn exercise(
        &self,
        document: &mut Document,
        right: RightKind,
    ) -> Result<Permission, Failure> {
        let used = document.exercise(right, &self.circumstances);
        let permission =
            used.map_err(|error| Failure::unlocking(self.path, document.about(), &error))?;
        if let Some(words) = left(right, &permission) {
            note(&words);
        }
        Ok(permission)
    }
}

/// How often a right may be used once more, in words; nothing where it is not limited.
fn left(right: RightKind, permission: &Permission) -> Option<String> {
    // This time is included in what is remaining.
    let more = permission.remaining.map(|count| count.saturating_sub(1));
    let count = more.map(|more| match more {
        0 => format!("this was the last {}", right.as_str()),
        1 => format!("1 {} is left", right.as_str()),
        more => format!("{more} times {} are left", right.as_str()),
    });
    let until = permission.until_unix_s;
    let until = until.map(|until| format!("the license lasts until {}", moment(until)));
    match (count, until) {
        (None, None) => None,
        (Some(words), None) | (None, Some(words)) => Some(words),
        (Some(count), Some(until)) => Some(format!("{count}; {until}")),
    }
}
