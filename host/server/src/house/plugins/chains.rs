//! The chain of each center: read from the database, loaded, and put into the registry.

mod candidate;
mod held;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as Lock, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use colophon_core::capability::Name;
use colophon_core::rollout::PluginVersion;
use colophon_crypto::Engine;
use colophon_plugin_host::{Asked, Generation, Place, Registry};
use colophon_receipt::CenterId;
use colophon_store::plugins::PluginRecord;
use colophon_store::store::Store;
use tokio::sync::{Mutex, mpsc};

use self::candidate::{Candidate, Subject};
use self::held::{Held, Key, Link, Loaded, Stands};
use self::telling::{Failure, Instead, tell_failures, tell_loaded};
use super::booking::Booking;
use super::following::{GenerationFollower, Trip};
use super::loading::{Loader, NotLoaded, Wanted};
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
    built_in: Asked,
    /// Each center has a lock of its own, so that one whose plug-ins take long holds nobody else.
    centers: Lock<HashMap<CenterId, Arc<Mutex<Held>>>>,
    tripping: mpsc::Sender<Trip>,
    /// Who records decisions; nobody in commands.
    recording: Option<Recording>,
    /// Who books what calls cost; nobody in commands.
    booking: Option<Booking>,
    pub(super) trips: Mutex<mpsc::Receiver<Trip>>,
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
    failures: Vec<Failure>,
    /// Plug-ins that have an active version, loaded or not.
    active: HashSet<Name>,
    /// What is asked in it, or would be.
    wanted: HashSet<Key>,
    /// Whether a plug-in is missing that all sales rest on.
    lacks_plugin: bool,
    followed: Followed,
}

impl Chains {
    pub(super) fn new(
        house: &House,
        registry: Arc<Registry>,
        loader: Loader,
        built_in: Asked,
    ) -> Self {
        Self::of(
            house.store.clone(),
            house.engine.clone(),
            registry,
            loader,
            built_in,
        )
    }

    fn of(
        store: Arc<Store>,
        engine: Arc<dyn Engine>,
        registry: Arc<Registry>,
        loader: Loader,
        built_in: impl Into<Asked>,
    ) -> Self {
        let (tripping, trips) = mpsc::channel(TRIPS_WAITING_MAX);
        Self {
            store,
            engine,
            registry,
            loader,
            built_in: built_in.into(),
            centers: Lock::default(),
            tripping,
            recording: None,
            booking: None,
            trips: Mutex::new(trips),
        }
    }

    /// The same, with decisions recorded.
    pub(crate) fn recorded_by(self, recording: Option<Recording>) -> Self {
        Self { recording, ..self }
    }

    /// The same, with what calls cost booked.
    pub(super) fn booked_with(self, booking: Option<Booking>) -> Self {
        Self { booking, ..self }
    }

    /// The registry that is kept.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Centers that have plug-ins, or had them when they were last looked at.
    pub(super) async fn concerned(&self) -> Result<Vec<CenterId>> {
        let mut all = self.store.centers_with_plugins().await?;
        let centers = self.centers.lock();
        let centers = centers.unwrap_or_else(PoisonError::into_inner);
        all.extend(centers.keys().cloned());
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Closes a center of which nothing is known but that it has plug-ins.
    pub(super) async fn close(&self, center: &CenterId) {
        let held = self.held(center);
        let mut held = held.lock().await;
        self.registry.close(center);
        held.stands = Stands::Closed;
    }

    /// Brings a center's chain to what the database says. Where the active version of a plug-in
    /// cannot be loaded, the one that this host asked before is asked on, and all other plug-ins are
    /// followed. A plug-in of which nothing was ever loaded closes the center: its sales are not
    /// judged without it, whatever was answered before it was promoted.
    pub(crate) async fn follow(&self, center: &CenterId) -> Result<Followed> {
        let Some(held) = self.held_if_concerned(center).await? else {
            return Ok(Followed::default());
        };
        // Read under the lock, so that what is older never takes the place of what is newer.
        let mut held = held.lock().await;
        let plugins = self.store.plugins(center).await?;
        let publishers = self.store.publishers(center).await?;
        let mut made = Made::default();
        for plugin in &plugins {
            let subject = Subject {
                center,
                plugin,
                publishers: &publishers,
            };
            self.add(subject, &mut held, &mut made).await?;
        }
        held.rest_all_but(&made.active);
        held.forget_all_but(&made.wanted);
        tell_failures(center, &mut held.told, &made.failures);
        let stands = match made.lacks_plugin {
            true => Stands::Closed,
            false => Stands::Asked(made.links),
        };
        if held.stands != stands {
            match &stands {
                Stands::Closed => self.registry.close(center),
                Stands::Asked(links) => {
                    self.publish(center, made.places);
                    tell_loaded(center, links);
                }
                Stands::Unknown => {}
            }
            held.stands = stands;
        }
        Ok(made.followed)
    }

    /// What is held of a center that has plug-ins, or had them.
    async fn held_if_concerned(&self, center: &CenterId) -> Result<Option<Arc<Mutex<Held>>>> {
        let known = {
            let centers = self.centers.lock();
            let centers = centers.unwrap_or_else(PoisonError::into_inner);
            centers.get(center).map(Arc::clone)
        };
        if known.is_some() || self.store.plugins(center).await?.is_empty() {
            return Ok(known);
        }
        Ok(Some(self.held(center)))
    }

    fn held(&self, center: &CenterId) -> Arc<Mutex<Held>> {
        let centers = self.centers.lock();
        let mut centers = centers.unwrap_or_else(PoisonError::into_inner);
        Arc::clone(centers.entry(center.clone()).or_default())
    }

    fn publish(&self, center: &CenterId, mut places: Vec<Place>) {
        if places.is_empty() {
            return self.registry.withdraw(center);
        }
        // What no plug-in of the center answers, the built-in one does.
        places.push(self.built_in.clone().into());
        self.registry.publish(center, places);
    }

    /// Adds a plug-in's place to a chain, if a version of it is asked.
    async fn add(&self, subject: Subject<'_>, held: &mut Held, made: &mut Made) -> Result<()> {
        let plugin = subject.plugin;
        let rollout = plugin.rollout()?;
        let mut link = Link::of(&plugin.id);
        let mut place = Place::empty();
        if let Some(version) = rollout.active() {
            made.active.insert(plugin.id.clone());
            if let Some((loaded, asked)) = self.active(subject, version, held, made).await {
                link.active = Some(loaded);
                place = asked.into();
            }
        }
        if let Some((version, share)) = rollout.canary() {
            match self.version(subject, version, held, made).await {
                Ok((loaded, asked)) => {
                    link.canary = Some((loaded, share));
                    place = place.trying(asked, version.clone(), share);
                }
                Err(not) => made.lacks_trial(plugin, version, &not),
            }
        }
        if link.is_asked() {
            made.links.push(link);
            made.places.push(place);
        }
        Ok(())
    }

    /// The active version, or the one that was asked last in its place.
    async fn active(
        &self,
        subject: Subject<'_>,
        version: &PluginVersion,
        held: &mut Held,
        made: &mut Made,
    ) -> Option<(Loaded, Asked)> {
        let plugin = subject.plugin;
        match self.version(subject, version, held, made).await {
            Ok((loaded, asked)) => {
                held.ask(&plugin.id, loaded.clone());
                Some((loaded, asked))
            }
            Err(not) => {
                let before = held.last(&plugin.id);
                made.lacks_active(plugin, version, &not, before.as_ref());
                before
            }
        }
    }

    /// A version's generation: the one that is loaded already, or a new one.
    async fn version(
        &self,
        subject: Subject<'_>,
        version: &PluginVersion,
        held: &mut Held,
        made: &mut Made,
    ) -> Result<(Loaded, Asked), NotLoaded> {
        // Whoever may publish can change while the version does not, so it is looked at each time.
        let candidate = Candidate::of(subject, version, self.engine.as_ref());
        let candidate = candidate.map_err(NotLoaded::Passing)?;
        made.wanted.insert(candidate.key);
        if let Some(asked) = held.generations.get(&candidate.key) {
            return Ok((candidate.loaded(), asked.clone()));
        }
        if let Some(reason) = held.refused.get(&candidate.key) {
            return Err(NotLoaded::Lasting(anyhow!("{reason}")));
        }
        match self.load(&candidate).await {
            Ok(generation) => {
                let follower = GenerationFollower::new(
                    subject.center,
                    &subject.plugin.id,
                    version,
                    self.tripping.clone(),
                );
                let account = self.booking.as_ref().map(|booking| {
                    booking.of(&subject.plugin.id, version, candidate.record.sha256)
                });
                let follower = follower.booked_in(account);
                let mut asked = Asked::followed_by(generation, Arc::new(follower));
                if let Some(recording) = &self.recording {
                    let (center, plugin) = (subject.center, &subject.plugin.id);
                    asked = asked.recorded_by(recording.of(center, plugin, candidate.record));
                }
                held.generations.insert(candidate.key, asked.clone());
                Ok((candidate.loaded(), asked))
            }
            Err(not) => {
                if let NotLoaded::Lasting(error) = &not {
                    held.refused.insert(candidate.key, format!("{error:#}"));
                }
                Err(not)
            }
        }
    }

    async fn load(&self, candidate: &Candidate<'_>) -> Result<Arc<Generation>, NotLoaded> {
        let (center, plugin) = (candidate.subject.center, &candidate.subject.plugin.id);
        let record = candidate.record;
        let read = self
            .store
            .plugin_component(center, plugin, &record.version)
            .await;
        let component = read.map_err(|error| NotLoaded::Passing(error.into()))?;
        let component = component
            .context("its component is not in the database")
            .map_err(NotLoaded::Passing)?;
        if self.engine.digest(&[&component]) != record.sha256 {
            return Err(NotLoaded::Passing(anyhow!(
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

impl Made {
    fn lacks_active(
        &mut self,
        plugin: &PluginRecord,
        version: &PluginVersion,
        not: &NotLoaded,
        before: Option<&(Loaded, Asked)>,
    ) {
        self.followed.again |= matches!(not, NotLoaded::Passing(_));
        self.lacks_plugin |= before.is_none();
        self.failures.push(Failure {
            reason: format!("{} {version}: {}", plugin.id, not.brief()),
            instead: match before {
                Some((loaded, _)) => Instead::Before(loaded.version.clone()),
                None => Instead::Nobody,
            },
        });
    }

    fn lacks_trial(&mut self, plugin: &PluginRecord, version: &PluginVersion, not: &NotLoaded) {
        let reason = not.brief();
        self.failures.push(Failure {
            reason: format!("{} {version} (on trial): {reason}", plugin.id),
            instead: Instead::Active,
        });
        match not {
            NotLoaded::Passing(_) => self.followed.again = true,
            NotLoaded::Lasting(_) => {
                let rejected = (plugin.id.clone(), version.clone(), reason);
                self.followed.rejected.push(rejected);
            }
        }
    }
}
