//! Saying what a plug-in may use.

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_core::time::Timestamp;
use colophon_receipt::CenterId;
use thiserror::Error;

use super::held::{HeldPlugin, Noted, hold_center, is_asked};
use super::publishing::ADD;
use super::{GRANT, StepError, VERSION_GRANT, plugin_row, version_row};
use crate::database::arguments;
use crate::failure::Fault;
use crate::store::Store;

const SET_GRANT: &str =
    "UPDATE plugins SET grant_text = $3, updated_at = $4 WHERE center = $1 AND id = $2";

const FITS: &str = "UPDATE plugin_versions SET grant_text = $4, unfit = NULL \
    WHERE center = $1 AND plugin = $2 AND version = $3";

/// Only who is asked keeps what was granted before.
const DOES_NOT_FIT: &str = "UPDATE plugin_versions SET unfit = $4, \
    grant_text = CASE WHEN state IN ('active', 'canary') THEN grant_text ELSE NULL END \
    WHERE center = $1 AND plugin = $2 AND version = $3";

/// A grant, and what it means for the versions that are there.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'a> {
    /// The grant as its operator wrote it.
    pub text: &'a str,
    /// Every version but the rejected ones, as it was held against the grant.
    pub verdicts: &'a [Verdict],
    /// What becomes of versions that are asked and do not fit.
    pub unfit: UnfitAsked,
}

/// How a version was found to stand to a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The version.
    pub version: PluginVersion,
    /// When it was published, by which it is told from another of its name.
    pub published_at: Timestamp,
    /// Whether it may have the grant.
    pub fit: Fit,
}

/// Whether a version may have a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It has the grant from now on.
    Fits,
    /// It asks for something else.
    Unfit {
        /// What does not fit.
        reason: String,
    },
}

/// What becomes of versions that are asked and do not fit a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfitAsked {
    /// The grant is not taken.
    Refused,
    /// They keep the grant that they have for as long as they are asked.
    KeepTheirs,
}

/// What a grant came to for the versions that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GrantTaken {
    /// Versions that have it.
    pub fit: Vec<PluginVersion>,
    /// Versions that cannot be asked any more and have no grant, with the reason.
    pub unfit: Vec<(PluginVersion, String)>,
    /// Versions that do not fit and keep an earlier grant while they are asked, with the reason.
    pub keeping: Vec<(PluginVersion, String)>,
}

/// Why a grant was not taken. Nothing has changed.
#[derive(Debug, Error)]
pub enum GrantRefused {
    /// A version has come since the versions were looked at.
    #[error("version {0} was published meanwhile; grant again")]
    VersionsChanged(PluginVersion),
    /// A version that is asked does not fit.
    #[error("version {version}, which is asked now, does not fit the grant: {reason}")]
    AskedUnfit {
        /// The version.
        version: PluginVersion,
        /// What does not fit.
        reason: String,
    },
    /// The plug-in could not be read or written.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<Fault> for GrantRefused {
    fn from(fault: Fault) -> Self {
        Self::Step(fault.into())
    }
}

impl Store {
    /// Says what a plug-in may use from now on: every version that is published afterwards, and of
    /// those that are there the ones that fit. No other version keeps a grant, unless it is asked
    /// and may keep its own for so long.
    pub async fn grant_plugin(
        &self,
        center: &CenterId,
        plugin: &Name,
        granted: Granted<'_>,
        now: Timestamp,
    ) -> Result<GrantTaken, GrantRefused> {
        let (place, id) = (center.as_str(), plugin.as_str());
        let mut write = self.fulfillment.write().await?;
        hold_center(&mut write, center).await?;
        let row = plugin_row(center, plugin);
        let sealed = self.secrets.seal(GRANT, &row, granted.text.as_bytes());
        let values = arguments![place, id, &sealed, now.unix_ms()];
        write.execute(ADD, values).await?;
        write.execute(SET_GRANT, values).await?;
        let mut held = HeldPlugin::take_in(write, center, plugin, now).await?;
        let taken = match judged(&held, granted) {
            Ok(taken) => taken,
            Err(refused) => return Err(held.refuse(refused).await),
        };
        for version in &taken.fit {
            let row = version_row(center, plugin, version);
            let text = granted.text.as_bytes();
            let sealed = self.secrets.seal(VERSION_GRANT, &row, text);
            let values = arguments![place, id, version.as_str(), &sealed];
            held.write.execute(FITS, values).await?;
        }
        for (version, reason) in taken.unfit.iter().chain(&taken.keeping) {
            let values = arguments![place, id, version.as_str(), reason.as_str()];
            held.write.execute(DOES_NOT_FIT, values).await?;
        }
        let noted = Noted {
            step: "grant",
            version: None,
            reason: reason(&taken),
        };
        let active = held.rollout.active().cloned();
        held.note(&noted, active.as_ref(), now).await?;
        held.write.commit().await?;
        Ok(taken)
    }
}

/// What comes of the grant for every version as it stands now.
fn judged(held: &HeldPlugin<'_>, granted: Granted<'_>) -> Result<GrantTaken, GrantRefused> {
    let mut taken = GrantTaken::default();
    for one in &held.versions {
        let Some(state) = held.rollout.state(&one.version) else {
            continue;
        };
        if let VersionState::Rejected { .. } = state {
            continue;
        }
        let mut verdicts = granted.verdicts.iter();
        let verdict = verdicts.find(|verdict| {
            verdict.version == one.version && verdict.published_at == one.published_at
        });
        let version = one.version.clone();
        let reason = match verdict.map(|verdict| &verdict.fit) {
            None => return Err(GrantRefused::VersionsChanged(version)),
            Some(Fit::Fits) => {
                taken.fit.push(version);
                continue;
            }
            Some(Fit::Unfit { reason }) => reason.clone(),
        };
        if !is_asked(state) {
            taken.unfit.push((version, reason));
            continue;
        }
        match granted.unfit {
            UnfitAsked::Refused => return Err(GrantRefused::AskedUnfit { version, reason }),
            UnfitAsked::KeepTheirs => taken.keeping.push((version, reason)),
        }
    }
    Ok(taken)
}

/// What the history says of the versions that the grant does not fit.
fn reason(taken: &GrantTaken) -> Option<String> {
    let words = |versions: &[(PluginVersion, String)], what: &str| {
        let names: Vec<&str> = versions
            .iter()
            .map(|(version, _)| version.as_str())
            .collect();
        (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")))
    };
    let parts = [
        words(&taken.unfit, "not to be asked any more"),
        words(&taken.keeping, "with an earlier grant while asked"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
