//! Embeds the catalog plug-in.

#[path = "../embedded_guest.rs"]
mod embedded_guest;

fn main() {
    embedded_guest::find(
        "the catalog plug-in",
        "plugins/catalog.wasm",
        "COLOPHON_CATALOG_PLUGIN",
    );
}
