//! Finds titles by a path that the operator writes once for all: with the setting
//! `template-isbn = "isbn/{id:0-6}/{id}"`, the ISBN `9783161484100` lies at
//! `isbn/978316/9783161484100`.
//!
//! For stores that are laid out by a rule, where a catalog would only repeat it.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod template;

use alloc::string::String;
use alloc::vec::Vec;

use colophon_plugin::{Answer, Book, Context, Failure, Location, Plugin, Resolver, config};

/// The plug-in.
pub struct PathTemplate;

colophon_plugin::export!(PathTemplate: resolver);

impl Plugin for PathTemplate {
    fn needs() -> Vec<String> {
        Vec::from([String::from("config")])
    }

    fn self_test() -> Result<(), String> {
        template::self_test()
    }
}

impl Resolver for PathTemplate {
    fn resolve(_: Context, book: Book, _: Option<String>) -> Result<Answer, Failure> {
        let own = ["template-", &book.id_type.to_ascii_lowercase()].concat();
        let Some(template) = config::get(&own).or_else(|| config::get("template")) else {
            return Ok(Answer::NotMine);
        };
        let path = template::filled(&template, &book.id_type, &book.id)
            .map_err(|problem| Failure::Invalid(problem.into()))?;
        Ok(match path {
            Some(path) => Answer::Found(Location {
                root: config::get("root").unwrap_or_else(|| "main".into()),
                path,
                sha256: None,
                size: None,
                extra: Vec::new(),
            }),
            None => Answer::NotMine,
        })
    }
}
