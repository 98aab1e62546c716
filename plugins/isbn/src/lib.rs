//! Finds titles by ISBN and DOI however retailers write them: `0-306-40615-2` is
//! `9780306406157`, `https://doi.org/10.1000/ABC` is `10.1000/abc`.
//!
//! Stands before the catalog plug-in in a center's chain. A catalog that holds ISBN-13 without hyphens
//! and DOIs in lower case finds what is asked for in any other spelling.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod spelling;

use alloc::string::String;
use alloc::vec::Vec;

use colophon_plugin::catalog::{self, FindError};
use colophon_plugin::{Answer, Book, Context, Failure, Plugin, Resolver};

/// The plug-in.
pub struct Isbn;

colophon_plugin::export!(Isbn: resolver);

impl Plugin for Isbn {
    fn needs() -> Vec<String> {
        Vec::from([String::from("catalog.find")])
    }

    fn self_test() -> Result<(), String> {
        spelling::self_test()
    }
}

impl Resolver for Isbn {
    fn resolve(_: Context, book: Book, _: Option<String>) -> Result<Answer, Failure> {
        let usual = match book.id_type.to_ascii_uppercase().as_str() {
            "ISBN" => spelling::isbn(&book.id),
            "DOI" => spelling::doi(&book.id),
            _ => None,
        };
        // What is spelled as in the catalog already, the catalog plug-in finds by itself.
        let Some(id) = usual.filter(|id| *id != book.id) else {
            return Ok(Answer::NotMine);
        };
        let id_type = book.id_type.to_ascii_uppercase();
        match catalog::find(&Book { id_type, id }) {
            Ok(Some(location)) => Ok(Answer::Found(location)),
            Ok(None) => Ok(Answer::NotMine),
            Err(FindError::Unavailable(text)) => Err(Failure::Unavailable(text)),
            Err(FindError::Invalid(text)) => Err(Failure::Invalid(text)),
            Err(FindError::Other(code_and_text)) => Err(Failure::Other(code_and_text)),
        }
    }
}
