//! Bindings generated from the contract, and the names it goes by.

wasmtime::component::bindgen!({
    path: "../../wit/repository/0.1",
    world: "repository",
    imports: { default: trappable },
});

pub(super) use self::colophon::repository::title_file;
pub(super) use self::exports::colophon::repository::protected_title as contract;
