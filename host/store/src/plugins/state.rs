//! A version's state in its columns.

use colophon_core::rollout::{Share, VersionState};

use crate::failure::Damaged;

/// A state as its columns hold it.
pub(super) struct StateColumns<'a> {
    pub(super) word: &'static str,
    pub(super) share: Option<i64>,
    pub(super) reason: Option<&'a str>,
    pub(super) turn: Option<i64>,
}

impl<'a> StateColumns<'a> {
    pub(super) fn of(state: &'a VersionState) -> Self {
        let word = match state {
            VersionState::Published => "published",
            VersionState::Canary(_) => "canary",
            VersionState::Active => "active",
            VersionState::Retired { .. } => "retired",
            VersionState::Shelved => "shelved",
            VersionState::Rejected { .. } => "rejected",
        };
        let mut columns = Self {
            word,
            share: None,
            reason: None,
            turn: None,
        };
        match state {
            VersionState::Canary(share) => columns.share = Some(share.as_percent().into()),
            VersionState::Retired { turn } => columns.turn = Some((*turn).into()),
            VersionState::Rejected { reason } => columns.reason = Some(reason),
            VersionState::Published | VersionState::Active | VersionState::Shelved => {}
        }
        columns
    }
}

/// A state out of its columns.
pub(super) fn of_columns(
    word: &str,
    share: Option<i64>,
    reason: Option<String>,
    turn: Option<i64>,
) -> Result<VersionState, Damaged> {
    let damaged = |column| Damaged::new("plugin_versions", column, "not that of the state");
    match word {
        "published" => Ok(VersionState::Published),
        "active" => Ok(VersionState::Active),
        "shelved" => Ok(VersionState::Shelved),
        "canary" => {
            let share = share.and_then(|share| u8::try_from(share).ok());
            let share = share.and_then(Share::percent);
            share
                .map(VersionState::Canary)
                .ok_or_else(|| damaged("share"))
        }
        "retired" => {
            let turn = turn.and_then(|turn| u32::try_from(turn).ok());
            let turn = turn.ok_or_else(|| damaged("turn"))?;
            Ok(VersionState::Retired { turn })
        }
        "rejected" => {
            let reason = reason.ok_or_else(|| damaged("reason"))?;
            Ok(VersionState::Rejected { reason })
        }
        _ => Err(Damaged::new("plugin_versions", "state", "not a state")),
    }
}
