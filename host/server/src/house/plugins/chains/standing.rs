//! What stands in the registry for a center, and whether it may stand there still.
//!
//! To bring a chain to what the database says takes as long as its plug-ins take to compile. What is
//! taken away meanwhile, by a grant with less in it or with a publisher, is not asked for that long:
//! it is looked at beside the loading, and without waiting for it. Nor does a step wait that needs
//! nothing loaded: a plug-in that is withdrawn, a trial that ends, a version that is gone back to.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use colophon_core::capability::Name;
use colophon_core::rollout::{PluginVersion, VersionState};
use colophon_plugin_host::Place;
use colophon_receipt::CenterId;
use colophon_store::failure::ReadError;
use colophon_store::plugins::{PluginRecord, Publisher};
use tokio::time::{Instant, sleep_until, timeout};

use super::Chains;
use super::candidate::{Candidate, Subject};
use super::held::{Key, Link, Loaded, Ready};
use super::telling::{TakenAway, Why, tell_loaded, tell_taken_away};
use crate::house::plugins::publisher::Signatures;

/// How long what was taken away from a plug-in may be used still, while the version that has less is
/// loaded.
const NARROWED_PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked at what may be asked, while plug-ins are loaded, and how long the database has
/// to tell it.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// How long it has when patience is at its end.
const LAST_LOOK: Duration = Duration::from_millis(100);

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

/// The same with the versions that are asked, for whoever looks whether they may be, and with those
/// that are loaded to be gone back to.
#[derive(Default)]
pub(super) struct Standing {
    pub(super) stands: Stands,
    ready: HashMap<Key, Ready>,
    oversteps: Option<Oversteps>,
}

/// What is asked and may not be any more.
struct Oversteps {
    since: Instant,
    versions: HashMap<Key, TakenAway>,
}

/// What the database says of a center: which versions are asked, under which grants, and who may
/// have signed them.
pub(super) struct Papers {
    pub(super) plugins: Vec<PluginRecord>,
    pub(super) publishers: Vec<Publisher>,
}

pub(super) fn locked(standing: &Lock<Standing>) -> MutexGuard<'_, Standing> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Papers {
    /// Versions in these places that may not be asked under these papers: they have more than they
    /// are granted by now, or nobody who may publish has signed them.
    pub(super) fn overstepped_by(
        &self,
        links: &[Link],
        ready: &HashMap<Key, Ready>,
        signatures: Signatures<'_>,
    ) -> HashMap<Key, TakenAway> {
        let asked = links
            .iter()
            .flat_map(|link| link.loaded().map(|loaded| (&link.plugin, loaded)));
        let overstepping = asked.filter_map(|(plugin, loaded)| {
            let why = self.why_not(plugin, loaded, ready.get(&loaded.key)?, signatures)?;
            let taken_away = TakenAway {
                plugin: plugin.clone(),
                version: loaded.version.clone(),
                why,
            };
            Some((loaded.key, taken_away))
        });
        overstepping.collect()
    }

    fn why_not(
        &self,
        plugin: &Name,
        loaded: &Loaded,
        ready: &Ready,
        signatures: Signatures<'_>,
    ) -> Option<Why> {
        if !ready.is_signed(plugin, signatures) {
            return Some(Why::Unsigned);
        }
        let granted = self.granted(plugin, &loaded.version)?;
        (!ready.is_granted_still(granted)).then_some(Why::Narrowed)
    }

    /// A plug-in's place after the steps that were taken since, as far as nothing has to be loaded for
    /// them; none where the plug-in is asked no more. A version that takes the place of another and is
    /// not loaded yet is followed when it is.
    fn stepped(
        &self,
        link: &Link,
        ready: &HashMap<Key, Ready>,
        (center, signatures): (&CenterId, Signatures<'_>),
    ) -> Option<Link> {
        let plugin = self.plugins.iter().find(|one| one.id == link.plugin)?;
        let is_on_trial = |loaded: &Loaded| {
            let record = plugin.version(&loaded.version);
            record.is_some_and(|record| matches!(record.state, VersionState::Canary(_)))
        };
        let trial = link.canary.clone();
        let mut versions = plugin.versions.iter();
        let active = versions.find(|one| matches!(one.state, VersionState::Active));
        let active = active.and_then(|record| {
            let subject = Subject {
                center,
                plugin,
                signatures,
            };
            let candidate = Candidate::of(subject, &record.version).ok();
            let loaded = candidate.filter(|candidate| ready.contains_key(&candidate.key));
            loaded
                .map(|candidate| candidate.loaded())
                .or(link.active.clone())
        });
        let next = Link {
            plugin: link.plugin.clone(),
            active,
            canary: trial.filter(|(loaded, _)| is_on_trial(loaded)),
        };
        next.is_asked().then_some(next)
    }

    /// The same of all of a chain.
    pub(super) fn stepped_all(
        &self,
        links: &[Link],
        ready: &HashMap<Key, Ready>,
        of: (&CenterId, Signatures<'_>),
    ) -> Vec<Link> {
        let links = links.iter();
        let next = links.filter_map(|link| self.stepped(link, ready, of));
        next.collect()
    }

    /// What a version is granted, or the active one that takes its place; none of a plug-in that is
    /// asked no more.
    fn granted(&self, plugin: &Name, version: &PluginVersion) -> Option<&str> {
        let plugin = self.plugins.iter().find(|one| one.id == *plugin)?;
        let mut versions = plugin.versions.iter();
        let active = || versions.find(|one| matches!(one.state, VersionState::Active));
        let granted = plugin.version(version).or_else(active)?;
        Some(&granted.grant)
    }
}

impl Standing {
    /// Remembers what is asked and may not be any more. What was so already is so since then.
    fn notice(&mut self, papers: &Papers, signatures: Signatures<'_>) {
        let Stands::Asked(links) = &self.stands else {
            self.oversteps = None;
            return;
        };
        let versions = papers.overstepped_by(links, &self.ready, signatures);
        let since = self.oversteps.take().map(|oversteps| oversteps.since);
        self.oversteps = (!versions.is_empty()).then(|| Oversteps {
            since: since.unwrap_or_else(Instant::now),
            versions,
        });
    }

    /// What is asked after the steps that were taken since; none where that is the same.
    fn stepped(&self, papers: &Papers, of: (&CenterId, Signatures<'_>)) -> Option<Stands> {
        let Stands::Asked(links) = &self.stands else {
            return None;
        };
        let next = Stands::Asked(papers.stepped_all(links, &self.ready, of));
        (next != self.stands).then_some(next)
    }

    /// Until when what may not be asked is asked still; none where all may be.
    fn until(&self) -> Option<Instant> {
        let oversteps = self.oversteps.as_ref()?;
        Some(oversteps.since + NARROWED_PATIENCE)
    }

    /// What is left without some versions: trials end, and nobody is asked where an active version is
    /// among them.
    fn left_without(&self, gone: &HashMap<Key, TakenAway>) -> Stands {
        let Stands::Asked(links) = &self.stands else {
            return Stands::Closed;
        };
        let is_gone = |loaded: &Loaded| gone.contains_key(&loaded.key);
        if links
            .iter()
            .any(|link| link.active.as_ref().is_some_and(is_gone))
        {
            return Stands::Closed;
        }
        let left = links.iter().map(|link| Link {
            canary: link.canary.clone().filter(|(loaded, _)| !is_gone(loaded)),
            ..link.clone()
        });
        Stands::Asked(left.filter(Link::is_asked).collect())
    }

    fn places(&self) -> Vec<Place> {
        let Stands::Asked(links) = &self.stands else {
            return Vec::new();
        };
        let asked = |loaded: &Loaded| Some(self.ready.get(&loaded.key)?.asked.clone());
        let place = |link: &Link| {
            let active = link.active.as_ref().and_then(asked);
            let place = active.map_or_else(Place::empty, Place::from);
            match &link.canary {
                None => place,
                Some((loaded, share)) => match asked(loaded) {
                    Some(asked) => place.trying(asked, loaded.version.clone(), *share),
                    None => place,
                },
            }
        };
        links.iter().map(place).collect()
    }
}

impl Chains {
    /// What the database says of a center now.
    pub(super) async fn papers(&self, center: &CenterId) -> Result<Papers, ReadError> {
        Ok(Papers {
            plugins: self.store.plugins(center).await?,
            publishers: self.store.publishers(center).await?,
        })
    }

    /// Whose signatures a center asks for under these papers.
    pub(super) fn signatures<'a>(
        &'a self,
        center: &'a CenterId,
        papers: &'a Papers,
    ) -> Signatures<'a> {
        Signatures {
            engine: self.engine.as_ref(),
            center,
            publishers: &papers.publishers,
        }
    }

    /// Puts something into the registry. What is asked already stays as it is.
    pub(super) fn put(
        &self,
        center: &CenterId,
        standing: &mut Standing,
        next: Stands,
        ready: impl IntoIterator<Item = (Key, Ready)>,
    ) {
        standing.oversteps = None;
        standing.ready = ready.into_iter().collect();
        if standing.stands == next {
            return;
        }
        standing.stands = next;
        match &standing.stands {
            Stands::Unknown => {}
            Stands::Closed => self.registry.close(center),
            Stands::Asked(_) => self.publish(center, standing.places()),
        }
    }

    /// Has what is asked held against what the database says, which was just read.
    pub(super) fn notice(&self, center: &CenterId, standing: &Lock<Standing>, papers: &Papers) {
        locked(standing).notice(papers, self.signatures(center, papers));
    }

    /// Takes the steps that were taken since, as far as nothing has to be loaded for them.
    fn step(&self, center: &CenterId, standing: &Lock<Standing>, papers: &Papers) {
        let mut standing = locked(standing);
        let signatures = self.signatures(center, papers);
        let Some(next) = standing.stepped(papers, (center, signatures)) else {
            return;
        };
        if let Stands::Asked(links) = &next {
            tell_loaded(center, links);
        }
        // What may not be asked any more is so since then.
        let oversteps = standing.oversteps.take();
        let ready = standing.ready.clone();
        self.put(center, &mut standing, next, ready);
        standing.oversteps = oversteps;
    }

    /// Takes away what may not be asked any more, if there is something: trials end, and where it is
    /// an active version, nothing is decided until another is loaded.
    pub(super) fn cut(&self, center: &CenterId, standing: &Lock<Standing>) {
        let mut standing = locked(standing);
        let Some(Oversteps { versions, .. }) = standing.oversteps.take() else {
            return;
        };
        let left = standing.left_without(&versions);
        tell_taken_away(center, versions.values(), &left);
        let ready = standing.ready.clone();
        self.put(center, &mut standing, left, ready);
    }

    /// Looks again and again whether what is asked of a center may be asked still, and takes away what
    /// may not. Never ends.
    pub(super) async fn watch(&self, center: &CenterId, standing: &Lock<Standing>) -> Infallible {
        loop {
            let next = Instant::now() + LOOKS_APART;
            let until = locked(standing).until();
            sleep_until(until.map_or(next, |until| until.min(next))).await;
            self.look(center, standing).await;
        }
    }

    /// The same once, for a center that is not followed yet and may have to wait for it: until when what
    /// may not be asked is asked still, if that is so and nobody follows it.
    pub(in crate::house::plugins) async fn look_at(&self, center: &CenterId) -> Option<Instant> {
        let known = self.known(center)?;
        // Who follows it has read something newer, and looks beside that.
        let _held = known.held.try_lock().ok()?;
        self.look(center, &known.standing).await
    }

    /// Until when what may not be asked is asked still.
    async fn look(&self, center: &CenterId, standing: &Lock<Standing>) -> Option<Instant> {
        let left = locked(standing)
            .until()
            .map(|until| until.saturating_duration_since(Instant::now()));
        let time_max = left.map_or(LOOKS_APART, |left| left.clamp(LAST_LOOK, LOOKS_APART));
        // Where the database does not answer, what was seen the last time counts on.
        if let Ok(Ok(papers)) = timeout(time_max, self.papers(center)).await {
            self.step(center, standing, &papers);
            self.notice(center, standing, &papers);
        }
        let until = locked(standing).until()?;
        if Instant::now() < until {
            return Some(until);
        }
        self.cut(center, standing);
        None
    }
}
