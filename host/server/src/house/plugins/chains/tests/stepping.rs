//! Steps that are taken while a host loads another plug-in.

use super::*;

/// A host that asks `a 1` and `b 2`, with `b 1` before it and `b 3` on trial, and whose compiler is stuck
/// over `a 2`.
async fn stuck_over_another_plug_in(ground: &Ground) -> (Chains, Stuck) {
    let compiling = ground.host().await;
    let stuck = Stuck::on(ground);
    let settings = Settings {
        compiler: Some(stuck.compiler()),
        ..ground.settings()
    };
    ground.publish("north", "a", "1", &labelled(1)).await;
    ground.promote("north", "a", "1").await;
    ground.publish("north", "b", "1", &labelled(2)).await;
    ground.promote("north", "b", "1").await;
    compiling.follow(&center("north")).await.unwrap();
    let chains = ground.host_with(&settings).await;
    chains.follow(&center("north")).await.unwrap();
    ground.publish("north", "b", "2", &labelled(3)).await;
    ground.promote("north", "b", "2").await;
    ground.publish("north", "b", "3", &labelled(4)).await;
    let trial = Step::Canary(version("3"), Share::percent(10).unwrap());
    ground.step("north", "b", trial).await;
    // What it has compiled is kept for the other.
    compiling.follow(&center("north")).await.unwrap();
    chains.follow(&center("north")).await.unwrap();
    ground.publish("north", "a", "2", &labelled(5)).await;
    ground.promote("north", "a", "2").await;
    (chains, stuck)
}

#[tokio::test]
async fn what_needs_nothing_loaded_does_not_wait_for_what_does() {
    let ground = Ground::new().await;
    let (chains, stuck) = stuck_over_another_plug_in(&ground).await;
    let now = async || asked(&chains, "north").await.unwrap();
    assert_eq!(now().await, "a 1, b 2 and b 3 for 10 %");
    let stepped = async {
        stuck.begun().await;
        let back = |from: &str| Step::Rollback {
            seen: Some(version(from)),
        };
        ground.step("north", "b", back("3")).await;
        until(async || now().await == "a 1, b 2").await;
        ground.step("north", "b", back("2")).await;
        until(async || now().await == "a 1, b 1").await;
        ground.step("north", "b", Step::Withdraw).await;
        until(async || now().await == "a 1").await;
    };
    let north = center("north");
    tokio::select! {
        _ = chains.follow(&north) => panic!("it was loaded"),
        () = stepped => {}
    }
}

#[tokio::test]
async fn what_was_taken_meanwhile_is_not_undone_by_what_was_loaded() {
    let ground = Ground::new().await;
    let (chains, stuck) = stuck_over_another_plug_in(&ground).await;
    let north = center("north");
    let withdrawn = async {
        stuck.begun().await;
        ground.step("north", "b", Step::Withdraw).await;
        stuck.give_up();
    };
    let (followed, ()) = tokio::join!(chains.follow(&north), withdrawn);
    followed.unwrap();
    assert_eq!(asked(&chains, "north").await.unwrap(), "a 1");
}
