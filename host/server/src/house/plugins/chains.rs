//! The chain of each center: read from the database, loaded, and put into the registry.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use colophon_core::capability::Name;
use colophon_core::event::NamedEvent;
use colophon_core::rollout::{PluginVersion, Share};
use colophon_crypto::{Engine, frames};
use colophon_plugin_host::{Asked, Generation, Place, Registry};
use colophon_receipt::CenterId;
use colophon_store::plugins::{PluginRecord, Publisher, VersionRecord};
use colophon_store::store::Store;
use tokio::sync::{Mutex, mpsc};

use super::following::{GenerationFollower, Trip};
use super::loading::{Loader, NotLoaded, Wanted};
use super::publisher::{signed_by_one_of, statement};
use super::recording::Recording;
use crate::house::House;

/// Trips that wait for somebody to act on them; more are told again soon enough.
const TRIPS_WAITING_MAX: usize = 64;

/// Keeps the registry as the database has it.
pub(crate) struct Chains {
    pub(super) store: Arc<Store>,
    engine: Arc<dyn Engine>,
    registry: Arc<Registry>,
    loader: Loader,
    built_in: Arc<Generation>,
    centers: Mutex<HashMap<CenterId, Held>>,
    tripping: mpsc::Sender<Trip>,
    /// Who records decisions; nobody in commands.
    recording: Option<Recording>,
    pub(super) trips: Mutex<mpsc::Receiver<Trip>>,
}

/// Everything that a generation is made of: with the same key it is the same.
type Key = [u8; 32];

/// What is held of a center.
#[derive(Default)]
struct Held {
    /// What stands in the registry; none where the center has been closed, or never looked at.
    published: Option<Vec<Link>>,
    generations: HashMap<Key, Asked>,
    /// What will not be loaded the next time either, with why.
    refused: HashMap<Key, String>,
    /// The failures that were told last, so that a retry does not repeat them.
    told: Vec<String>,
}

/// A place of a chain, as far as chains are told apart.
#[derive(Clone, PartialEq, Eq)]
struct Link {
    active: Option<Key>,
    canary: Option<(Key, PluginVersion, Share)>,
}

/// How following a center went.
#[derive(Default)]
pub(crate) struct Followed {
    /// Something was not there that may be there later.
    pub(super) again: bool,
    /// Versions on trial that no host will be able to load.
    pub(super) rejected: Vec<(Name, PluginVersion, String)>,
}

/// A chain under way.
#[derive(Default)]
struct Made {
    links: Vec<Link>,
    places: Vec<Place>,
    failures: Vec<String>,
    /// Whether a version that all sales rest on is missing.
    lacks_active: bool,
    followed: Followed,
}

impl Chains {
    pub(super) fn new(
        house: &House,
        registry: Arc<Registry>,
        loader: Loader,
        built_in: Arc<Generation>,
    ) -> Self {
        let (tripping, trips) = mpsc::channel(TRIPS_WAITING_MAX);
        Self {
            store: house.store.clone(),
            engine: house.engine.clone(),
            registry,
            loader,
            built_in,
            centers: Mutex::default(),
            tripping,
            recording: None,
            trips: Mutex::new(trips),
        }
    }

    /// The same, with decisions recorded.
    pub(crate) fn recorded_by(self, recording: Option<Recording>) -> Self {
        Self { recording, ..self }
    }

    /// The registry that is kept.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Centers that have plug-ins, or had them when they were last looked at.
    pub(super) async fn concerned(&self) -> Result<Vec<CenterId>> {
        let mut all = self.store.centers_with_plugins().await?;
        all.extend(self.centers.lock().await.keys().cloned());
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Brings a center's chain to what the database says. Where a version of it cannot be loaded,
    /// the chain before stays; without one before, the center is closed.
    pub(crate) async fn follow(&self, center: &CenterId) -> Result<Followed> {
        let plugins = self.store.plugins(center).await?;
        let publishers = self.store.publishers(center).await?;
        let mut centers = self.centers.lock().await;
        if plugins.is_empty() && !centers.contains_key(center) {
            return Ok(Followed::default());
        }
        let held = centers.entry(center.clone()).or_default();
        let mut made = Made::default();
        for plugin in &plugins {
            self.add(center, plugin, &publishers, held, &mut made)
                .await?;
        }
        let Made {
            links,
            places,
            failures,
            lacks_active,
            followed,
        } = made;
        if lacks_active {
            let first = held.published.is_none();
            if first {
                self.registry.close(center);
            }
            tell_failures(center, held, failures, first);
            return Ok(followed);
        }
        tell_failures(center, held, failures, false);
        held.forget_all_but(&links);
        if held.published.as_ref() != Some(&links) {
            self.publish(center, places);
            tell_loaded(center, &plugins, links.is_empty());
            held.published = Some(links);
        }
        Ok(followed)
    }

    /// Closes a center of which only is known that it has plug-ins.
    pub(super) fn close(&self, center: &CenterId) {
        self.registry.close(center);
    }

    fn publish(&self, center: &CenterId, mut places: Vec<Place>) {
        if places.is_empty() {
            return self.registry.withdraw(center);
        }
        // What no plug-in of the center answers, the built-in one does.
        places.push(Arc::clone(&self.built_in).into());
        self.registry.publish(center, places);
    }

    /// Adds a plug-in's place to a chain, if a version of it is asked.
    async fn add(
        &self,
        center: &CenterId,
        plugin: &PluginRecord,
        publishers: &[Publisher],
        held: &mut Held,
        made: &mut Made,
    ) -> Result<()> {
        let rollout = plugin.rollout()?;
        let mut link = Link {
            active: None,
            canary: None,
        };
        let mut place = Place::empty();
        let wanted = |version: &PluginVersion| Candidate {
            center,
            plugin,
            publishers,
            version: version.clone(),
        };
        if let Some(version) = rollout.active() {
            match self.asked(wanted(version), held).await {
                Ok((key, asked)) => {
                    link.active = Some(key);
                    place = asked.into();
                }
                Err(not) => {
                    made.lacks_active = true;
                    made.followed.again |= matches!(not, NotLoaded::Passing(_));
                    made.failures
                        .push(format!("{} {version}: {}", plugin.id, not.reason()));
                }
            }
        }
        if let Some((version, share)) = rollout.canary() {
            match self.asked(wanted(version), held).await {
                Ok((key, asked)) => {
                    link.canary = Some((key, version.clone(), share));
                    place = place.trying(asked, version.clone(), share);
                }
                Err(not) => {
                    let reason = not.reason();
                    made.failures
                        .push(format!("{} {version} (on trial): {reason}", plugin.id));
                    match not {
                        NotLoaded::Passing(_) => made.followed.again = true,
                        NotLoaded::Lasting(_) => {
                            let rejected = (plugin.id.clone(), version.clone(), reason);
                            made.followed.rejected.push(rejected);
                        }
                    }
                }
            }
        }
        if link.active.is_some() || link.canary.is_some() {
            made.links.push(link);
            made.places.push(place);
        }
        Ok(())
    }

    /// A version's generation: the one that is loaded already, or a new one.
    async fn asked(
        &self,
        candidate: Candidate<'_>,
        held: &mut Held,
    ) -> Result<(Key, Asked), NotLoaded> {
        let record = candidate.record().map_err(NotLoaded::Lasting)?;
        // Whoever may publish can change while the version does not.
        candidate
            .believe(self.engine.as_ref(), record)
            .map_err(NotLoaded::Lasting)?;
        let key = candidate.key(self.engine.as_ref(), record);
        if let Some(asked) = held.generations.get(&key) {
            return Ok((key, asked.clone()));
        }
        if let Some(reason) = held.refused.get(&key) {
            return Err(NotLoaded::Lasting(anyhow!("{reason}")));
        }
        match self.load(&candidate, record).await {
            Ok(generation) => {
                let follower = GenerationFollower::new(
                    candidate.center,
                    &candidate.plugin.id,
                    &candidate.version,
                    self.tripping.clone(),
                );
                let mut asked = Asked::followed_by(generation, Arc::new(follower));
                if let Some(recording) = &self.recording {
                    let (center, plugin) = (candidate.center, &candidate.plugin.id);
                    asked = asked.recorded_by(recording.of(center, plugin, record));
                }
                held.generations.insert(key, asked.clone());
                Ok((key, asked))
            }
            Err(not) => {
                if let NotLoaded::Lasting(error) = &not {
                    held.refused.insert(key, format!("{error:#}"));
                }
                Err(not)
            }
        }
    }

    async fn load(
        &self,
        candidate: &Candidate<'_>,
        record: &VersionRecord,
    ) -> Result<Arc<Generation>, NotLoaded> {
        let (center, plugin) = (candidate.center, &candidate.plugin.id);
        let read = self
            .store
            .plugin_component(center, plugin, &candidate.version)
            .await;
        let component = read.map_err(|error| NotLoaded::Passing(error.into()))?;
        let component = component
            .context("its component is not in the database")
            .map_err(NotLoaded::Lasting)?;
        if self.engine.digest(&[&component]) != record.sha256 {
            return Err(NotLoaded::Lasting(anyhow!(
                "its component is not the one that was published: the digest differs"
            )));
        }
        let wanted = Wanted {
            manifest: &record.manifest,
            grant: &record.grant,
            component,
        };
        self.loader.load(wanted).await
    }
}

/// A version that is to be asked.
struct Candidate<'a> {
    center: &'a CenterId,
    plugin: &'a PluginRecord,
    publishers: &'a [Publisher],
    version: PluginVersion,
}

impl Candidate<'_> {
    fn record(&self) -> Result<&VersionRecord> {
        let record = self.plugin.version(&self.version);
        record.with_context(|| format!("there is no version {}", self.version))
    }

    fn believe(&self, engine: &dyn Engine, record: &VersionRecord) -> Result<()> {
        if self.publishers.is_empty() {
            return Ok(());
        }
        let manifest = engine.digest(&[record.manifest.as_bytes()]);
        let signed = statement(
            self.center,
            &self.plugin.id,
            &self.version,
            &record.sha256,
            &manifest,
        );
        signed_by_one_of(
            engine,
            self.publishers,
            &signed,
            record.signature.as_deref(),
        )?;
        Ok(())
    }

    fn key(&self, engine: &dyn Engine, record: &VersionRecord) -> Key {
        let parts = frames(&[
            self.plugin.id.as_str().as_bytes(),
            self.version.as_str().as_bytes(),
            &record.sha256,
            record.manifest.as_bytes(),
            record.grant.as_bytes(),
        ]);
        engine.digest(&[&parts])
    }
}

impl Held {
    /// Generations that nobody will be asked any more go; requests under way keep theirs.
    fn forget_all_but(&mut self, links: &[Link]) {
        let kept: Vec<Key> = links
            .iter()
            .flat_map(|link| {
                let canary = link.canary.as_ref().map(|(key, _, _)| *key);
                [link.active, canary]
            })
            .flatten()
            .collect();
        self.generations.retain(|key, _| kept.contains(key));
        self.refused.clear();
    }
}

fn tell_failures(center: &CenterId, held: &mut Held, failures: Vec<String>, closed: bool) {
    if failures == held.told {
        return;
    }
    let consequence = match closed {
        true => "the center's downloads are refused until it can",
        false => "the versions before it answer on",
    };
    for failure in &failures {
        tracing::error!(
            event.code = NamedEvent::PluginNotLoaded.code(),
            event.name = NamedEvent::PluginNotLoaded.slug(),
            center.id = %center,
            reason = failure,
            "a plug-in could not be loaded; {consequence}"
        );
    }
    held.told = failures;
}

fn tell_loaded(center: &CenterId, plugins: &[PluginRecord], built_in: bool) {
    let asked = plugins.iter().filter_map(|plugin| {
        let rollout = plugin.rollout().ok()?;
        let active = rollout
            .active()
            .map(|version| format!("{} {version}", plugin.id));
        let canary = rollout.canary().map(|(version, share)| {
            format!("{} {version} for {} %", plugin.id, share.as_percent())
        });
        let asked: Vec<String> = active.into_iter().chain(canary).collect();
        (!asked.is_empty()).then(|| asked.join(" and "))
    });
    let asked: Vec<String> = asked.collect();
    let chain = match built_in {
        true => "the built-in plug-in".to_owned(),
        false => asked.join(", "),
    };
    tracing::info!(
        event.code = NamedEvent::PluginsLoaded.code(),
        event.name = NamedEvent::PluginsLoaded.slug(),
        center.id = %center,
        plugins.chain = chain,
        "the center's plug-ins are loaded"
    );
}
