mod narrowing;
mod signing;
mod stepping;

use std::time::{Duration, Instant};

use colophon_core::capability::{EachPlugin, Name};
use colophon_core::change::{Caches, Change};
use colophon_core::plugin::{CallContext, Plugins as _};
use colophon_core::rollout::{Share, Step};
use colophon_core::time::Timestamp;
use colophon_crypto::Key32;
use colophon_keys::{AwsLc, Envelope, MasterKey, MasterKeys, StoredSigners, SystemRandom};
use colophon_plugin_host::{
    CATALOG_PLUGIN, CompilerProgram, Granted, Limits, LineQueue, Sandbox, Settings,
};
use colophon_store::centers::NewCenter;
use colophon_store::database::DatabaseAddress;
use colophon_store::plugins::{HeldAgainst, NewVersion};
use colophon_store::secrets::Secrets;
use colophon_store::store::Databases;
use colophon_title::CopyKey;
use tempfile::TempDir;

use super::telling::shown;
use super::*;
use crate::house::plugins::outside::shared_web;
use crate::house::plugins::publisher::Verifying;
use crate::house::plugins::watch::ChainWatch;

const EMPTY_COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A fulfillment database with the centers `north` and `south`.
struct Ground {
    folder: TempDir,
    store: Arc<Store>,
}

fn moment() -> Timestamp {
    Timestamp::from_unix_ms(1)
}

fn center(name: &str) -> CenterId {
    name.parse().unwrap()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn version(text: &str) -> PluginVersion {
    text.parse().unwrap()
}

/// The built-in plug-in with a label, which makes another component of it.
fn labelled(label: u8) -> Vec<u8> {
    [CATALOG_PLUGIN, &[0, 3, 1, b'l', label]].concat()
}

impl Ground {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("sqlite://{}", folder.path().join("c.db").display());
        let address: DatabaseAddress = address.parse().unwrap();
        let databases = Databases::open(&address, &address).await.unwrap();
        databases.migrate(moment()).await.unwrap();
        let key = MasterKey::new(1.try_into().unwrap(), Key32::new([7; 32]));
        let secrets = Secrets::new(
            Arc::new(Envelope::new(Arc::new(AwsLc), MasterKeys::of(key))),
            Arc::new(AwsLc),
            Box::new(SystemRandom),
            Arc::new(StoredSigners),
        );
        let store = Arc::new(databases.into_store(secrets).await.unwrap());
        for id in ["north", "south"] {
            let new = NewCenter {
                id: center(id),
                name: id.to_owned(),
                time_policy: Default::default(),
                copy_key: CopyKey::new(Key32::new([3; 32])),
            };
            store.add_center(&new, moment()).await.unwrap();
        }
        Self { folder, store }
    }

    fn settings(&self) -> Settings {
        Settings {
            precompiled: Some(self.folder.path().join("compiled")),
            ..Settings::default()
        }
    }

    /// What keeps the chains of one host.
    async fn host(&self) -> Chains {
        self.host_with(&self.settings()).await
    }

    async fn host_with(&self, settings: &Settings) -> Chains {
        let sandbox = Sandbox::start(settings).unwrap();
        let granted = Granted::catalog(Limits::default());
        let built_in = sandbox.load(CATALOG_PLUGIN, granted).await.unwrap();
        let loader = Loader {
            sandbox: Arc::clone(&sandbox),
            values: self.store.clone(),
            lines: LineQueue::to_log().unwrap(),
            web: shared_web().unwrap(),
            statements: EachPlugin::default(),
        };
        let registry = Registry::new(sandbox, self.store.clone(), [Arc::clone(&built_in)]);
        Chains::of(
            self.store.clone(),
            Arc::new(AwsLc),
            Arc::new(registry),
            loader,
            built_in,
        )
    }

    async fn publish(&self, at: &str, plugin: &str, number: &str, component: &[u8]) {
        let manifest = format!(
            "id = \"{plugin}\"\nversion = \"{number}\"\napi = \"1.0\"\ncatalog = true\n\
             roles = [\"resolver\", \"policy\", \"naming\"]\n"
        );
        let grant = format!("plugin = \"{plugin}\"\ncatalog = true\n");
        self.publish_as(at, plugin, number, component, (manifest, grant))
            .await;
    }

    async fn publish_as(
        &self,
        at: &str,
        plugin: &str,
        number: &str,
        component: &[u8],
        (manifest, grant): (String, String),
    ) {
        let (at, id) = (center(at), name(plugin));
        let kept = self.store.kept_plugin(&at, &id).await.unwrap();
        let new = NewVersion {
            center: at,
            plugin: id,
            version: version(number),
            sha256: AwsLc.digest(&[component]),
            component: component.to_vec(),
            manifest,
            cases: "[]".to_owned(),
            grant: match kept {
                Some(_) => HeldAgainst::Grant(grant),
                None => HeldAgainst::Nothing(grant),
            },
            signature: None,
        };
        self.store.publish_plugin(&new, moment()).await.unwrap();
    }

    async fn step(&self, at: &str, plugin: &str, step: Step) {
        let (at, plugin) = (center(at), name(plugin));
        let signatures = Verifying(&AwsLc);
        let stepped = self
            .store
            .step_plugin(&at, &plugin, &step, &signatures, moment());
        stepped.await.unwrap();
    }

    async fn promote(&self, at: &str, plugin: &str, number: &str) {
        self.step(at, plugin, Step::Promote(version(number))).await;
    }
}

/// A component that instantiates a module with a memory five times.
fn five_memories() -> Vec<u8> {
    let module = *b"\0asm\x01\0\0\0\x05\x03\x01\0\x01";
    let instances = [[0, 0, 0]; 5].concat();
    [
        EMPTY_COMPONENT,
        &[1, module.len() as u8],
        &module,
        &[2, 1 + instances.len() as u8, 5],
        &instances,
    ]
    .concat()
}

/// What is asked in a center; none where it is closed.
async fn asked(chains: &Chains, at: &str) -> Option<String> {
    let closed = is_closed(chains, at).await;
    let known = chains.known_or_new(&center(at));
    let standing = locked(&known.standing);
    match &standing.stands {
        Stands::Closed => {
            assert!(closed, "{at} is not closed");
            None
        }
        Stands::Asked(links) => {
            assert!(!closed, "{at} is closed");
            Some(links.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Stands::Unknown => Some(String::new()),
    }
}

/// Waits until something is so, which takes a moment.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waited.expect("it never came to that");
}

/// A compiler that says when it is at work, and gives up when it is told to.
struct Stuck(std::path::PathBuf);

impl Stuck {
    fn on(ground: &Ground) -> Self {
        Self(ground.folder.path().to_owned())
    }

    fn compiler(&self) -> CompilerProgram {
        let script =
            ": > \"$0/begun\"; while [ ! -e \"$0/enough\" ]; do /bin/sleep 0.05; done; exit 1";
        let arguments = ["-c".into(), script.into(), self.0.clone().into_os_string()];
        CompilerProgram::new::<std::ffi::OsString>("/bin/sh", arguments)
    }

    async fn begun(&self) {
        until(async || self.0.join("begun").exists()).await;
    }

    fn give_up(&self) {
        std::fs::write(self.0.join("enough"), "").unwrap();
    }
}

/// Whether the registry refuses to decide anything for a center.
async fn is_closed(chains: &Chains, at: &str) -> bool {
    let context = CallContext {
        request_id: "1".to_owned(),
        now: moment(),
        center: center(at),
        retailer: "shop".parse().unwrap(),
        purchase: None,
    };
    let plugins = chains.registry().of_center(&center(at));
    let named = plugins.begin(context).file_name(Vec::new()).await;
    named == Err(colophon_core::plugin::PluginFailure::NotLoaded)
}

#[tokio::test]
async fn a_plug_in_that_cannot_be_loaded_holds_no_other_plug_in_back() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    for plugin in ["a", "b"] {
        ground.publish("north", plugin, "1", &labelled(1)).await;
        ground.promote("north", plugin, "1").await;
    }
    chains.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&chains, "north").await.unwrap(), "a 1, b 1");

    ground.publish("north", "a", "2", b"rubbish").await;
    ground.promote("north", "a", "2").await;
    ground.publish("north", "b", "2", &labelled(2)).await;
    ground.promote("north", "b", "2").await;
    let followed = chains.follow(&center("north")).await.unwrap();
    assert!(followed.again, "another release may be able to load it");
    assert_eq!(asked(&chains, "north").await.unwrap(), "a 1, b 2");

    ground.step("north", "b", Step::Withdraw).await;
    chains.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&chains, "north").await.unwrap(), "a 1");
    // A host that starts now has never had a version of it.
    let started = ground.host().await;
    started.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&started, "north").await, None);

    ground.publish("north", "a", "3", &labelled(3)).await;
    ground.promote("north", "a", "3").await;
    for chains in [&chains, &started] {
        let followed = chains.follow(&center("north")).await.unwrap();
        assert!(!followed.again);
        assert_eq!(asked(chains, "north").await.unwrap(), "a 3");
    }
}

#[tokio::test]
async fn a_first_promotion_does_not_hang_on_whether_the_host_has_looked_before() {
    let ground = Ground::new().await;
    let (early, late) = (ground.host().await, ground.host().await);
    ground.publish("north", "a", "1", b"rubbish").await;
    early.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&early, "north").await.unwrap(), "");
    ground.promote("north", "a", "1").await;
    for chains in [&early, &late] {
        chains.follow(&center("north")).await.unwrap();
        assert_eq!(asked(chains, "north").await, None);
    }
    // Withdrawn, it is missed by nobody.
    ground.step("north", "a", Step::Withdraw).await;
    for chains in [&early, &late] {
        chains.follow(&center("north")).await.unwrap();
        assert_eq!(asked(chains, "north").await.unwrap(), "");
    }
}

#[tokio::test]
async fn only_a_component_at_fault_is_rejected() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    let trial = |number: &str| Step::Canary(version(number), Share::percent(10).unwrap());
    ground.publish("north", "a", "2", b"rubbish").await;
    ground.step("north", "a", trial("2")).await;
    let followed = chains.follow(&center("north")).await.unwrap();
    assert!(followed.again && followed.rejected.is_empty());

    ground.publish("north", "a", "3", EMPTY_COMPONENT).await;
    ground.step("north", "a", trial("3")).await;
    let followed = chains.follow(&center("north")).await.unwrap();
    let [(plugin, number, reason)] = followed.rejected.as_slice() else {
        panic!("{} rejected", followed.rejected.len())
    };
    assert_eq!((plugin.as_str(), number.as_str()), ("a", "3"));
    assert!(reason.contains("does not export"), "{reason}");

    // More parts than any plug-in may have.
    ground.publish("north", "a", "5", &five_memories()).await;
    ground.step("north", "a", trial("5")).await;
    let followed = chains.follow(&center("north")).await.unwrap();
    let [(_, number, reason)] = followed.rejected.as_slice() else {
        panic!("{} rejected", followed.rejected.len())
    };
    assert_eq!(number.as_str(), "5");
    assert!(reason.contains("at most 64 instances"), "{reason}");
}

#[tokio::test]
async fn what_is_gone_back_to_is_loaded_still() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    for number in ["1", "2", "3"] {
        let component = labelled(number.as_bytes()[0]);
        ground.publish("north", "a", number, &component).await;
        ground.promote("north", "a", number).await;
        chains.follow(&center("north")).await.unwrap();
    }
    let held = chains.known_or_new(&center("north"));
    assert_eq!(held.held.lock().await.generations.len(), 2);
    let seen = Some(version("3"));
    ground.step("north", "a", Step::Rollback { seen }).await;
    chains.follow(&center("north")).await.unwrap();
    assert_eq!(asked(&chains, "north").await.unwrap(), "a 2");
    ground.step("north", "a", Step::Withdraw).await;
    chains.follow(&center("north")).await.unwrap();
    let held = held.held.lock().await;
    assert!(held.last(&name("a")).is_none(), "it came back by itself");
    let versions = held.generations.len();
    assert_eq!(versions, 1, "what was withdrawn may be gone back to");
}

#[tokio::test]
async fn what_is_removed_is_let_go() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    for number in ["1", "2"] {
        let component = labelled(number.as_bytes()[0]);
        ground.publish("north", "a", number, &component).await;
        ground.promote("north", "a", number).await;
        chains.follow(&center("north")).await.unwrap();
    }
    let held = chains.known_or_new(&center("north"));
    let loaded = async || held.held.lock().await.generations.len();
    assert_eq!(loaded().await, 2);
    let (north, a, first) = (center("north"), name("a"), version("1"));
    let removed = ground
        .store
        .remove_plugin_version(&north, &a, &first, moment());
    removed.await.unwrap();
    chains.follow(&north).await.unwrap();
    assert_eq!(loaded().await, 1, "nobody can go back to it");
    ground.step("north", "a", Step::Withdraw).await;
    chains.follow(&north).await.unwrap();
    assert_eq!(loaded().await, 1, "it may be gone back to");
    let removed = ground.store.remove_plugin(&north, &a, moment());
    removed.await.unwrap();
    chains.follow(&north).await.unwrap();
    assert_eq!(loaded().await, 0);
}

#[tokio::test]
async fn code_stays_as_long_as_a_version_names_it() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    chains.follow(&center("north")).await.unwrap();
    let code = || {
        let files = std::fs::read_dir(ground.folder.path().join("compiled"));
        files.unwrap().count()
    };
    let much_later = Timestamp::from_unix_ms(i64::MAX / 2);
    assert_eq!(code(), 2, "the built-in plug-in's and its own");
    chains.forget_code(much_later).await.unwrap();
    assert_eq!(code(), 2);
    ground.step("north", "a", Step::Withdraw).await;
    let (north, a) = (center("north"), name("a"));
    let removed = ground.store.remove_plugin(&north, &a, moment());
    removed.await.unwrap();
    chains.forget_code(moment()).await.unwrap();
    assert_eq!(code(), 2, "it was made only now");
    chains.forget_code(much_later).await.unwrap();
    assert_eq!(code(), 1);
}

/// Caches of records, of which there are none here.
struct NoRecords;

impl Caches for NoRecords {
    fn apply(&self, _: &Change) {}
    fn flush(&self) {}
    fn renew(&self, _: Timestamp, _: Timestamp) {}
}

#[tokio::test]
async fn a_center_that_compiles_for_long_holds_neither_the_start_nor_another_center() {
    let ground = Ground::new().await;
    ground.publish("south", "a", "1", &labelled(1)).await;
    ground.promote("south", "a", "1").await;
    // Its code is kept from then on.
    ground.host().await.follow(&center("south")).await.unwrap();
    ground.publish("north", "a", "1", &labelled(2)).await;
    ground.promote("north", "a", "1").await;
    let settings = Settings {
        compiler: Some(CompilerProgram::new("/bin/sleep", ["60"])),
        ..ground.settings()
    };
    let chains = Arc::new(ground.host_with(&settings).await);
    let begun = Instant::now();
    let patience = Duration::from_secs(1);
    let started = ChainWatch::start(Arc::clone(&chains), Arc::new(NoRecords), patience);
    let (watch, changed) = started.await.unwrap();
    until(async || !is_closed(&chains, "south").await).await;
    assert!(is_closed(&chains, "north").await);
    // Nor does it hold back what changes later.
    ground.step("south", "a", Step::Withdraw).await;
    changed.flush();
    until(async || asked(&chains, "south").await.unwrap().is_empty()).await;
    watch.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(55));
}
