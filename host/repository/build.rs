//! Embeds the template of the secure repository.

#[path = "../embedded_guest.rs"]
mod embedded_guest;

fn main() {
    embedded_guest::find(
        "the secure repository",
        "plugins/repository.wasm",
        "COLOPHON_REPOSITORY_TEMPLATE",
    );
}
