//! What it costs a request that its decisions are recorded: copies of what crossed the boundary, and
//! nothing that is written down, encrypted or digested.

use std::sync::{Arc, Mutex};

use colophon_core::plugin::Plugins;
use colophon_plugin_host::{
    Asked, CATALOG_PLUGIN, Chain, Decided, Granted, Limits, Recorder, Registry, Sandbox,
};

use crate::counted::{Count, made};
use crate::host_calls::{KV, calling};
use crate::services::{Values, granted_values};
use crate::world::{Shelf, book, offer, request, sandbox};

/// Keeps decisions, as whoever writes them down later does.
struct Kept(Mutex<Vec<Decided>>);

impl Recorder for Kept {
    fn record(&self, decided: Decided) {
        self.0.lock().expect("decisions").push(decided);
    }
}

/// The same plug-in with and without a recorder.
async fn both(sandbox: &Arc<Sandbox>, wasm: &[u8], granted: Granted) -> [Registry; 2] {
    let generation = sandbox.load(wasm, granted).await.expect("loads");
    let kept = Arc::new(Kept(Mutex::new(Vec::with_capacity(100))));
    let silent = Asked::from(Arc::clone(&generation));
    let recorded = Asked::from(generation).recorded_by(kept);
    [silent, recorded].map(|asked| {
        let shelf = Arc::new(Shelf::with("north", "1", "shelf/1"));
        Registry::new(Arc::clone(sandbox), shelf, Chain::from([asked]))
    })
}

/// What more is asked of the allocator where a request is recorded.
async fn more(plugins: &[Registry; 2], all_roles: bool) -> Count {
    let mut counts = Vec::new();
    for plugins in plugins {
        let mut last = made();
        // What is made once is made by the first.
        for _ in 0..3 {
            let before = made();
            let mut calls = plugins.begin(request("north"));
            calls.resolve(&book("1")).await.expect("resolved");
            if all_roles {
                calls.evaluate(offer()).await.expect("judged");
                let facts = vec![("title".to_owned(), "Emma".to_owned())];
                calls.file_name(facts).await.expect("named");
            }
            drop(calls);
            last = before.since();
        }
        counts.push(last);
    }
    let [silent, recorded] = counts[..] else {
        panic!("two counts")
    };
    Count {
        times: recorded.times - silent.times,
        bytes: recorded.bytes - silent.bytes,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_recorded_request_of_three_questions_asks_for_little_more_memory() {
    let sandbox = sandbox();
    let granted = Granted::catalog(Limits::default());
    let plugins = both(&sandbox, CATALOG_PLUGIN, granted).await;
    let more = more(&plugins, true).await;
    assert!(more.times <= 40 && more.bytes <= 8 << 10, "{more:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn a_large_value_is_copied_once_and_not_encoded() {
    const BYTES: usize = 60 << 10;
    let sandbox = sandbox();
    let get = calling(
        KV,
        "(call $get (i32.const 5000) (i32.const 4) (i32.const 8192)) (call $arms)",
    );
    let values = Values::default();
    let place = ("north".to_owned(), "zone".to_owned());
    let value = vec![255; BYTES];
    values.kept.lock().expect("values").insert(place, value);
    let (granted, _) = granted_values(values, true);
    let plugins = both(&sandbox, &get, granted).await;
    let more = more(&plugins, false).await;
    assert!((BYTES..BYTES + (4 << 10)).contains(&more.bytes), "{more:?}");
}
