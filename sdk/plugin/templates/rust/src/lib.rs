//! Resolves the ISBNs of one publisher to folders of a content store.
//!
//! Here is what the host asks and how it is answered; the rule itself is in `shelf`, which knows
//! nothing of a host and is tested by `cargo test` like any other Rust.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod shelf;

use alloc::string::String;
use alloc::vec::Vec;

use colophon_plugin::log::{self, Level};
use colophon_plugin::{Answer, Book, Context, Failure, Location, Plugin, Resolver, config};

/// The plug-in. It has no fields: every request finds it as if it had just been started.
pub struct MyPlugin;

colophon_plugin::export!(MyPlugin: resolver);

impl Plugin for MyPlugin {
    /// Run by the host before it takes the plug-in; an error keeps it out.
    fn self_test() -> Result<(), String> {
        shelf::self_test()
    }
}

impl Resolver for MyPlugin {
    fn resolve(_: Context, book: Book, _: Option<String>) -> Result<Answer, Failure> {
        // What the center's operator has set for this plug-in.
        let Some(prefix) = config::get("prefix") else {
            return Err(Failure::NotFound("the setting `prefix` is missing".into()));
        };
        let Some(path) = shelf::path(&book.id_type, &book.id, &prefix) else {
            // Not an error: the next plug-in of the center is asked.
            log::write(Level::Debug, "not one of ours", &Vec::new());
            return Ok(Answer::NotMine);
        };
        Ok(Answer::Found(Location {
            root: config::get("root").unwrap_or_else(|| "main".into()),
            path,
            sha256: None,
            size: None,
            extra: Vec::new(),
        }))
    }
}
