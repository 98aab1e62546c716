//! Bindings generated from the contract.

wasmtime::component::bindgen!({
    path: "../../wit/1.0",
    world: "colophon:plugin/all",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
    additional_derives: [PartialEq, serde::Deserialize, serde::Serialize],
});

pub(crate) use self::colophon::host::{catalog, config, http, kv, log, sql};
pub(crate) use self::colophon::types::common;
pub(crate) use self::exports::colophon::meta::plugin as meta;
pub(crate) use self::exports::colophon::naming::naming;
pub(crate) use self::exports::colophon::policy::policy;
pub(crate) use self::exports::colophon::resolver::resolver;
pub(crate) use self::exports::colophon::retailers::retailers;
