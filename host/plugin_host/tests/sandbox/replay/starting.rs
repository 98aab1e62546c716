//! Guests that ask the host while they start.

use colophon_plugin_host::Divergence;

use super::{again, one, with_calls};
use crate::guest::reworked;
use crate::host_calls::KV;
use crate::services::{Values, granted_values};
use crate::world::{Shelf, sandbox};

#[tokio::test]
async fn what_a_start_asks_of_the_host_is_part_of_the_first_question() {
    let sandbox = sandbox();
    // The answer of the start decides what is found.
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192)))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32)
           (call $found (i32.load (i32.const 8200)) (i32.load (i32.const 8204))))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let values = Values::default();
    let place = ("north".to_owned(), "zone".to_owned());
    let kept = b"shelf/7".to_vec();
    values.kept.lock().expect("values").insert(place, kept);
    let (granted, _) = granted_values(values, true);
    let record = one(&sandbox, &guest, granted, Shelf::empty()).await;
    assert_eq!(record.outcome().to_string(), "found main:shelf/7");
    assert_eq!(record.host_calls(), 1);
    let (divergence, fuel) = again(&sandbox, &guest, &record).await;
    assert_eq!((divergence, fuel), (None, record.fuel()));
    // Another answer then is another outcome now, so that it is the record's that counts.
    let shelf_7 = "c2hlbGYvNw==";
    let other = with_calls(&record, |made| made.replace(shelf_7, "c2hlbGYvOA=="));
    let (divergence, _) = again(&sandbox, &guest, &other).await;
    let Some(Divergence::OtherOutcome { replayed, .. }) = divergence else {
        panic!("{divergence:?}")
    };
    assert!(replayed.contains("shelf/8"), "{replayed}");
}

#[tokio::test]
async fn a_start_that_fails_after_a_call_fails_again() {
    let sandbox = sandbox();
    // Without a value it traps; with one, as while it is loaded, it does not matter what it does.
    let body = "(func (export \"_initialize\")
           (call $get (i32.const 5000) (i32.const 4) (i32.const 8192))
           (if (i32.eqz (i32.load8_u (i32.const 8192))) (then (unreachable))))
         (data (i32.const 5000) \"zone\")
         (func $resolve (param i32) (result i32) (call $not_mine))";
    let guest = reworked(&[(";; IMPORTS", KV), (";; BODY", body)]);
    let (granted, _) = granted_values(Values::default(), true);
    let record = one(&sandbox, &guest, granted, Shelf::empty()).await;
    assert_eq!(record.outcome().kind(), "trapped");
    assert_eq!(record.host_calls(), 1);
    assert!(record.fuel() > 0);
    assert_eq!(again(&sandbox, &guest, &record).await.0, None);
}
