//! Names files as a center likes them: `Emma [9780000000019]`.
//!
//! There are three releases of it, one feature each, for whoever wants to see versions come and go:
//! the second puts the authors first (`Jane Austen, Emma`), and the third has a mistake of the common
//! kind. It takes a fact for granted that is not always there, and fails where it is not.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

mod style;

use alloc::string::String;

use colophon_plugin::{Attributes, Context, Failure, Naming, Plugin};

/// The plug-in.
pub struct FileStyle;

colophon_plugin::export!(FileStyle: naming);

impl Plugin for FileStyle {
    fn self_test() -> Result<(), String> {
        style::self_test()
    }
}

impl Naming for FileStyle {
    fn file_name(_: Context, facts: Attributes) -> Result<String, Failure> {
        style::name(&facts).ok_or_else(|| Failure::Invalid("no title and no Book ID".into()))
    }
}
