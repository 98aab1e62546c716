//! The flow over the real records, while what is around it fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use async_trait::async_trait;
use colophon_activation::{InvalidPinnedRoots, PersonaId, PinnedRoots};
use colophon_core::activation::activate::{
    Activating, ActivationFailed, ActivationRequest, Outcome, PackageFailed, PackageParts, Packages,
};
use colophon_core::activation::grant::{GrantState, Progress};
use colophon_core::activation::key_pair::{PersonaCertificate, PersonaPublicKey};
use colophon_core::activation::ports::{
    ActivationAuthority, Activations, AuthorityFailed, Grants, Individual, LicenseRoots,
    RepositoryFailed, RepositoryOrder, RepositoryWorker, StatementFacts,
};
use colophon_core::id::{ActivationRef, GrantRef};
use colophon_core::time::Timestamp;
use colophon_keys::AwsLc;
use colophon_store::activation::ActivationStore;
use tokio::sync::Notify;

use super::ground::{approved, certificate, day, fresh, machine, persona, stock, used, waiting};
use crate::place::Place;

/// What the surroundings do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    WorkerBusy,
    WorkerBroken,
    /// The order is answered when the test says so.
    WorkerSilent,
    AuthorityBroken,
    TooManyRoots,
    AnotherRoot,
}

/// A repository worker and an authority that do as they are told. They stand for other processes.
pub(super) struct Surroundings {
    mood: AtomicU8,
    pub(super) made: AtomicUsize,
    /// Certificates issued; each has a serial number of its own.
    issued: AtomicU8,
    pub(super) ordered: Notify,
    pub(super) answered: Notify,
    chain: Vec<Vec<u8>>,
}

impl Surroundings {
    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::SeqCst) == mood as u8
    }

    pub(super) fn turn(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }
}

#[async_trait]
impl RepositoryWorker for Surroundings {
    async fn individualize(&self, order: RepositoryOrder) -> Result<Individual, RepositoryFailed> {
        self.ordered.notify_one();
        if self.is(Mood::WorkerSilent) {
            self.answered.notified().await;
        }
        if self.is(Mood::WorkerBusy) {
            return Err(RepositoryFailed::Busy);
        }
        if self.is(Mood::WorkerBroken) {
            return Err(RepositoryFailed::Broken("broken".into()));
        }
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(Individual {
            // A repository of chance that ends with the roots it was ordered with.
            module: fresh::<64>()
                .into_iter()
                .chain(order.roots.iter().flatten())
                .collect(),
            sealed_key: order.pkcs8.to_vec(),
        })
    }
}

#[async_trait]
impl ActivationAuthority for Surroundings {
    async fn certify(
        &self,
        _: &PersonaId,
        _: &PersonaPublicKey,
        now: Timestamp,
    ) -> Result<PersonaCertificate, AuthorityFailed> {
        if self.is(Mood::AuthorityBroken) {
            return Err(AuthorityFailed("broken".into()));
        }
        Ok(certificate(self.issued.fetch_add(1, Ordering::SeqCst), now))
    }

    async fn state(&self, facts: &StatementFacts) -> Result<String, AuthorityFailed> {
        Ok(format!("{} on {}", facts.persona, facts.machine))
    }

    fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }
}

impl LicenseRoots for Surroundings {
    fn pinned(&self) -> Result<PinnedRoots, InvalidPinnedRoots> {
        if self.is(Mood::TooManyRoots) {
            return Err(InvalidPinnedRoots::TooMany(65));
        }
        let root = if self.is(Mood::AnotherRoot) { 8 } else { 7 };
        PinnedRoots::new([[root; 32]])
    }
}

struct Joined;

impl Packages for Joined {
    fn package(&self, parts: &PackageParts<'_>) -> Result<Vec<u8>, PackageFailed> {
        let parts = [
            parts.statement.as_bytes(),
            parts.certificate,
            &parts.individual.sealed_key,
            &parts.individual.module,
        ];
        Ok(parts.concat())
    }
}

pub(super) struct Ground {
    pub(super) store: Arc<ActivationStore>,
    pub(super) around: Arc<Surroundings>,
    pub(super) flow: Arc<Activating>,
}

pub(super) async fn ground(place: &Place) -> Ground {
    let store = place.activation_store().await;
    let around = Arc::new(Surroundings {
        mood: AtomicU8::new(Mood::Well as u8),
        made: AtomicUsize::new(0),
        issued: AtomicU8::new(1),
        ordered: Notify::new(),
        answered: Notify::new(),
        chain: Vec::new(),
    });
    let flow = Arc::new(Activating {
        activations: store.clone(),
        grants: store.clone(),
        authority: around.clone(),
        roots: around.clone(),
        repository: around.clone(),
        packages: Arc::new(Joined),
        engine: Arc::new(AwsLc),
    });
    Ground {
        store,
        around,
        flow,
    }
}

impl Ground {
    pub(super) async fn request(&self, grant: GrantRef) -> ActivationRequest {
        ActivationRequest {
            grant: self.store.grant(grant).await.unwrap().unwrap(),
            facts: machine(1),
            reader: "reader 1".parse().unwrap(),
        }
    }

    pub(super) async fn ask(&self, grant: GrantRef) -> Result<Outcome, ActivationFailed> {
        let request = self.request(grant).await;
        self.flow.activate(&request, day(0)).await
    }

    pub(super) async fn progress(&self, grant: GrantRef) -> Progress {
        match self.store.grant(grant).await.unwrap().unwrap().state {
            GrantState::Approved(approval) => approval.progress,
            GrantState::Waiting | GrantState::Denied => panic!("not approved"),
        }
    }
}

#[track_caller]
pub(super) fn package(outcome: Result<Outcome, ActivationFailed>) -> (ActivationRef, Vec<u8>) {
    match outcome.unwrap() {
        Outcome::Activated {
            activation,
            package,
        } => (activation, package),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_failure_after_admission_costs_nothing(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    for mood in [
        Mood::AuthorityBroken,
        Mood::TooManyRoots,
        Mood::WorkerBroken,
        Mood::WorkerBusy,
    ] {
        ground.around.turn(mood);
        match ground.ask(grant).await {
            Ok(outcome) => assert_eq!(
                (outcome, mood as u8),
                (Outcome::Busy, Mood::WorkerBusy as u8)
            ),
            Err(ActivationFailed::Authority(_)) => assert!(mood == Mood::AuthorityBroken),
            Err(ActivationFailed::Roots(_)) => assert!(mood == Mood::TooManyRoots),
            Err(ActivationFailed::Repository(_)) => assert!(mood == Mood::WorkerBroken),
            Err(other) => panic!("{other:?}"),
        }
        assert!(matches!(
            ground.progress(grant).await,
            Progress::Admitted { .. }
        ));
    }
    ground.around.turn(Mood::Well);
    let (activation, _) = package(ground.ask(grant).await);
    assert_eq!(ground.progress(grant).await, Progress::Made { activation });
    assert_eq!(used(&ground.store, ada).await, 1);
}

/// The process that was making the package is gone; another one goes on.
pub(crate) async fn a_process_that_dies_while_it_makes_the_package_loses_nothing(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    ground.around.turn(Mood::WorkerSilent);
    let request = ground.request(grant).await;
    let flow = Arc::clone(&ground.flow);
    let dying = tokio::spawn(async move { flow.activate(&request, day(0)).await });
    ground.around.ordered.notified().await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    assert_eq!(used(&ground.store, ada).await, 1);

    ground.around.turn(Mood::Well);
    let (activation, _) = package(ground.ask(grant).await);
    let noted = ground.store.list_activations(ada).await.unwrap();
    assert_eq!((noted.len(), noted[0].activation), (1, activation));
    assert_eq!(used(&ground.store, ada).await, 1);
}

/// The connection breaks while the package is sent: the reader asks again, as often as it takes.
pub(crate) async fn a_package_that_did_not_arrive_is_sent_again(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let first = package(ground.ask(grant).await);
    for _ in 0..3 {
        assert_eq!(package(ground.ask(grant).await), first);
    }
    ground.flow.sent(grant, first.0).await.unwrap();
    assert_eq!(package(ground.ask(grant).await), first);
    let sent = Progress::Sent {
        activation: first.0,
    };
    assert_eq!(ground.progress(grant).await, sent);
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 1);
    assert_eq!(used(&ground.store, ada).await, 1);
}

/// What a reader gets under one grant stays the same bytes; a root that came later is for the next
/// activation, which the same machine gets without another count.
pub(crate) async fn a_new_root_is_for_the_next_approval_and_not_for_a_retry(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let first = package(ground.ask(grant).await);
    assert!(first.1.ends_with(&[7; 32]));
    ground.around.turn(Mood::AnotherRoot);
    assert_eq!(package(ground.ask(grant).await), first);

    let again = approved(&ground.store, ada, day(0)).await;
    let second = package(ground.ask(again).await);
    assert!(second.1.ends_with(&[8; 32]));
    assert_ne!(second.0, first.0);
    assert_eq!(used(&ground.store, ada).await, 1);
}

pub(crate) async fn requests_at_once_get_one_package(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let mut asking = Vec::new();
    for _ in 0..8 {
        let flow = Arc::clone(&ground.flow);
        let request = ground.request(grant).await;
        asking.push(tokio::spawn(async move {
            package(flow.activate(&request, day(0)).await)
        }));
    }
    let mut packages = Vec::new();
    for asked in asking {
        packages.push(asked.await.unwrap());
    }
    packages.dedup();
    assert_eq!(packages.len(), 1);
    assert_eq!(used(&ground.store, ada).await, 1);
}

pub(crate) async fn an_empty_pool_is_said_and_made_up_for(place: &Place) {
    let ground = ground(place).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    assert_eq!(ground.ask(grant).await.unwrap(), Outcome::PoolEmpty);
    assert_eq!(ground.progress(grant).await, Progress::AwaitsKeys);
    assert_eq!(ground.around.made.load(Ordering::SeqCst), 0);
    stock(&ground.store, 1).await;
    package(ground.ask(grant).await);
    let undecided = waiting(&ground.store, day(0)).await.record;
    assert_eq!(ground.ask(undecided).await.unwrap(), Outcome::NoGrant);
}

impl Ground {
    /// Asks, and does something while the repository is being made.
    async fn ask_while(&self, grant: GrantRef, meanwhile: impl AsyncFnOnce()) -> Outcome {
        self.around.turn(Mood::WorkerSilent);
        let request = self.request(grant).await;
        let flow = Arc::clone(&self.flow);
        let asking = tokio::spawn(async move { flow.activate(&request, day(0)).await });
        self.around.ordered.notified().await;
        meanwhile().await;
        self.around.turn(Mood::Well);
        self.around.answered.notify_one();
        asking.await.unwrap().unwrap()
    }
}

/// An operator withdraws the persona while its package is being made.
pub(crate) async fn a_persona_withdrawn_meanwhile_gets_nothing(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let withdraw = async || ground.store.withdraw(ada, day(0)).await.unwrap();
    let outcome = ground.ask_while(grant, withdraw).await;
    assert_eq!(outcome, Outcome::Withdrawn);
    let revoked = ground.store.revoked_certificates(day(0)).await.unwrap();
    assert_eq!(revoked.len(), 1, "the one that was issued before");
    assert_eq!(ground.ask(grant).await.unwrap(), Outcome::Withdrawn);
}

/// An operator withdraws the persona and thinks better of it while its package is being made. The
/// certificate that was issued before stays revoked, so the reader gets another.
pub(crate) async fn a_persona_reinstated_meanwhile_gets_a_new_certificate(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let withdraw_and_reinstate = async || {
        ground.store.withdraw(ada, day(0)).await.unwrap();
        ground.store.reinstate(ada).await.unwrap();
    };
    let outcome = ground.ask_while(grant, withdraw_and_reinstate).await;
    let made = package(Ok(outcome));
    let revoked = ground.store.revoked_certificates(day(0)).await.unwrap();
    let serials: Vec<&[u8]> = revoked.iter().map(|row| row.serial.as_slice()).collect();
    assert_eq!(serials, [&[1; 16]]);
    let text = String::from_utf8_lossy(&made.1);
    assert!(text.contains("Canarycertificate 2"), "{text}");
    assert!(!text.contains("Canarycertificate 1"), "{text}");
    assert_eq!(package(ground.ask(grant).await), made);
    assert_eq!(used(&ground.store, ada).await, 1);
}

/// Its person releases the machine while its package is being made.
pub(crate) async fn a_machine_released_meanwhile_gets_no_package(place: &Place) {
    let ground = ground(place).await;
    stock(&ground.store, 1).await;
    let ada = persona(&ground.store, "ada").await;
    let grant = approved(&ground.store, ada, day(0)).await;
    let release = async || {
        let device = ground.store.devices(ada).await.unwrap()[0].record;
        assert!(ground.store.release(ada, device, day(0)).await.unwrap());
    };
    let outcome = ground.ask_while(grant, release).await;
    assert_eq!(outcome, Outcome::NoGrant);
}
