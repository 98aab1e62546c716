//! A plug-in's call by the engine alone: no fuel, no ticks, no fiber, nobody who accounts for it. What
//! is left is what the component model itself asks for every text that crosses the boundary.

use std::error::Error;
use std::hint::black_box;

use colophon_core::plugin::PluginFailure;
use colophon_plugin_host::CATALOG_PLUGIN;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use self::colophon::types::common;
use self::exports::colophon::policy::policy;
use crate::measured::{Measured, measure};
use crate::sale::Sale;

wasmtime::component::bindgen!({
    path: "../../wit/1.0",
    world: "colophon:plugin/all",
});

/// Asks the policy of one instance again and again.
pub(crate) async fn policy_calls(calls: usize, sale: &Sale) -> Result<Measured, Box<dyn Error>> {
    let mut config = Config::new();
    config.concurrency_support(false).gc_support(false);
    let engine = Engine::new(&config)?;
    let component = Component::new(&engine, CATALOG_PLUGIN)?;
    let mut linker = Linker::new(&engine);
    // A policy asks the host for nothing.
    linker.define_unknown_imports_as_traps(&component)?;
    let mut store = Store::new(&engine, ());
    let indices = policy::GuestIndices::new(&linker.instantiate_pre(&component)?)?;
    let instance = linker.instantiate(&mut store, &component)?;
    let guest = indices.load(&mut store, &instance)?;
    let (context, offer) = (context(sale), offer(sale));
    let measured = measure(calls, async || {
        let verdict = guest.call_evaluate(&mut store, &context, &offer);
        let verdict = verdict.map_err(|_| PluginFailure::HostUnavailable)?;
        black_box(verdict.map_err(|_| PluginFailure::HostUnavailable)?);
        Ok(())
    });
    Ok(measured.await?)
}

fn context(sale: &Sale) -> common::Context {
    let context = &sale.context;
    common::Context {
        request_id: context.request_id.clone(),
        now_ms: 0,
        center: context.center.as_ref().to_owned(),
        retailer: context.retailer.as_ref().to_owned(),
        territory: None,
        extra: Vec::new(),
    }
}

fn offer(sale: &Sale) -> policy::Offer {
    let offer = sale.offer.clone();
    policy::Offer {
        book: common::Book {
            id_type: offer.book.id_type.into(),
            id: offer.book.id.into(),
        },
        resource_class: offer.resource_class,
        price: offer.price.map(|price| common::Money {
            minor: price.minor,
            currency: price.currency.into(),
        }),
        requested_protection: offer.requested_protection,
        title: offer.title,
        sale: offer.sale,
        extra: Vec::new(),
    }
}
