//! Bindings generated from the contract, and the names it goes by.

wasmtime::component::bindgen!({
    path: "../../wit/0.1",
    world: "colophon:plugin/all",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
});

pub(crate) use self::colophon::host::catalog;
pub(crate) use self::colophon::types::common;
pub(crate) use self::exports::colophon::meta::plugin as meta;
pub(crate) use self::exports::colophon::naming::naming;
pub(crate) use self::exports::colophon::policy::policy;
pub(crate) use self::exports::colophon::resolver::resolver;

pub(crate) const META: &str = "colophon:meta/plugin@0.1.0";
pub(crate) const RESOLVER: &str = "colophon:resolver/resolver@0.1.0";
pub(crate) const POLICY: &str = "colophon:policy/policy@0.1.0";
pub(crate) const NAMING: &str = "colophon:naming/naming@0.1.0";

/// What a plug-in may import: interfaces with their functions. Types need no offer.
pub(crate) const OFFERED: [(&str, &[&str]); 1] = [("colophon:host/catalog@0.1.0", &["find"])];
