//! The chain of each center: read from the database, loaded, and put into the registry.

mod candidate;
mod held;
mod made;
mod standing;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use colophon_core::rollout::PluginVersion;
use colophon_core::time::Timestamp;
use colophon_crypto::Engine;
use colophon_plugin_host::{Asked, Digested, Generation, Place, Registry};
use colophon_receipt::CenterId;
use colophon_store::failure::ReadError;
use colophon_store::store::Store;
use tokio::sync::{Mutex, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::candidate::{Candidate, Subject};
use self::held::{Held, Link, Loaded, Ready, Refused};
pub(crate) use self::made::Followed;
use self::made::Made;
use self::standing::{Standing, Stands, locked};
use self::telling::{Instead, tell_failures, tell_loaded};
use super::booking::Booking;
use super::following::{GenerationFollower, Trip};
use super::loading::{Loader, NotLoaded, Wanted};
use super::recording::Recording;
use crate::house::House;

/// Trips that wait for somebody to act on them; more are told again soon enough.
const TRIPS_WAITING_MAX: usize = 64;

/// How long the database has to say which plug-ins a center has; then it is asked again later.
const READ_MAX: Duration = Duration::from_secs(10);

async fn in_time<T>(reading: impl Future<Output = Result<T, ReadError>>) -> Result<T> {
    let read = timeout(READ_MAX, reading).await;
    Ok(read.context("the database does not answer")??)
}

/// A center that has plug-ins, or had them.
#[derive(Default)]
struct Known {
    /// Each center has a lock of its own, so that one whose plug-ins take long holds nobody else.
    held: Mutex<Held>,
    /// Never locked for longer than it takes to look.
    standing: Lock<Standing>,
}

/// Keeps the registry as the database has it.
pub(crate) struct Chains {
    pub(super) store: Arc<Store>,
    pub(super) engine: Arc<dyn Engine>,
    registry: Arc<Registry>,
    loader: Loader,
    built_in: Asked,
    centers: Lock<HashMap<CenterId, Arc<Known>>>,
    tripping: mpsc::Sender<Trip>,
    /// Who records decisions; nobody in commands.
    recording: Option<Recording>,
    /// Who books what calls cost; nobody in commands.
    booking: Option<Booking>,
    pub(super) trips: Mutex<mpsc::Receiver<Trip>>,
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

    /// Deletes native code that this host has kept of components that no version has any more.
    pub(super) async fn forget_code(&self, now: Timestamp) -> Result<()> {
        let named = self.store.plugin_digests().await?;
        let deleted = self.registry.sandbox().forget_code_but(named, now).await;
        if deleted > 0 {
            tracing::info!(
                files = deleted,
                "compiled plug-ins of versions that are gone were deleted"
            );
        }
        Ok(())
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
    pub(super) fn close(&self, center: &CenterId) {
        let known = self.known_or_new(center);
        let mut standing = locked(&known.standing);
        self.put(center, &mut standing, Stands::Closed, None);
    }

    /// Brings a center's chain to what the database says. Where the active version of a plug-in
    /// cannot be loaded, the one that this host asked before is asked on, and all other plug-ins are
    /// followed. A plug-in of which nothing was ever loaded closes the center: its sales are not
    /// judged without it, whatever was answered before it was promoted. So does one whose grant has
    /// been narrowed since, or that nobody who may publish has signed any more: what was taken away is
    /// not used while the next version cannot be loaded, whether it went before or meanwhile.
    pub(crate) async fn follow(&self, center: &CenterId) -> Result<Followed> {
        let Some(known) = self.known_if_concerned(center).await? else {
            return Ok(Followed::default());
        };
        // Read under the lock, so that what is older never takes the place of what is newer.
        let mut held = known.held.lock().await;
        let followed = tokio::select! {
            biased;
            followed = self.bring(center, &mut held, &known.standing) => followed,
            never = self.watch(center, &known.standing) => match never {},
        };
        if followed.is_err() {
            // Nobody knows when the next try comes to an end.
            self.cut(center, &known.standing);
        }
        followed
    }

    async fn bring(
        &self,
        center: &CenterId,
        held: &mut Held,
        standing: &Lock<Standing>,
    ) -> Result<Followed> {
        let papers = in_time(self.papers(center)).await?;
        self.notice(center, standing, &papers);
        let mut made = Made::default();
        for plugin in &papers.plugins {
            let subject = Subject {
                center,
                plugin,
                signatures: self.signatures(center, &papers),
            };
            self.add(subject, held, &mut made).await?;
        }
        held.rest_all_but(&made.active);
        if held.holds_for_later() {
            let kept = in_time(self.store.kept_plugin_versions(center)).await?;
            held.go_back_only_to(&kept);
        }
        held.forget_all_but(&made.wanted);
        // What was loaded may have taken long, and was judged by what was read before it.
        let papers = in_time(self.papers(center)).await?;
        let signatures = self.signatures(center, &papers);
        let overstepping = papers.overstepped_by(&made.links, &held.generations, signatures);
        if !overstepping.is_empty() {
            self.notice(center, standing, &papers);
            self.cut(center, standing);
            made.followed.again = true;
            return Ok(made.followed);
        }
        tell_failures(center, &mut held.told, &made.failures);
        let stands = match made.lacks_plugin {
            true => Stands::Closed,
            // Steps that were taken meanwhile, as far as nothing has to be loaded for them.
            false => {
                let of = (center, signatures);
                Stands::Asked(papers.stepped_all(&made.links, &held.generations, of))
            }
        };
        let mut standing = locked(standing);
        if standing.stands != stands
            && let Stands::Asked(links) = &stands
        {
            tell_loaded(center, links);
        }
        self.put(center, &mut standing, stands, held.generations.clone());
        Ok(made.followed)
    }

    /// What is known of a center that has plug-ins, or had them.
    async fn known_if_concerned(&self, center: &CenterId) -> Result<Option<Arc<Known>>> {
        let known = self.known(center);
        if known.is_some() || self.store.plugins(center).await?.is_empty() {
            return Ok(known);
        }
        Ok(Some(self.known_or_new(center)))
    }

    fn known(&self, center: &CenterId) -> Option<Arc<Known>> {
        let centers = self.centers.lock();
        let centers = centers.unwrap_or_else(PoisonError::into_inner);
        centers.get(center).map(Arc::clone)
    }

    fn known_or_new(&self, center: &CenterId) -> Arc<Known> {
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
        if let Some(version) = rollout.active() {
            made.active.insert(plugin.id.clone());
            link.active = self.active(subject, version, held, made).await;
        }
        if let Some((version, share)) = rollout.canary() {
            match self.version(subject, version, held, made).await {
                Ok(loaded) => link.canary = Some((loaded, share)),
                Err(not) => made.lacks_trial(plugin, version, &not),
            }
        }
        if link.is_asked() {
            made.links.push(link);
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
    ) -> Option<Loaded> {
        let plugin = subject.plugin;
        match self.version(subject, version, held, made).await {
            Ok(loaded) => {
                held.ask(&plugin.id, loaded.clone());
                Some(loaded)
            }
            Err(not) => {
                let granted = plugin.version(version).map(|record| record.grant.as_str());
                let last = held.last(&plugin.id);
                let instead = match &last {
                    None => Instead::Nobody,
                    Some((loaded, ready)) if !ready.is_signed(&plugin.id, subject.signatures) => {
                        match loaded.version == *version {
                            true => Instead::Nobody,
                            false => Instead::Unsigned(loaded.version.clone()),
                        }
                    }
                    Some((loaded, ready)) => match granted {
                        Some(grant) if ready.is_granted_still(grant) => {
                            Instead::Before(loaded.version.clone())
                        }
                        Some(_) | None => Instead::Narrowed(loaded.version.clone()),
                    },
                };
                let is_asked_on = matches!(instead, Instead::Before(_));
                made.lacks_active(plugin, version, &not, instead);
                let (loaded, _) = last.filter(|_| is_asked_on)?;
                Some(loaded)
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
    ) -> Result<Loaded, NotLoaded> {
        // Whoever may publish can change while the version does not, so it is looked at each time.
        let candidate = Candidate::of(subject, version);
        let candidate = candidate.map_err(NotLoaded::Passing)?;
        made.wanted.insert(candidate.key);
        if held.generations.contains_key(&candidate.key) {
            return Ok(candidate.loaded());
        }
        if let Some(Refused { reason, everywhere }) = held.refused.get(&candidate.key) {
            let not = if *everywhere {
                NotLoaded::Lasting
            } else {
                NotLoaded::Here
            };
            return Err(not(anyhow!("{reason}")));
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
                let memory_most = held.memory_most(&subject.plugin.id);
                let follower = follower.sharing(memory_most).booked_in(account);
                let mut asked = Asked::followed_by(generation, Arc::new(follower));
                if let Some(recording) = &self.recording {
                    let (center, plugin) = (subject.center, &subject.plugin.id);
                    asked = asked.recorded_by(recording.of(center, plugin, candidate.record));
                }
                let ready = Ready::of(asked, candidate.record);
                held.generations.insert(candidate.key, ready);
                Ok(candidate.loaded())
            }
            Err(not) => {
                if let NotLoaded::Lasting(error) | NotLoaded::Here(error) = &not {
                    let refused = Refused {
                        reason: format!("{error:#}"),
                        everywhere: matches!(not, NotLoaded::Lasting(_)),
                    };
                    held.refused.insert(candidate.key, refused);
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
        // A large one takes a moment, for which no request on this thread should wait.
        let digested = spawn_blocking(|| Digested::of(component)).await;
        let component = digested.map_err(|lost| NotLoaded::Passing(lost.into()))?;
        if *component.sha256() != record.sha256 {
            return Err(NotLoaded::Passing(anyhow!(
                "its component is not the one that was published: the digest differs"
            )));
        }
        let wanted = Wanted {
            center,
            manifest: &record.manifest,
            grant: &record.grant,
            component: &component,
        };
        self.loader.load(wanted).await
    }
}
