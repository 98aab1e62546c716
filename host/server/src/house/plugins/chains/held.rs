//! What a host holds of one center's plug-ins.

use std::collections::{HashMap, HashSet};

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Share};
use colophon_plugin_host::Asked;

/// Everything that a generation is made of: with the same key it is the same.
pub(super) type Key = [u8; 32];

/// What is held of a center.
#[derive(Default)]
pub(super) struct Held {
    pub(super) stands: Stands,
    /// What is loaded: all that is asked, and what may have to be asked soon.
    pub(super) generations: HashMap<Key, Asked>,
    /// What will not be loaded the next time either, with why.
    pub(super) refused: HashMap<Key, String>,
    /// The active version of each plug-in that could be asked last.
    last: HashMap<Name, Loaded>,
    /// The failures that were told last, so that a retry does not repeat them.
    pub(super) told: Vec<String>,
}

/// What stands in the registry for a center.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Stands {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// Nothing is decided, for a plug-in is missing.
    Closed,
    /// These are asked, and the built-in plug-in after them.
    Asked(Vec<Link>),
}

/// A place of a chain, as far as chains are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) plugin: Name,
    pub(super) active: Option<Loaded>,
    pub(super) canary: Option<(Loaded, Share)>,
}

/// A version that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loaded {
    pub(super) key: Key,
    pub(super) version: PluginVersion,
}

impl Link {
    /// A plug-in's place, with nobody in it.
    pub(super) fn of(plugin: &Name) -> Self {
        Self {
            plugin: plugin.clone(),
            active: None,
            canary: None,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        self.active.is_some() || self.canary.is_some()
    }
}

impl Held {
    /// Remembers the version that is asked of a plug-in now.
    pub(super) fn ask(&mut self, plugin: &Name, loaded: Loaded) {
        self.last.insert(plugin.clone(), loaded);
    }

    /// The version of a plug-in that could be asked last.
    pub(super) fn last(&self, plugin: &Name) -> Option<(Loaded, Asked)> {
        let loaded = self.last.get(plugin)?;
        let asked = self.generations.get(&loaded.key)?;
        Some((loaded.clone(), asked.clone()))
    }

    pub(super) fn forget_last(&mut self, plugin: &Name) {
        self.last.remove(plugin);
    }

    /// Forgets plug-ins that the center does not have any more.
    pub(super) fn forget_removed(&mut self, is_there: impl Fn(&Name) -> bool) {
        self.last.retain(|plugin, _| is_there(plugin));
    }

    /// Generations that nobody will be asked any more go; requests under way keep theirs.
    pub(super) fn forget_all_but(&mut self, wanted: &HashSet<Key>) {
        let last: HashSet<Key> = self.last.values().map(|loaded| loaded.key).collect();
        self.generations
            .retain(|key, _| wanted.contains(key) || last.contains(key));
        self.refused.retain(|key, _| wanted.contains(key));
    }
}
