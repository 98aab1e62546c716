//! The plug-in that every fulfillment center has unless it brings its own.
//!
//! It resolves a Book ID by the catalog in the fulfillment database, lets every sale pass under
//! the catalog's own terms, and names a file by the retailer's wish or by title and authors.
//!
//! Natively this is an ordinary library, so that its rules are tested like any others; `cargo
//! xtask plugins` builds the component.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod naming;

use alloc::string::String;
use alloc::vec::Vec;

use colophon_plugin::catalog::{self, FindError};
use colophon_plugin::{
    Answer, Attributes, Book, Context, Failure, Naming, Offer, Outcome, Plugin, Policy, Resolver,
    Terms, Verdict,
};

/// The plug-in.
pub struct Catalog;

colophon_plugin::export!(Catalog: resolver, policy, naming);

impl Plugin for Catalog {
    fn needs() -> Vec<String> {
        Vec::from([String::from("catalog.find")])
    }

    fn self_test() -> Result<(), String> {
        naming::self_test()
    }
}

impl Resolver for Catalog {
    fn resolve(_: Context, book: Book, _: Option<String>) -> Result<Answer, Failure> {
        match catalog::find(&book) {
            Ok(Some(location)) => Ok(Answer::Found(location)),
            Ok(None) => Ok(Answer::NotMine),
            Err(FindError::Unavailable(text)) => Err(Failure::Unavailable(text)),
            Err(FindError::Invalid(text)) => Err(Failure::Invalid(text)),
            Err(FindError::Other(code_and_text)) => Err(Failure::Other(code_and_text)),
        }
    }
}

impl Policy for Catalog {
    /// Denies nothing: what the catalog and the receipt demand, the host holds without being told.
    fn evaluate(_: Context, _: Offer) -> Result<Verdict, Failure> {
        let terms = Terms {
            min_protection: String::new(),
            max_downloads: None,
            receipt_lifetime_s: None,
            expires_at_ms: None,
            obligations: Vec::new(),
        };
        Ok(Verdict {
            outcome: Outcome::Allow(terms),
            because: Vec::new(),
        })
    }
}

impl Naming for Catalog {
    fn file_name(_: Context, facts: Attributes) -> Result<String, Failure> {
        naming::file_name(&facts).ok_or_else(|| Failure::Invalid("no title and no book id".into()))
    }
}
