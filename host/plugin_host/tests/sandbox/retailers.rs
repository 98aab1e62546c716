//! Whose a retailer id is, where the version that knows is only on trial.

use std::sync::Arc;

use colophon_core::plugin::{CallContext, Plugins, RetailerAnswer, RetailerEntry};
use colophon_core::rollout::{PurchaseMark, Share};
use colophon_plugin_host::{CATALOG_PLUGIN, Granted, Limits, Place, Registry};
use colophon_receipt::RetailerId;

use crate::guest::retailers;
use crate::world::{Shelf, center, request, sandbox};

#[tokio::test]
async fn a_trial_of_the_role_is_asked_for_its_share_of_the_retailers() {
    let sandbox = sandbox();
    let granted = || Granted::catalog(Limits::default());
    let built_in = sandbox.load(CATALOG_PLUGIN, granted()).await;
    let trial = sandbox.load(&retailers("shop"), granted()).await;
    let (built_in, trial) = (built_in.expect("loads"), trial.expect("loads"));
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [built_in.clone()]);
    assert!(!plugins.tells_retailers(&center("north")));
    let share = Share::percent(50).expect("a share");
    let version = "2".parse().expect("a version");
    let tried = Place::empty().trying(trial.into(), version, share);
    plugins.publish(&center("north"), [tried, built_in.into()]);
    assert!(plugins.tells_retailers(&center("north")));

    let mut known = 0;
    for number in 0..60 {
        let retailer = format!("branch-{number}");
        let retailer = RetailerId::try_from(retailer.as_str()).expect("an id");
        let mut answers = Vec::new();
        for _ in 0..2 {
            let mut calls = plugins.begin(CallContext {
                retailer: retailer.clone(),
                purchase: Some(PurchaseMark::claimed(&retailer)),
                ..request("north")
            });
            answers.push(calls.identify(&retailer).await.expect("an answer"));
        }
        assert_eq!(answers[0], answers[1], "a retailer meets one version");
        let entry = RetailerEntry {
            retailer: "shop".to_owned(),
            key: None,
        };
        match &answers[0] {
            RetailerAnswer::NotMine => {}
            told @ RetailerAnswer::Known(_) => {
                assert_eq!(*told, RetailerAnswer::Known(entry));
                known += 1;
            }
        }
    }
    assert!((15..45).contains(&known), "{known} of 60");
}
