//! Publishers who come and go while versions are asked.

use colophon_keys::{KeyKind, PrivateKey};
use colophon_store::plugins::{LastPublisher, Publisher};

use super::*;
use crate::house::plugins::statement;

/// Names somebody whose key signs nothing.
async fn add_publisher(ground: &Ground) {
    add_publisher_with(ground, "ada", vec![1, 2, 3]).await;
}

async fn add_publisher_with(ground: &Ground, name: &str, public_key: Vec<u8>) {
    let publisher = Publisher {
        name: name.to_owned(),
        public_key,
        created_at: moment(),
    };
    let north = center("north");
    let added = ground.store.add_publisher(&north, &publisher);
    added.await.unwrap();
}

/// Somebody who may publish.
async fn publisher(ground: &Ground, name: &str) -> PrivateKey {
    let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    add_publisher_with(ground, name, key.public_spki_der().to_vec()).await;
    key
}

async fn remove_publisher(ground: &Ground, name: &str) {
    let (north, last) = (center("north"), LastPublisher::MayGo);
    let removed = ground.store.remove_publisher(&north, name, last);
    removed.await.unwrap();
}

/// A version for `north` with its publisher's signature.
async fn publish_signed(ground: &Ground, plugin: &str, number: &str, label: u8, key: &PrivateKey) {
    let component = labelled(label);
    let manifest = format!(
        "id = \"{plugin}\"\nversion = \"{number}\"\napi = \"1.0\"\ncatalog = true\n\
         roles = [\"resolver\", \"policy\", \"naming\"]\n"
    );
    let sha256 = AwsLc.digest(&[&component]);
    let papers = AwsLc.digest(&[manifest.as_bytes()]);
    let stated = statement(
        &center("north"),
        &name(plugin),
        &version(number),
        &sha256,
        &papers,
    );
    let kept = ground
        .store
        .kept_plugin(&center("north"), &name(plugin))
        .await;
    let new = NewVersion {
        center: center("north"),
        plugin: name(plugin),
        version: version(number),
        sha256,
        component,
        manifest,
        cases: "[]".to_owned(),
        grant: match kept.unwrap() {
            Some(kept) => HeldAgainst::Grant(kept.grant),
            None => HeldAgainst::Nothing(format!("plugin = \"{plugin}\"\ncatalog = true\n")),
        },
        signature: Some(key.sign(stated.as_bytes()).unwrap()),
    };
    ground.store.publish_plugin(&new, moment()).await.unwrap();
}

/// A host that asks version 1 of `a`, which eve has signed, and whose compiler is stuck over version
/// 2, also hers. Somebody else may publish as well.
struct Loading {
    ground: Ground,
    chains: Chains,
    stuck: Stuck,
    eve: PrivateKey,
}

impl Loading {
    async fn new() -> Self {
        Self::with(async |_| ()).await
    }

    /// The same with something more that is loaded.
    async fn with(more: impl AsyncFnOnce(&Ground)) -> Self {
        let ground = Ground::new().await;
        add_publisher(&ground).await;
        let eve = publisher(&ground, "eve").await;
        publish_signed(&ground, "a", "1", 1, &eve).await;
        ground.promote("north", "a", "1").await;
        more(&ground).await;
        // Its code is kept from then on.
        ground.host().await.follow(&center("north")).await.unwrap();
        let stuck = Stuck::on(&ground);
        let settings = Settings {
            compiler: Some(stuck.compiler()),
            ..ground.settings()
        };
        let chains = ground.host_with(&settings).await;
        chains.follow(&center("north")).await.unwrap();
        publish_signed(&ground, "a", "2", 2, &eve).await;
        ground.promote("north", "a", "2").await;
        Self {
            ground,
            chains,
            stuck,
            eve,
        }
    }

    /// Does something while the host loads, and does not wait for the end of that.
    async fn meanwhile(&self, done: impl Future<Output = ()>) {
        let doing = async {
            self.stuck.begun().await;
            done.await;
        };
        let north = center("north");
        tokio::select! {
            _ = self.chains.follow(&north) => panic!("it was loaded"),
            () = doing => {}
        }
    }
}

async fn followed(chains: &Chains) -> (Followed, Option<String>, String) {
    let followed = chains.follow(&center("north")).await.unwrap();
    let told = chains.known_or_new(&center("north"));
    let told = told.held.lock().await.told.join("\n");
    (followed, asked(chains, "north").await, told)
}

#[tokio::test]
async fn a_host_that_has_loaded_a_version_asks_it_no_longer_than_one_that_starts() {
    let ground = Ground::new().await;
    let running = ground.host().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    let (_, asked, _) = followed(&running).await;
    assert_eq!(asked.unwrap(), "a 1");
    assert_eq!(running.registry().closed(), []);
    add_publisher(&ground).await;
    let starting = ground.host().await;
    for chains in [&running, &starting] {
        let (followed, asked, told) = followed(chains).await;
        // It may be signed by somebody who is named later.
        assert!(followed.again && followed.rejected.is_empty());
        assert_eq!(asked, None);
        assert!(told.contains("has no signature"), "{told}");
        assert!(told.contains("downloads are refused"), "{told}");
        assert_eq!(chains.registry().closed(), [center("north")]);
    }
    remove_publisher(&ground, "ada").await;
    for chains in [&running, &starting] {
        let (_, asked, _) = followed(chains).await;
        assert_eq!(asked.unwrap(), "a 1");
    }
}

#[tokio::test]
async fn a_trial_that_nobody_has_signed_ends_and_is_not_rejected() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    let trial = Step::Canary(version("1"), Share::percent(10).unwrap());
    ground.step("north", "a", trial).await;
    let (_, asked, _) = followed(&chains).await;
    assert_eq!(asked.unwrap(), "a 1 for 10 %");
    add_publisher(&ground).await;
    let (followed, asked, _) = followed(&chains).await;
    assert!(followed.again && followed.rejected.is_empty());
    assert_eq!(asked.unwrap(), "", "nothing rests on a trial");
}

#[tokio::test]
async fn a_version_before_answers_on_only_where_somebody_has_signed_it() {
    let ground = Ground::new().await;
    let chains = ground.host().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    followed(&chains).await;
    ground.publish("north", "a", "2", b"rubbish").await;
    ground.promote("north", "a", "2").await;
    let (_, asked, _) = followed(&chains).await;
    assert_eq!(asked.unwrap(), "a 1");
    add_publisher(&ground).await;
    let (_, asked, told) = followed(&chains).await;
    assert_eq!(asked, None);
    assert!(
        told.contains("1, which was asked before it, is signed by nobody"),
        "{told}"
    );
}

#[tokio::test]
async fn what_nobody_has_signed_is_not_asked_while_another_version_takes_long() {
    let ground = Ground::new().await;
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    // Its code is kept; that of the version after it is made by a compiler that does not end.
    ground.host().await.follow(&center("north")).await.unwrap();
    let stuck = Stuck::on(&ground);
    let settings = Settings {
        compiler: Some(stuck.compiler()),
        ..ground.settings()
    };
    let chains = ground.host_with(&settings).await;
    let north = center("north");
    chains.follow(&north).await.unwrap();
    assert_eq!(asked(&chains, "north").await.as_deref(), Some("a 1"));
    let eve = publisher(&ground, "eve").await;
    publish_signed(&ground, "a", "2", 2, &eve).await;
    ground.promote("north", "a", "2").await;
    tokio::select! {
        _ = chains.follow(&north) => panic!("it was loaded"),
        () = until(async || is_closed(&chains, "north").await) => {}
    }
}

#[tokio::test]
async fn a_publisher_who_goes_while_a_host_loads_has_signed_nothing_that_it_asks() {
    let loading = Loading::new().await;
    let Loading { ground, chains, .. } = &loading;
    let removed = async {
        assert_eq!(asked(chains, "north").await.as_deref(), Some("a 1"));
        remove_publisher(ground, "eve").await;
        until(async || is_closed(chains, "north").await).await;
    };
    loading.meanwhile(removed).await;
}

#[tokio::test]
async fn what_is_loaded_is_held_against_the_publishers_of_the_end() {
    let loading = Loading::new().await;
    let north = center("north");
    let removed = async {
        loading.stuck.begun().await;
        remove_publisher(&loading.ground, "eve").await;
        loading.stuck.give_up();
    };
    let (followed, ()) = tokio::join!(loading.chains.follow(&north), removed);
    assert!(followed.unwrap().again);
    assert_eq!(asked(&loading.chains, "north").await, None);
}

#[tokio::test]
async fn a_center_that_waits_to_be_followed_is_looked_at_meanwhile() {
    let loading = Loading::new().await;
    let Loading { ground, chains, .. } = &loading;
    let north = center("north");
    assert_eq!(chains.look_at(&north).await, None);
    assert_eq!(asked(chains, "north").await.as_deref(), Some("a 1"));
    remove_publisher(ground, "eve").await;
    let mut looks = 0;
    while let Some(until) = chains.look_at(&north).await {
        looks += 1;
        tokio::time::sleep_until(until).await;
    }
    assert_eq!(looks, 1);
    assert_eq!(asked(chains, "north").await, None);
    // She is named again before anybody has followed.
    let eve = loading.eve.public_spki_der().to_vec();
    add_publisher_with(ground, "eve", eve).await;
    loading.stuck.give_up();
    chains.follow(&center("north")).await.unwrap();
    assert_eq!(asked(chains, "north").await.as_deref(), Some("a 1"));
}

#[tokio::test]
async fn a_trial_that_ends_closes_nothing_while_another_version_takes_long() {
    let loading = Loading::with(async |ground| {
        let zoe = publisher(ground, "zoe").await;
        publish_signed(ground, "b", "1", 3, &zoe).await;
        let trial = Step::Canary(version("1"), Share::percent(10).unwrap());
        ground.step("north", "b", trial).await;
    });
    let loading = loading.await;
    let Loading { ground, chains, .. } = &loading;
    let removed = async {
        let now = async || asked(chains, "north").await.unwrap();
        assert_eq!(now().await, "a 1, b 1 for 10 %");
        remove_publisher(ground, "zoe").await;
        until(async || now().await == "a 1").await;
    };
    loading.meanwhile(removed).await;
}
