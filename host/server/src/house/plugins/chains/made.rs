//! A chain under way, and how following a center went.

use std::collections::HashSet;

use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_store::plugins::PluginRecord;

use super::held::{Key, Link};
use super::telling::{Failure, Instead};
use crate::house::plugins::loading::NotLoaded;

/// How following a center went.
#[derive(Default)]
pub(crate) struct Followed {
    /// Something was not there that may be there later.
    pub(crate) again: bool,
    /// Versions on trial that no host will be able to load.
    pub(crate) rejected: Vec<(Name, PluginVersion, String)>,
}

/// A chain under way.
#[derive(Default)]
pub(super) struct Made {
    pub(super) links: Vec<Link>,
    pub(super) failures: Vec<Failure>,
    /// Plug-ins that have an active version, loaded or not.
    pub(super) active: HashSet<Name>,
    /// What is asked in it, or would be.
    pub(super) wanted: HashSet<Key>,
    /// Whether a plug-in is missing that all sales rest on.
    pub(super) lacks_plugin: bool,
    pub(super) followed: Followed,
}

impl Made {
    pub(super) fn lacks_active(
        &mut self,
        plugin: &PluginRecord,
        version: &PluginVersion,
        not: &NotLoaded,
        instead: Instead,
    ) {
        self.followed.again |= matches!(not, NotLoaded::Passing(_));
        self.lacks_plugin |= !matches!(instead, Instead::Before(_));
        self.failures.push(Failure {
            reason: format!("{} {version}: {}", plugin.id, not.brief()),
            instead,
        });
    }

    pub(super) fn lacks_trial(
        &mut self,
        plugin: &PluginRecord,
        version: &PluginVersion,
        not: &NotLoaded,
    ) {
        let reason = not.brief();
        self.failures.push(Failure {
            reason: format!("{} {version} (on trial): {reason}", plugin.id),
            instead: Instead::Active,
        });
        match not {
            NotLoaded::Passing(_) => self.followed.again = true,
            // It is left out here.
            NotLoaded::Here(_) => {}
            NotLoaded::Lasting(_) => {
                let rejected = (plugin.id.clone(), version.clone(), reason);
                self.followed.rejected.push(rejected);
            }
        }
    }
}
