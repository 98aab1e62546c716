//! A host that speaks two versions of the contract, with plug-ins of both in it.
//!
//! The next version is the published one and one interface more; it lives in this test alone. The
//! linker's names stay those of the published one: where nothing differs, the engine takes an
//! interface for the same under any version that goes on with it.
//!
//! The host's own tests build this file, for nobody outside can have a host speak another contract.

use std::sync::Arc;

use colophon_core::plugin::{Plugins as _, ResolverAnswer};
use wasmtime::component::Linker;

use super::request::{book, center, request};
use super::world::Shelf;
use super::{Sandbox, Settings, offer};
use crate::CATALOG_PLUGIN;
use crate::contract::{Added, Spoken};
use crate::generation::{Generation, LoadRefused};
use crate::granted::Granted;
use crate::limits::Limits;
use crate::registry::Registry;
use crate::state::CallState;

#[expect(dead_code, reason = "the tests from outside use the rest")]
pub(crate) mod guest;
mod next_contract;

const WEATHER: &str = "colophon:plugin/weather@1.1.0";

const NEXT: Spoken = Spoken::up_to(
    (1, 1, 0),
    &[Added {
        interface: WEATHER,
        functions: &["sunny"],
    }],
);

/// All that the published version has, and what the next one has added.
fn offer_next(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    offer(linker)?;
    let mut weather = linker.instance(WEATHER)?;
    weather.func_wrap("sunny", |_, ()| Ok((true,)))
}

fn next_host() -> Arc<Sandbox> {
    Sandbox::speaking(NEXT, offer_next, &Settings::default()).unwrap()
}

/// A resolver of the next version that asks for the weather, and another function that is none.
fn newer(function: &str) -> Vec<u8> {
    let (file, (old, new)) = next_contract::GROWN;
    let new = new.replace("sunny", function);
    let folder = next_contract::next_version(file, (old, &new));
    let import = format!("(import \"{WEATHER}\" \"{function}\" (func $sunny (result i32)))");
    guest::of_next_version(
        folder.path(),
        &import,
        "(func $resolve (param i32) (result i32)
           (call $find (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8192))
           (if (result i32) (call $sunny)
             (then (call $found (i32.const 3000) (i32.const 4)))
             (else (call $not_mine))))",
    )
}

/// Where the plug-ins of a center say that a title is.
async fn found(plugins: &Registry, at: &str) -> Option<String> {
    match plugins
        .begin(request(at))
        .resolve(&book("1"))
        .await
        .unwrap()
    {
        ResolverAnswer::Found(place) => Some(place.path),
        ResolverAnswer::NotMine => None,
    }
}

async fn loaded(sandbox: &Arc<Sandbox>, wasm: &[u8]) -> Result<Arc<Generation>, LoadRefused> {
    let granted = Granted::catalog(Limits::default());
    sandbox.load(wasm, granted).await
}

#[tokio::test]
async fn plug_ins_of_two_versions_work_side_by_side() {
    let sandbox = next_host();
    let older = loaded(&sandbox, &guest::resolver_that_first(""))
        .await
        .unwrap();
    let newer = loaded(&sandbox, &newer("sunny")).await.unwrap();
    let built_in = loaded(&sandbox, CATALOG_PLUGIN).await.unwrap();
    let plugins = Registry::new(sandbox, Arc::new(Shelf::empty()), [built_in]);
    plugins.publish(&center("north"), [Arc::clone(&older)]);
    plugins.publish(&center("south"), [Arc::clone(&newer)]);
    // One chain may hold both, in any order.
    plugins.publish(&center("east"), [Arc::clone(&older), Arc::clone(&newer)]);
    plugins.publish(&center("west"), [newer, older]);
    for _ in 0..3 {
        assert_eq!(found(&plugins, "north").await, None);
        for at in ["south", "east", "west"] {
            assert_eq!(found(&plugins, at).await.as_deref(), Some("main"), "{at}");
        }
        assert_eq!(found(&plugins, "elsewhere").await, None);
    }
}

#[tokio::test]
async fn what_a_version_does_not_have_is_refused_by_name() {
    let refused = loaded(&next_host(), &newer("windy")).await.err();
    let Some(LoadRefused::UnknownImport { import }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(import, format!("{WEATHER}#windy"));
    // The published version has no weather at all.
    let published = Sandbox::start(&Settings::default()).unwrap();
    let refused = loaded(&published, &newer("sunny")).await.err();
    let refused = refused.unwrap().to_string();
    assert!(refused.contains("@1.1.0"), "{refused}");
}
