//! What a host holds of one center's plug-ins.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, Share};
use colophon_plugin_host::Asked;
use colophon_store::plugins::VersionRecord;

use crate::house::plugins::following::MemoryMost;
use crate::house::plugins::permitted;
use crate::house::plugins::publisher::Signatures;

/// Everything that a generation is made of: with the same key it is the same.
pub(super) type Key = [u8; 32];

/// What is held of a center.
#[derive(Default)]
pub(super) struct Held {
    /// What is loaded: all that is asked, and what may have to be asked soon.
    pub(super) generations: HashMap<Key, Ready>,
    /// What will not be loaded the next time either, with why.
    pub(super) refused: HashMap<Key, Refused>,
    /// The active version of each plug-in that could be asked last.
    last: HashMap<Name, Loaded>,
    /// The one before it, so that going back loads nothing.
    before: HashMap<Name, Loaded>,
    /// The most memory that each plug-in's instances had.
    memory_most: HashMap<Name, MemoryMost>,
    /// The failures that were told last, so that a retry does not repeat them.
    pub(super) told: Vec<String>,
}

/// Why a version will not be loaded.
pub(super) struct Refused {
    pub(super) reason: String,
    /// Whether no host will load it, and not only this one.
    pub(super) everywhere: bool,
}

/// A version that is loaded, with the papers that it was loaded under.
#[derive(Clone)]
pub(super) struct Ready {
    pub(super) asked: Asked,
    papers: Arc<VersionRecord>,
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

    /// The versions in it.
    pub(super) fn loaded(&self) -> impl Iterator<Item = &Loaded> {
        let trial = self.canary.iter().map(|(loaded, _)| loaded);
        self.active.iter().chain(trial)
    }

    pub(super) fn is_asked(&self) -> bool {
        self.active.is_some() || self.canary.is_some()
    }
}

impl Ready {
    /// A version that was just loaded.
    pub(super) fn of(asked: Asked, record: &VersionRecord) -> Self {
        Self {
            asked,
            papers: Arc::new(record.clone()),
        }
    }

    /// Whether this grant gives it all that it was loaded with. Where something was taken away it is
    /// not to be asked with it, and there is no other way to ask it.
    pub(super) fn is_granted_still(&self, grant: &str) -> bool {
        if grant == self.papers.grant {
            return true;
        }
        let then = permitted(&self.papers.manifest, &self.papers.grant);
        let now = permitted(&self.papers.manifest, grant);
        matches!((then, now), (Ok((_, then)), Ok((_, now))) if then.within(&now).is_ok())
    }

    /// Whether somebody who may publish has signed it.
    pub(super) fn is_signed(&self, plugin: &Name, signatures: Signatures<'_>) -> bool {
        signatures
            .believe(plugin, &self.papers.as_ref().into())
            .is_ok()
    }
}

impl Held {
    /// Remembers the version that is asked of a plug-in now, and the one before it.
    pub(super) fn ask(&mut self, plugin: &Name, loaded: Loaded) {
        let old = self.last.insert(plugin.clone(), loaded.clone());
        if let Some(old) = old.filter(|old| *old != loaded) {
            self.before.insert(plugin.clone(), old);
        }
    }

    /// The version of a plug-in that could be asked last.
    pub(super) fn last(&self, plugin: &Name) -> Option<(Loaded, Ready)> {
        let loaded = self.last.get(plugin)?;
        let ready = self.generations.get(&loaded.key)?;
        Some((loaded.clone(), ready.clone()))
    }

    /// Whether something is held that nobody is asked but that may be gone back to.
    pub(super) fn holds_for_later(&self) -> bool {
        !self.before.is_empty()
    }

    /// Versions that are kept nowhere any more are not gone back to.
    pub(super) fn go_back_only_to(&mut self, kept: &HashSet<(Name, PluginVersion)>) {
        self.before
            .retain(|plugin, loaded| kept.contains(&(plugin.clone(), loaded.version.clone())));
    }

    /// What all versions of a plug-in share.
    pub(super) fn memory_most(&mut self, plugin: &Name) -> MemoryMost {
        self.memory_most.entry(plugin.clone()).or_default().clone()
    }

    /// Whoever withdraws a plug-in wants none of its versions back by itself; it may be gone back
    /// to, though.
    pub(super) fn rest_all_but(&mut self, active: &HashSet<Name>) {
        let resting = self.last.extract_if(|plugin, _| !active.contains(plugin));
        self.before.extend(resting);
    }

    /// Generations that nobody will be asked any more go; requests under way keep theirs.
    pub(super) fn forget_all_but(&mut self, wanted: &HashSet<Key>) {
        let own = self.last.values().chain(self.before.values());
        let own: HashSet<Key> = own.map(|loaded| loaded.key).collect();
        self.generations
            .retain(|key, _| wanted.contains(key) || own.contains(key));
        self.refused.retain(|key, _| wanted.contains(key));
    }
}
