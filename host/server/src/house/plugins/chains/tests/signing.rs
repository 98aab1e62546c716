//! Publishers who come and go while versions are asked.

use colophon_keys::{KeyKind, PrivateKey};
use colophon_store::plugins::{LastPublisher, Publisher};

use super::*;
use crate::house::plugins::statement;

/// Names somebody whose key signs nothing.
async fn add_publisher(ground: &Ground) {
    let publisher = Publisher {
        name: "ada".to_owned(),
        public_key: vec![1, 2, 3],
        created_at: moment(),
    };
    let north = center("north");
    let added = ground.store.add_publisher(&north, &publisher);
    added.await.unwrap();
}

async fn remove_publisher(ground: &Ground) {
    let (north, last) = (center("north"), LastPublisher::MayGo);
    let removed = ground.store.remove_publisher(&north, "ada", last);
    removed.await.unwrap();
}

/// A version of `a` for `north` with its publisher's signature.
async fn publish_signed(ground: &Ground, number: &str, key: &PrivateKey) {
    let component = labelled(2);
    let manifest =
        format!("id = \"a\"\nversion = \"{number}\"\napi = \"1.0\"\nroles = [\"naming\"]\n");
    let sha256 = AwsLc.digest(&[&component]);
    let papers = AwsLc.digest(&[manifest.as_bytes()]);
    let stated = statement(
        &center("north"),
        &name("a"),
        &version(number),
        &sha256,
        &papers,
    );
    let kept = ground.store.kept_plugin(&center("north"), &name("a")).await;
    let new = NewVersion {
        center: center("north"),
        plugin: name("a"),
        version: version(number),
        sha256,
        component,
        manifest,
        cases: "[]".to_owned(),
        grant: HeldAgainst::Grant(kept.unwrap().unwrap().grant),
        signature: Some(key.sign(stated.as_bytes()).unwrap()),
    };
    ground.store.publish_plugin(&new, moment()).await.unwrap();
}

async fn followed(chains: &Chains) -> (Followed, Option<String>, String) {
    let followed = chains.follow(&center("north")).await.unwrap();
    let told = chains.held(&center("north"));
    let told = told.lock().await.told.join("\n");
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
    remove_publisher(&ground).await;
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
    // Its code is kept; that of the plug-in before it is made by a compiler that does not end.
    ground.host().await.follow(&center("north")).await.unwrap();
    let settings = Settings {
        compiler: Some(CompilerProgram::new("/bin/sleep", ["60"])),
        ..ground.settings()
    };
    let chains = ground.host_with(&settings).await;
    let north = center("north");
    chains.follow(&north).await.unwrap();
    assert_eq!(asked(&chains, "north").await.as_deref(), Some("a 1"));
    let key = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let publisher = Publisher {
        name: "eve".to_owned(),
        public_key: key.public_spki_der().to_vec(),
        created_at: moment(),
    };
    publish_signed(&ground, "2", &key).await;
    ground.promote("north", "a", "2").await;
    ground
        .store
        .add_publisher(&north, &publisher)
        .await
        .unwrap();
    let closed = async {
        while !is_closed(&chains, "north").await {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = chains.follow(&north) => panic!("it was loaded"),
        () = closed => {}
    }
}
